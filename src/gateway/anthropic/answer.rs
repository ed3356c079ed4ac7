//! A whole message as a chat completion.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::thoughts;
use super::usage::{self, MessageUsage};

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    model: String,
    content: Vec<Block>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default)]
    usage: Option<MessageUsage>,
}

/// A block of any type; blocks of server tools and citations have no counterpart.
#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

/// The completion, made at `created` seconds since 1970; `None` where this is no message.
pub(super) fn read(answer: &[u8], created: u64) -> Option<Bytes> {
    let message: Message = serde_json::from_slice(answer).ok()?;
    if message.kind != "message" {
        return None;
    }
    let (mut words, mut thoughts, mut calls) = (None::<String>, String::new(), Vec::new());
    let mut signed = Vec::new();
    for block in message.content {
        match block.kind.as_str() {
            "text" => words.get_or_insert_default().push_str(block.text.as_deref().unwrap_or_default()),
            "thinking" => {
                let thinking = block.thinking.unwrap_or_default();
                thoughts.push_str(&thinking);
                signed.push(thoughts::signed(&thinking, &block.signature.unwrap_or_default()));
            }
            "redacted_thinking" => signed.push(thoughts::redacted(&block.data.unwrap_or_default())),
            "tool_use" => {
                let arguments = block.input.as_deref().map_or("{}", RawValue::get);
                let function = json!({"name": block.name?, "arguments": arguments});
                calls.push(json!({"id": block.id?, "type": "function", "function": function}));
            }
            _ => {}
        }
    }
    // A completion that calls says nothing by null, and one that says nothing by an empty text.
    let content = words.or_else(|| calls.is_empty().then(String::new));
    let mut said = json!({"role": "assistant", "content": content});
    if !thoughts.is_empty() {
        said["reasoning_content"] = thoughts.into();
    }
    if !signed.is_empty() {
        said["thinking_blocks"] = signed.into();
    }
    if !calls.is_empty() {
        said["tool_calls"] = calls.into();
    }
    let finish_reason = message.stop_reason.as_deref().map(usage::finish_reason);
    let mut completion = json!({
        "id": message.id, "object": "chat.completion", "created": created, "model": message.model,
        "choices": [{"index": 0, "message": said, "logprobs": Value::Null, "finish_reason": finish_reason}],
    });
    if let Some(sequence) = message.stop_sequence {
        // As vLLM tells which of the client's sequences it met.
        completion["choices"][0]["stop_reason"] = sequence.into();
    }
    if let Some(counts) = message.usage.and_then(MessageUsage::counts) {
        completion["usage"] = counts.to_openai();
    }
    serde_json::to_vec(&completion).ok().map(Bytes::from)
}
