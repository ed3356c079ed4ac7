//! A chat completion request as a message request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::beta;
use super::conversation::{Conversation, System, Turn};
use super::generation::Generation;
use super::sampling::Sampling;
use super::schema;
use super::thinking::{Terms, Thinking};
use super::tools::{Tool, Tools};
use crate::chat::ChatRequest;
use crate::gateway::attempt::Failure;
use crate::gateway::chat_shapes;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};

/// Fields that are read here or by the files beside this one. The others have no counterpart.
const READ: [&str; 25] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "n",
    "user",
    "safety_identifier",
    "reasoning_effort",
    "response_format",
    "service_tier",
    // The API's own, for settings and for clients that know it.
    "thinking",
    "output_config",
    "cache_control",
    beta::FIELD,
];

/// A message request.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    model: String,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<System>,
    messages: Vec<Turn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    output_config: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    /// What else the client wrote, where it spoke this very API.
    #[serde(flatten)]
    own: Map<String, Value>,
}

#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    json_schema: Option<JsonSchema>,
}

#[derive(Deserialize)]
struct JsonSchema {
    #[serde(default)]
    schema: Option<Value>,
}

/// The message request, and the names of what it leaves out.
pub(super) fn write(
    fixed: &[(&str, Value)],
    request: &ChatRequest,
    default_max_tokens: u32,
) -> Result<(Body, Vec<String>), Unwritten> {
    let fields = Fields::new(fixed, request);
    let mut dropped = Dropped::default();
    if fields.read::<u64>("n")?.is_some_and(|answers| answers > 1) {
        return Err(Failure::Unsupported("n above 1").into());
    }
    let model: String = fields.read("model")?.ok_or_else(|| invalid("model", "missing"))?;
    let generation = Generation::of(&model);
    let conversation = Conversation::read(&fields, generation.thinks(), &mut dropped)?;
    let lacks_thoughts = conversation.is_among_thoughtless_tools();
    let tools = Tools::read(&fields, conversation.called, &mut dropped)?;

    let max_tokens = fields.max_tokens()?;
    let mut output_config: Map<String, Value> = fields.read("output_config")?.unwrap_or_default();
    let terms = Terms { generation, max_tokens, is_forced: tools.is_forced, lacks_thoughts };
    // What the operator set for the model comes first, then the API's own word.
    let is_set = fields.is_fixed("reasoning_effort") && !fields.is_fixed("thinking");
    if is_set && !fields.is_fixed("output_config") {
        output_config.shift_remove("effort");
    }
    let config = fields.read::<Value>("thinking")?.filter(|_| !is_set);
    // Whoever speaks this API has said it in its words; the effort beside them is for other providers.
    let effort = fields.read::<String>("reasoning_effort")?.filter(|_| is_set || !fields.are_of_messages());
    let thinking = match (config, effort) {
        (Some(config), _) if fields.is_fixed("thinking") => Thinking { config: Some(config), ..Thinking::default() },
        (Some(config), _) => Thinking::adapt(config, output_config.get("effort"), terms, &mut dropped),
        (None, Some(effort)) => Thinking::read(&effort, terms, &mut dropped),
        (None, None) => Thinking::default(),
    };
    let sampling = Sampling::read(&fields, generation, thinking.is_on(), &mut dropped)?;
    complete(&mut output_config, &fields, &thinking, generation, &mut dropped)?;
    let mut body = Body {
        max_tokens: max_tokens.unwrap_or_else(|| default_max_tokens.saturating_add(thinking.room)),
        system: conversation.system,
        messages: conversation.turns,
        tools: tools.offered,
        tool_choice: tools.choice,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: stop_sequences(&fields, &mut dropped)?,
        thinking: thinking.config,
        output_config,
        metadata: user_id(&fields)?.map(|user| json!({"user_id": user})),
        service_tier: service_tier(&fields, &mut dropped)?,
        cache_control: fields.read("cache_control")?,
        stream: fields.read("stream")?.unwrap_or(false),
        own: Map::new(),
        model,
    };
    for name in fields.clients_names().filter(|name| !READ.contains(name)) {
        if fields.are_of_messages() {
            body.own.extend(fields.read(name)?.map(|value: Value| (name.to_owned(), value)));
        } else if !chat_shapes::says_nothing(&fields, name) {
            dropped.add(name);
        }
    }
    fields.fixed_names().filter(|name| !READ.contains(name)).for_each(|name| dropped.add(name));
    Ok((body, dropped.into_names()))
}

/// A sequence of white space alone is refused.
fn stop_sequences(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Vec<String>, Unwritten> {
    let mut sequences = chat_shapes::stop_sequences(fields)?;
    let all = sequences.len();
    sequences.retain(|sequence| !sequence.trim().is_empty());
    if sequences.len() < all {
        dropped.add("stop");
    }
    Ok(sequences)
}

fn user_id(fields: &Fields<'_>) -> Result<Option<String>, Unwritten> {
    Ok(match fields.read("safety_identifier")? {
        Some(user) => Some(user),
        None => fields.read("user")?,
    })
}

fn service_tier(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Option<&'static str>, Unwritten> {
    Ok(match fields.read::<String>("service_tier")?.as_deref() {
        None => None,
        Some("auto") => Some("auto"),
        Some("default" | "standard_only") => Some("standard_only"),
        Some(_) => {
            dropped.add("service_tier");
            None
        }
    })
}

/// Adds effort and form of the answer, and takes out what the model does not know. A schema is held to; "any JSON" has no counterpart.
fn complete(
    config: &mut Map<String, Value>,
    fields: &Fields<'_>,
    thinking: &Thinking,
    generation: Generation,
    dropped: &mut Dropped,
) -> Result<(), Unwritten> {
    if let Some(effort) = thinking.effort {
        config.entry("effort").or_insert_with(|| effort.into());
    }
    let is_set = fields.is_fixed("output_config");
    if !is_set && !generation.takes_effort() && config.shift_remove("effort").is_some() {
        dropped.add("output_config.effort");
    }
    if !is_set && !generation.takes_schema() && config.shift_remove("format").is_some() {
        dropped.add("output_config.format");
        return Ok(());
    }
    let Some(ResponseFormat { kind, json_schema }) = fields.read("response_format")? else { return Ok(()) };
    let schema = json_schema.and_then(|format| format.schema).filter(|_| kind == "json_schema");
    match schema {
        _ if kind == "text" || config.contains_key("format") => {}
        Some(mut schema) if generation.takes_schema() => {
            schema::adapt(&mut schema, dropped);
            config.insert("format".into(), json!({"type": "json_schema", "schema": schema}));
        }
        _ => dropped.add("response_format"),
    }
    Ok(())
}
