//! A whole Converse answer as a chat completion.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Completion;
use super::usage::{self, TokenUsage};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Output,
    stop_reason: String,
    #[serde(default)]
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Output {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
}

/// A block of any kind; citations, pictures and results of server tools have no counterpart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    reasoning_content: Option<Reasoning>,
    #[serde(default)]
    tool_use: Option<ToolUse>,
    #[serde(default)]
    citations_content: Option<Citations>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning {
    #[serde(default)]
    reasoning_text: Option<ReasoningText>,
    #[serde(default)]
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ReasoningText {
    text: String,
    #[serde(default)]
    signature: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse {
    tool_use_id: String,
    name: String,
    #[serde(default)]
    input: Option<Box<RawValue>>,
    /// Of a tool that runs at the provider.
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

/// Words that cite; where from, has no counterpart.
#[derive(Deserialize)]
struct Citations {
    #[serde(default)]
    content: Vec<Cited>,
}

#[derive(Deserialize)]
struct Cited {
    #[serde(default)]
    text: String,
}

/// What the blocks say, sorted.
#[derive(Default)]
struct Said {
    words: Option<String>,
    thoughts: String,
    /// Thoughts as they have to be given back.
    signed: Vec<Value>,
    calls: Vec<Value>,
}

impl Said {
    fn add(&mut self, block: Block) {
        let cited = block.citations_content.into_iter().flat_map(|citations| citations.content);
        for text in block.text.into_iter().chain(cited.map(|cited| cited.text)) {
            self.words.get_or_insert_default().push_str(&text);
        }
        if let Some(Reasoning { reasoning_text, redacted_content }) = block.reasoning_content {
            if let Some(ReasoningText { text, signature }) = reasoning_text {
                self.thoughts.push_str(&text);
                self.signed.extend(signature.map(|signature| signed_thought(&text, &signature)));
            }
            self.signed.extend(redacted_content.map(|data| redacted_thought(&data)));
        }
        if let Some(call) = block.tool_use.filter(|call| call.kind.is_none()) {
            let arguments = call.input.as_deref().map_or("{}", RawValue::get);
            let function = json!({"name": call.name, "arguments": arguments});
            self.calls.push(json!({"id": call.tool_use_id, "type": "function", "function": function}));
        }
    }

    fn into_message(self) -> Value {
        // A completion that calls says nothing by null, and one that says nothing by an empty text.
        let content = self.words.or_else(|| self.calls.is_empty().then(String::new));
        let mut message = json!({"role": "assistant", "content": content});
        if !self.thoughts.is_empty() {
            message["reasoning_content"] = self.thoughts.into();
        }
        if !self.signed.is_empty() {
            message["thinking_blocks"] = self.signed.into();
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = self.calls.into();
        }
        message
    }
}

/// A thought that its model recognises when it is given back unchanged.
pub(super) fn signed_thought(thinking: &str, signature: &str) -> Value {
    json!({"type": "thinking", "thinking": thinking, "signature": signature})
}

/// A thought that only its maker can read, in base64.
pub(super) fn redacted_thought(data: &str) -> Value {
    json!({"type": "redacted_thinking", "data": data})
}

/// The completion; `None` where this is no answer.
pub(super) fn read(answer: &[u8], completion: Completion) -> Option<Bytes> {
    let Answer { output, stop_reason, usage } = serde_json::from_slice(answer).ok()?;
    let mut said = Said::default();
    output.message.content.into_iter().for_each(|block| said.add(block));
    let choice = json!({
        "index": 0,
        "message": said.into_message(),
        "logprobs": Value::Null,
        "finish_reason": usage::finish_reason(&stop_reason),
    });
    let Completion { id, created, model } = completion;
    let mut completion =
        json!({"id": id, "object": "chat.completion", "created": created, "model": model, "choices": [choice]});
    if let Some(usage) = usage {
        completion["usage"] = usage.counts().to_openai();
    }
    serde_json::to_vec(&completion).ok().map(Bytes::from)
}
