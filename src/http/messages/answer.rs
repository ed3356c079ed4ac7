//! A whole chat completion as a message.

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ending::{StopReason, TokenCounts};
use super::spoken::{Call, Choice, Message, Piece};
use crate::chat::{Usage, error_in};

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Value>,
}

/// A message.
#[derive(Serialize)]
pub(super) struct Answer {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: String,
    content: Vec<Block>,
    #[serde(flatten)]
    stop: StopReason,
    usage: TokenCounts,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Thinking { thinking: String, signature: String },
    RedactedThinking { data: String },
    Text { text: String },
    ToolUse { id: String, name: String, input: Box<RawValue> },
}

/// The message; `None` where this is no completion, or one that broke.
pub(super) fn write(completion: &[u8]) -> Option<Bytes> {
    if error_in(completion).is_some() {
        return None;
    }
    let Completion { id, model, choices, usage } = serde_json::from_slice(completion).ok()?;
    let choice = choices.into_iter().find(Choice::is_first)?;
    let message = choice.message.as_ref()?;
    let calls = message.tool_calls.iter().flatten();
    let pieces = merged(message).into_iter().map(Block::from);
    let content = pieces.map(Some).chain(calls.map(tool_use)).collect::<Option<Vec<Block>>>()?;
    let has_called = content.iter().any(|block| matches!(block, Block::ToolUse { .. }));
    let answer = Answer {
        id: message_id(id.as_deref()),
        kind: "message",
        role: "assistant",
        model: model.unwrap_or_default(),
        content,
        stop: StopReason::of(&choice, message.is_refused(), has_called),
        usage: usage.as_ref().and_then(Usage::from_openai).map(TokenCounts::from).unwrap_or_default(),
    };
    serde_json::to_vec(&answer).ok().map(Bytes::from)
}

/// The provider's own id, in the shape that this API's have.
pub(super) fn message_id(id: Option<&str>) -> String {
    match id.filter(|id| !id.is_empty()) {
        Some(id) if id.starts_with("msg_") => id.to_owned(),
        Some(id) => format!("msg_{id}"),
        None => format!("msg_{}", uuid::Uuid::now_v7().simple()),
    }
}

/// An id for a call that came without one.
pub(super) fn call_id() -> String {
    format!("toolu_{}", uuid::Uuid::now_v7().simple())
}

/// Words that come in several parts are one text.
fn merged(message: &Message) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    for piece in message.pieces() {
        match (merged.last_mut(), piece) {
            (Some(Piece::Text(words)), Piece::Text(more)) => words.push_str(&more),
            (_, piece) => merged.push(piece),
        }
    }
    merged
}

impl From<Piece> for Block {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Thought { thinking, signature } => Self::Thinking { thinking, signature },
            Piece::Redacted { data } => Self::RedactedThinking { data },
            Piece::Text(text) => Self::Text { text },
        }
    }
}

/// `None` for a call of nothing.
fn tool_use(call: &Call) -> Option<Block> {
    let function = call.function.as_ref()?;
    let name = function.name.clone().filter(|name| !name.is_empty())?;
    let id = call.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(call_id);
    Some(Block::ToolUse { id, name, input: input(&function.arguments())? })
}

/// Arguments as an object, as they were written. What a model wrote in place of one is put into one.
fn input(arguments: &str) -> Option<Box<RawValue>> {
    let arguments = arguments.trim();
    let object = match arguments {
        "" => RawValue::from_string("{}".to_owned()),
        object if object.starts_with('{') => RawValue::from_string(object.to_owned()),
        _ => return wrapped(arguments),
    };
    object.ok().or_else(|| wrapped(arguments))
}

fn wrapped(arguments: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(serde_json::json!({"arguments": arguments}).to_string()).ok()
}
