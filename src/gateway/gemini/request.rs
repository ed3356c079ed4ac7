//! A chat completion request as a request for content.

use serde::Serialize;
use serde_json::Value;

use super::conversation::{Conversation, System, Turn};
use super::generation::Generation;
use super::generation_config::{GenerationConfig, Terms};
use super::tools::{ToolSet, Tools};
use crate::chat::ChatRequest;
use crate::gateway::chat_shapes;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};

/// Fields that are read here or by the files beside this one. The others have no counterpart.
const READ: [&str; 26] = [
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
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "n",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "response_format",
    "service_tier",
    // The API's own, for settings and for clients that know it.
    "thinkingConfig",
    "safetySettings",
];

/// A request for content. The model's name and whether it streams stand in the address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System>,
    contents: Vec<Turn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_settings: Option<Value>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    generation_config: GenerationConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

/// A request as it can be sent.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) model: String,
    pub(super) streams: bool,
    pub(super) body: Body,
    /// Names of what it leaves out.
    pub(super) dropped: Vec<String>,
}

/// Writes the request.
pub(super) fn write(fixed: &[(&str, Value)], request: &ChatRequest) -> Result<Written, Unwritten> {
    let fields = Fields::new(fixed, request);
    let mut dropped = Dropped::default();
    let model: String = fields.read("model")?.ok_or_else(|| invalid("model", "missing"))?;
    let generation = Generation::of(&model);
    let conversation = Conversation::read(&fields, generation, &mut dropped)?;
    let tools = Tools::read(&fields, &mut dropped)?;
    let terms = Terms {
        generation,
        offers_tools: !tools.offered.is_empty(),
        asks_for_logprobs: request.field("logprobs").is_some(),
    };
    let body = Body {
        system_instruction: conversation.system,
        contents: conversation.turns,
        tools: tools.offered,
        tool_config: tools.config,
        safety_settings: fields.read("safetySettings")?,
        generation_config: GenerationConfig::read(&fields, terms, &mut dropped)?,
        service_tier: service_tier(&fields, &mut dropped)?,
    };
    for name in fields.names().filter(|name| !READ.contains(name)) {
        if !chat_shapes::says_nothing(&fields, name) {
            dropped.add(name);
        }
    }
    let streams = fields.read("stream")?.unwrap_or(false);
    Ok(Written { model, streams, body, dropped: dropped.into_names() })
}

fn service_tier(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Option<&'static str>, Unwritten> {
    Ok(match fields.read::<String>("service_tier")?.as_deref() {
        None | Some("auto") => None,
        Some("default" | "standard") => Some("standard"),
        Some("flex") => Some("flex"),
        Some("priority") => Some("priority"),
        Some(_) => {
            dropped.add("service_tier");
            None
        }
    })
}
