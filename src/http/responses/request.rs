//! A request of the Responses API as a chat request. What asks for something that is kept between requests is refused, what chat
//! completions know by another name is renamed, what they cannot say is named, and every other field goes on as it was written.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::dropped::Dropped;
use super::input::read_messages;
use super::settings::Settings;
use super::tools::{read_choice, read_tools};
use crate::chat::ChatRequest;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, refuse};

/// What cannot be done without remembering, and what to do instead.
const STATEFUL: [(&str, &str); 4] = [
    (
        "previous_response_id",
        "answers are not kept here, so there is none to go on from; send the whole conversation in input",
    ),
    ("conversation", "conversations are not kept here; send the whole conversation in input"),
    (
        "background",
        "answers are not kept here, so none can be fetched later; leave it out, and use stream for long answers",
    ),
    ("prompt", "prompt templates are not kept here; write the prompt into instructions and input"),
];

/// Fields that are read here or by the files beside this one, and go no further under their own names. `max_tool_calls` limits the calls
/// of hosted tools, which nobody is offered; `metadata` comes back with the answer, and chat completions take it for stored ones alone.
const READ: [&str; 21] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "max_tool_calls",
    "reasoning",
    "text",
    "include",
    "top_logprobs",
    "metadata",
    "stream",
    "stream_options",
    "store",
    "truncation",
    "previous_response_id",
    "conversation",
    "background",
    "prompt",
];

/// Fields that chat completions have no counterpart for, or whose effect on the answer could not be told back.
const DROPPED: [&str; 7] =
    ["access_programs", "context_management", "image", "messages", "n", "functions", "function_call"];

/// What a request of the Responses API asks for.
pub(super) struct ResponsesRequest {
    pub(super) chat: ChatRequest,
    pub(super) settings: Settings,
    pub(super) dropped: Vec<&'static str>,
}

/// Reads a body. The error names the field that is wrong.
pub(super) fn read(body: &[u8]) -> Result<ResponsesRequest, ApiError> {
    let fields = Fields::of_body(body)?;
    if let Some((name, why)) = STATEFUL.iter().find(|(name, _)| fields.raw(name).is_some_and(asks)) {
        return Err(fields.refuse(name, why));
    }
    let mut dropped = Dropped::default();
    let mut chat = ChatBody::default();
    let model = fields.get::<String>("model")?.unwrap_or_else(|| "auto".into());
    chat.set("model", &model)?;
    chat.set("messages", &read_messages(&fields, &mut dropped)?)?;
    write_tools(&fields, &mut chat, &mut dropped)?;
    chat.set_some("max_completion_tokens", fields.get::<u32>("max_output_tokens")?)?;
    write_reasoning(&fields, &mut chat, &mut dropped)?;
    write_text(&fields, &mut chat)?;
    write_logprobs(&fields, &mut chat, &mut dropped)?;
    write_stream(&fields, &mut chat, &mut dropped)?;
    match fields.get::<String>("truncation")?.as_deref() {
        None | Some("disabled") => {}
        // Nothing is cut from a conversation here: what is too long for every model is refused.
        Some(_) => dropped.add("truncation"),
    }
    let settings = Settings::read(&fields, model)?;
    for (name, value) in fields.into_said().filter(|(name, _)| !READ.contains(&name.as_str())) {
        match DROPPED.iter().find(|dropped| **dropped == name) {
            Some(name) => dropped.add(name),
            None => chat.carry(name, value.to_owned()),
        }
    }
    Ok(ResponsesRequest { chat: chat.into_request()?, settings, dropped: dropped.into_names() })
}

/// `false` asks for nothing.
fn asks(value: &RawValue) -> bool {
    value.get() != "false"
}

/// Without tools chat completions refuse everything that is said of them; some clients always say it.
fn write_tools(fields: &Fields<'_>, chat: &mut ChatBody, dropped: &mut Dropped) -> Result<(), ApiError> {
    let tools = read_tools(fields, dropped)?;
    let choice = read_choice(fields)?;
    let parallel = fields.get::<bool>("parallel_tool_calls")?;
    if tools.is_empty() {
        let wants_one = choice.filter(|choice| choice != "auto" && choice != "none");
        return chat.set_some("tool_choice", wants_one);
    }
    chat.set("tools", &tools)?;
    chat.set_some("tool_choice", choice)?;
    chat.set_some("parallel_tool_calls", parallel)
}

