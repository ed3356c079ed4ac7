//! The messages of a translated request: parts as every server of this API reads them, the assistant's turns in one piece, and pictures out of
//! the results of tools, which hold text alone here.

use serde_json::{Map, Value, json};

use crate::gateway::attempt::Failure;
use crate::gateway::dropped::Dropped;
use crate::gateway::own_content::{PlainPart, name_own_keys, plain_part};

/// Stands in a result whose pictures come after it, and before those pictures.
const SHOWN_BELOW: &str = "(shown below)";
const FROM_RESULTS: &str = "From the results above:";

/// The messages, plain.
pub(super) fn plain(messages: Value, dropped: &mut Dropped) -> Result<Value, Failure> {
    let Value::Array(messages) = messages else { return Ok(messages) };
    let mut plain = Plain { written: Vec::with_capacity(messages.len()), from_results: Vec::new(), dropped };
    for message in messages {
        if let Value::Object(message) = message {
            plain.add(message)?;
        }
    }
    plain.place_what_results_showed();
    Ok(plain.written.into())
}

/// The messages of any client without `thinking_blocks`, which it has from an answer of another provider; `None` where there are none.
pub(in crate::gateway::openai) fn without_thinking_blocks(messages: &str) -> Option<Value> {
    if !messages.contains("\"thinking_blocks\"") {
        return None;
    }
    let mut messages: Vec<Value> = serde_json::from_str(messages).ok()?;
    let removed = messages.iter_mut().filter_map(|message| message.as_object_mut()?.shift_remove("thinking_blocks"));
    (removed.count() > 0).then(|| messages.into())
}

struct Plain<'a> {
    written: Vec<Value>,
    /// Pictures and files that results of tools brought, until the last result is written.
    from_results: Vec<Value>,
    dropped: &'a mut Dropped,
}

impl Plain<'_> {
    fn add(&mut self, mut message: Map<String, Value>) -> Result<(), Failure> {
        let role = message.shift_remove("role").unwrap_or_default();
        let content = message.shift_remove("content").unwrap_or_default();
        let calls = message.shift_remove("tool_calls");
        let id = message.shift_remove("tool_call_id");
        name_own_keys(&message, "messages", self.dropped);
        let is_assistants = role == "assistant";
        let parts = self.parts(content, is_assistants)?;
        if role == "tool" {
            let (texts, shown): (Vec<Value>, Vec<Value>) = parts.into_iter().partition(|part| part["type"] == "text");
            let text = if texts.is_empty() && !shown.is_empty() { SHOWN_BELOW.into() } else { joined(&texts) };
            self.from_results.extend(shown);
            self.written.push(json!({"role": role, "tool_call_id": id, "content": text}));
            return Ok(());
        }
        self.place_what_results_showed();
        if is_assistants {
            self.add_assistants(&parts, calls);
        } else {
            let is_text = parts.iter().all(|part| part["type"] == "text");
            let content = if is_text { joined(&parts).into() } else { Value::from(parts) };
            self.written.push(json!({"role": role, "content": content}));
        }
        Ok(())
    }

    /// What the assistant said and called until somebody else spoke is one message.
    fn add_assistants(&mut self, parts: &[Value], calls: Option<Value>) {
        let text = joined(parts);
        let calls = match calls {
            Some(Value::Array(calls)) => calls.into_iter().filter_map(|call| self.plain_call(call)).collect(),
            _ => Vec::new(),
        };
        if text.is_empty() && calls.is_empty() {
            return;
        }
        if self.written.last().is_none_or(|last| last["role"] != "assistant") {
            self.written.push(json!({"role": "assistant", "content": null}));
        }
        let Some(Value::Object(last)) = self.written.last_mut() else { return };
        if !text.is_empty() {
            let before = last.get("content").and_then(Value::as_str).unwrap_or_default();
            let content = if before.is_empty() { text } else { format!("{before}\n\n{text}") };
            last.insert("content".into(), content.into());
        }
        if !calls.is_empty()
            && let Value::Array(all) = last.entry("tool_calls").or_insert_with(|| json!([]))
        {
            all.extend(calls);
        }
    }

    fn plain_call(&mut self, call: Value) -> Option<Value> {
        let Value::Object(mut call) = call else { return None };
        let plain =
            json!({"id": call.shift_remove("id"), "type": "function", "function": call.shift_remove("function")});
        call.shift_remove("type");
        name_own_keys(&call, "messages", self.dropped);
        Some(plain)
    }

    fn place_what_results_showed(&mut self) {
        if !self.from_results.is_empty() {
            let mut parts = vec![json!({"type": "text", "text": FROM_RESULTS})];
            parts.append(&mut self.from_results);
            self.written.push(json!({"role": "user", "content": parts}));
        }
    }

    fn parts(&mut self, content: Value, is_assistants: bool) -> Result<Vec<Value>, Failure> {
        match content {
            Value::String(text) => Ok(vec![json!({"type": "text", "text": text})]),
            Value::Array(parts) => {
                parts.into_iter().filter_map(|part| self.part(part, is_assistants).transpose()).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    fn part(&mut self, part: Value, is_assistants: bool) -> Result<Option<Value>, Failure> {
        let Some(PlainPart { part, own }) = plain_part(part, is_assistants, self.dropped)? else { return Ok(None) };
        name_own_keys(&own, "messages", self.dropped);
        Ok(Some(part))
    }
}

fn joined(texts: &[Value]) -> String {
    texts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n\n")
}
