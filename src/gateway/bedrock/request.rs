//! A chat completion request as a Converse request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::block::Block;
use super::conversation::{Reader, Turn};
use super::model::Model;
use super::tools::{ToolConfig, Tools};
use crate::chat::ChatRequest;
use crate::gateway::anthropic::{Sampling, Terms, Thinking};
use crate::gateway::attempt::Failure;
use crate::gateway::chat_shapes;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};

/// Fields of a model's own API, which go along as they are.
const ADDITIONAL: &str = "additionalModelRequestFields";

/// The API's own fields, for settings and for clients that know it.
const OWN: [&str; 5] = ["guardrailConfig", "performanceConfig", "requestMetadata", "serviceTier", "outputConfig"];

/// Claude's own fields, which other models do not know.
const CLAUDES: [&str; 2] = ["thinking", "output_config"];

/// Fields that are read here or by the files beside this one. The others have no counterpart.
const READ: [&str; 18] = [
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
    "reasoning_effort",
    "response_format",
];

/// A request, and where it goes.
#[derive(Debug)]
pub(super) struct Written {
    /// The model's id or ARN.
    pub(super) model: String,
    pub(super) is_streamed: bool,
    pub(super) body: Body,
    /// The names of what was left out.
    pub(super) dropped: Vec<String>,
}

/// A Converse request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    messages: Vec<Turn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block>,
    #[serde(skip_serializing_if = "InferenceConfig::is_empty")]
    inference_config: InferenceConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_request_fields: Map<String, Value>,
    #[serde(flatten)]
    own: Map<String, Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
}

impl InferenceConfig {
    fn is_empty(&self) -> bool {
        self.max_tokens.is_none()
            && self.temperature.is_none()
            && self.top_p.is_none()
            && self.stop_sequences.is_empty()
    }
}

#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
}

/// The Converse request. `default_max_tokens` is the cap of an answer after thoughts that were asked for, where the client sets none.
pub(super) fn write(
    fixed: &[(&str, Value)],
    request: &ChatRequest,
    default_max_tokens: u32,
) -> Result<Written, Unwritten> {
    let fields = Fields::new(fixed, request);
    let mut dropped = Dropped::default();
    if fields.read::<u64>("n")?.is_some_and(|answers| answers > 1) {
        return Err(Failure::Unsupported("n above 1").into());
    }
    let id: String = fields.read("model")?.ok_or_else(|| invalid("model", "missing"))?;
    let model = Model::of(&id);
    let mut additional: Map<String, Value> = fields.read(ADDITIONAL)?.unwrap_or_default();
    for name in CLAUDES {
        match fields.read::<Value>(name)? {
            Some(value) if model.is_claude => {
                additional.insert(name.to_owned(), value);
            }
            Some(_) => dropped.add(name),
            None => {}
        }
    }

    // A profile's ARN does not tell that it is a Claude, but what it is asked for may.
    let is_asked_to_think = additional.contains_key("thinking");
    let reader = Reader { model, takes_thoughts: model.is_claude || is_asked_to_think };
    let conversation = reader.read(&fields, &mut dropped)?;
    let is_among_tools = conversation.lacks_thoughts();
    let tools = Tools::read(&fields, model, conversation.called, &mut dropped)?;

    let max_tokens = fields.max_tokens()?;
    let thinking = match fields.read::<String>("reasoning_effort")? {
        // The API's own word comes first.
        _ if is_asked_to_think => Thinking { config: additional.get("thinking").cloned(), ..Thinking::default() },
        Some(effort) if model.is_claude => {
            let terms = Terms {
                generation: model.generation,
                max_tokens,
                is_forced: tools.is_forced,
                lacks_thoughts: is_among_tools,
            };
            Thinking::read(&effort, terms, &mut dropped)
        }
        Some(_) => {
            dropped.add("reasoning_effort");
            Thinking::default()
        }
        None => Thinking::default(),
    };
    let sampling = Sampling::read(&fields, model.generation, thinking.is_on(), &mut dropped)?;
    // Without a cap the model's own holds, but for a budget of thoughts there has to be one.
    let capped = || (thinking.room > 0).then(|| default_max_tokens.saturating_add(thinking.room));
    let inference_config = InferenceConfig {
        max_tokens: max_tokens.or_else(capped),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        stop_sequences: stop_sequences(&fields, model, &mut dropped)?,
    };
    match sampling.top_k {
        Some(top_k) if model.is_claude => {
            additional.entry("top_k").or_insert(top_k);
        }
        Some(_) => dropped.add("top_k"),
        None => {}
    }
    add_thinking(&mut additional, thinking);
    if fields.read::<ResponseFormat>("response_format")?.is_some_and(|format| format.kind != "text") {
        dropped.add("response_format");
    }
    let body = Body {
        messages: conversation.turns,
        system: conversation.system,
        inference_config,
        tool_config: tools.config,
        additional_model_request_fields: additional,
        own: own_fields(&fields)?,
    };
    let is_known =
        |name: &str| name == ADDITIONAL || [&READ[..], &OWN, &CLAUDES].iter().any(|some| some.contains(&name));
    for name in fields.names().filter(|name| !is_known(name)) {
        if !chat_shapes::says_nothing(&fields, name) {
            dropped.add(name);
        }
    }
    let is_streamed = fields.read("stream")?.unwrap_or(false);
    Ok(Written { model: id, is_streamed, body, dropped: dropped.into_names() })
}

/// Effort and budget, as Claude's own API has them.
fn add_thinking(additional: &mut Map<String, Value>, thinking: Thinking) {
    if let Some(config) = thinking.config {
        additional.entry("thinking").or_insert(config);
    }
    if let Some(effort) = thinking.effort
        && let Some(config) = additional.entry("output_config").or_insert_with(|| Map::new().into()).as_object_mut()
    {
        config.entry("effort").or_insert_with(|| effort.into());
    }
}

fn own_fields(fields: &Fields<'_>) -> Result<Map<String, Value>, Unwritten> {
    let mut own = Map::new();
    for name in OWN {
        if let Some(value) = fields.read::<Value>(name)? {
            own.insert(name.to_owned(), value);
        }
    }
    Ok(own)
}

/// An empty sequence is refused, and by Claude one of white space alone.
fn stop_sequences(fields: &Fields<'_>, model: Model, dropped: &mut Dropped) -> Result<Vec<String>, Unwritten> {
    let mut sequences = chat_shapes::stop_sequences(fields)?;
    let all = sequences.len();
    let says_something =
        |sequence: &str| if model.is_claude { !sequence.trim().is_empty() } else { !sequence.is_empty() };
    sequences.retain(|sequence| says_something(sequence));
    if sequences.len() < all {
        dropped.add("stop");
    }
    Ok(sequences)
}