fn write_reasoning(fields: &Fields<'_>, chat: &mut ChatBody, dropped: &mut Dropped) -> Result<(), ApiError> {
    let Some(reasoning) = fields.raw("reasoning") else { return Ok(()) };
    let reasoning = Fields::read("reasoning", reasoning)?;
    chat.set_some("reasoning_effort", reasoning.get::<String>("effort")?)?;
    // Whether thoughts are told is the provider's to say; where they are, the answer has them.
    for (name, shown) in [
        ("summary", "reasoning.summary"),
        ("generate_summary", "reasoning.generate_summary"),
        ("context", "reasoning.context"),
        ("mode", "reasoning.mode"),
    ] {
        if reasoning.raw(name).is_some() {
            dropped.add(shown);
        }
    }
    Ok(())
}

fn write_text(fields: &Fields<'_>, chat: &mut ChatBody) -> Result<(), ApiError> {
    let Some(text) = fields.raw("text") else { return Ok(()) };
    let text = Fields::read("text", text)?;
    chat.set_some("verbosity", text.get::<String>("verbosity")?)?;
    let Some(format) = text.raw("format") else { return Ok(()) };
    let format = Fields::read("text.format", format)?;
    match format.need::<String>("type")?.as_str() {
        "text" => Ok(()),
        "json_object" => chat.set("response_format", &json!({"type": "json_object"})),
        "json_schema" => {
            #[derive(Serialize)]
            struct JsonSchema<'a> {
                name: String,
                #[serde(skip_serializing_if = "Option::is_none")]
                description: Option<String>,
                schema: &'a RawValue,
                #[serde(skip_serializing_if = "Option::is_none")]
                strict: Option<bool>,
            }
            #[derive(Serialize)]
            struct Format<'a> {
                r#type: &'static str,
                json_schema: JsonSchema<'a>,
            }
            let schema = format.raw("schema").ok_or_else(|| format.refuse("schema", "missing"))?;
            let json_schema = JsonSchema {
                name: format.need("name")?,
                description: format.get("description")?,
                schema,
                strict: format.get("strict")?,
            };
            chat.set("response_format", &Format { r#type: "json_schema", json_schema })
        }
        kind => Err(format.refuse("type", format_args!("{kind:?} is none of text, json_object and json_schema"))),
    }
}

/// Of what may be included only log-probabilities mean something without hosted tools, beside thoughts sealed for later, which nobody gives.
fn write_logprobs(fields: &Fields<'_>, chat: &mut ChatBody, dropped: &mut Dropped) -> Result<(), ApiError> {
    let include: Vec<String> = fields.get("include")?.unwrap_or_default();
    if include.iter().any(|item| item == "reasoning.encrypted_content") {
        dropped.add("include.reasoning.encrypted_content");
    }
    let most = fields.get::<u32>("top_logprobs")?;
    if most.is_some_and(|most| most > 0) || include.iter().any(|item| item == "message.output_text.logprobs") {
        chat.set("logprobs", &true)?;
        chat.set_some("top_logprobs", most)?;
    }
    Ok(())
}

/// The end of a stream tells the token counts, so they are always asked for.
fn write_stream(fields: &Fields<'_>, chat: &mut ChatBody, dropped: &mut Dropped) -> Result<(), ApiError> {
    let options = fields.get::<Value>("stream_options")?.unwrap_or_default();
    if options["include_obfuscation"] == true {
        dropped.add("stream_options.include_obfuscation");
    }
    if fields.get::<bool>("stream")?.unwrap_or(false) {
        chat.set("stream", &true)?;
        chat.set("stream_options", &json!({"include_usage": true}))?;
    }
    Ok(())
}

/// The body of a chat request, field by field.
#[derive(Default)]
struct ChatBody(Vec<(String, Box<RawValue>)>);

impl ChatBody {
    fn set(&mut self, name: &str, value: &impl Serialize) -> Result<(), ApiError> {
        let value = to_raw_value(value).map_err(|error| refuse(name, error))?;
        self.0.push((name.to_owned(), value));
        Ok(())
    }

    fn set_some(&mut self, name: &str, value: Option<impl Serialize>) -> Result<(), ApiError> {
        value.map_or(Ok(()), |value| self.set(name, &value))
    }

    /// A field as the client wrote it, unless one of this name was made from the client's own words already.
    fn carry(&mut self, name: String, value: Box<RawValue>) {
        if !self.0.iter().any(|(known, _)| *known == name) {
            self.0.push((name, value));
        }
    }

    fn into_request(self) -> Result<ChatRequest, ApiError> {
        let body = serde_json::to_vec(&self).map_err(|error| ApiError::invalid(error.to_string(), None))?;
        Ok(ChatRequest::from_slice(&body)?)
    }
}

impl Serialize for ChatBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
