//! A message request as a chat request. What a chat has a word for is said in it; everything else goes along as `Origin::Messages` lays
//! down, for a provider that speaks this API too.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fields::{Fields, read, wrong};
use super::turns::Turns;
use super::{thinking, tools};
use crate::chat::{ChatRequest, InvalidRequest, Origin};

/// Fields that a chat reads and this API does not have: what they would mean here, nobody said.
const NOT_OF_MESSAGES: [&str; 14] = [
    "anthropic_beta",
    "function_call",
    "functions",
    "logprobs",
    "max_completion_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "stop",
    "stream_options",
    "user",
];

/// What a request is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It has to say how long an answer may be.
    Answer,
    /// Nothing is written.
    Count,
}

#[derive(Deserialize)]
#[serde(expecting = "an object such as {\"user_id\": \"...\"}")]
struct Metadata {
    #[serde(default)]
    user_id: Option<String>,
}

/// Reads a body. `betas` are the names of the header `anthropic-beta`.
pub(super) fn read_request(body: &[u8], betas: &[String], purpose: Purpose) -> Result<ChatRequest, InvalidRequest> {
    let mut fields = Fields::of(body)?;
    let mut chat = Map::new();
    chat.insert("model".into(), fields.require::<String>("model")?.into());
    match purpose {
        Purpose::Answer => drop(chat.insert("max_tokens".into(), fields.require::<u32>("max_tokens")?.into())),
        Purpose::Count => drop(fields.take_raw("max_tokens")),
    }
    chat.insert("messages".into(), conversation(&mut fields)?);
    tools::read_tools(&mut fields, &mut chat)?;
    if let Some(sequences) = fields.take::<Vec<String>>("stop_sequences")?.filter(|sequences| !sequences.is_empty()) {
        chat.insert("stop".into(), sequences.into());
    }
    if let Some(user) = fields.take::<Metadata>("metadata")?.and_then(|metadata| metadata.user_id) {
        chat.insert("user".into(), user.into());
    }
    if fields.take("stream")? == Some(true) {
        chat.insert("stream".into(), true.into());
        chat.insert("stream_options".into(), json!({"include_usage": true}));
    }
    for (name, raw) in fields.left() {
        if NOT_OF_MESSAGES.contains(&name.as_str()) {
            return Err(wrong(&name, "is not a field of the Messages API"));
        }
        let value: Value = read(raw, &name)?;
        if !value.is_null() {
            chat.insert(name, value);
        }
    }
    thinking::tell_others(&mut chat)?;
    if !betas.is_empty() {
        chat.insert("anthropic_beta".into(), betas.into());
    }
    Ok(ChatRequest::from_value(&Value::Object(chat))?.came_by(Origin::Messages))
}

/// Instructions and turns.
fn conversation(fields: &mut Fields<'_>) -> Result<Value, InvalidRequest> {
    let messages: Vec<&RawValue> = fields.require("messages")?;
    if messages.is_empty() {
        return Err(wrong("messages", "must hold at least one message"));
    }
    let mut turns = Turns::default();
    if let Some(system) = fields.take_raw("system") {
        turns.add_system(system, "system")?;
    }
    for (index, message) in messages.into_iter().enumerate() {
        let place = format!("messages[{index}]");
        turns.add(read(message, &place)?, &place)?;
    }
    Ok(turns.into_messages())
}
