//! The events of a stream added up to the whole answer that they are, for whoever keeps answers. What could not be said again exactly is
//! given up. Holds no more than it was allowed to, and changes nothing of what it is shown.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chat::{Usage, error_in};
use crate::gateway::sse;

/// Fields of a delta that come piece by piece.
const IN_PIECES: [&str; 5] = ["content", "reasoning_content", "reasoning", "refusal", "arguments"];

/// Why an answer ended that is not worth giving to the next one who asks.
const UNWANTED_ENDS: [&str; 3] = ["content_filter", "error", "insufficient_system_resource"];

/// A stream as a whole answer, as far as it has come.
#[derive(Debug)]
pub struct AssembledAnswer {
    /// What every chunk repeats.
    about: Map<String, Value>,
    choices: BTreeMap<u64, Choice>,
    usage: Option<Value>,
    bytes: usize,
    limit_bytes: usize,
    /// It cannot be said again, or is too long.
    is_given_up: bool,
}

#[derive(Debug, Default)]
struct Choice {
    message: Map<String, Value>,
    calls: BTreeMap<u64, Map<String, Value>>,
    /// Everything beside `delta`, such as why it ended.
    more: Map<String, Value>,
}

impl AssembledAnswer {
    /// One of which at most so much is held.
    pub fn new(limit_bytes: usize) -> Self {
        Self { about: Map::new(), choices: BTreeMap::new(), usage: None, bytes: 0, limit_bytes, is_given_up: false }
    }

    /// Takes whole lines of a stream.
    pub fn push(&mut self, lines: &[u8]) {
        for payload in sse::payloads(lines).filter(|payload| *payload != b"[DONE]") {
            if self.is_given_up {
                return;
            }
            if error_in(payload).is_some() || self.add(payload).is_none() || self.bytes > self.limit_bytes {
                *self = Self { is_given_up: true, ..Self::new(self.limit_bytes) };
            }
        }
    }

    /// The answer, if every part of it has ended. `usage` counts where the stream itself told nothing of tokens.
    pub fn finish(self, usage: Option<Usage>) -> Option<Bytes> {
        let is_whole = !self.choices.is_empty() && self.choices.values().all(Choice::has_ended);
        if self.is_given_up || !is_whole {
            return None;
        }
        let mut answer = self.about;
        answer.insert("object".into(), "chat.completion".into());
        let choices = self.choices.into_iter().map(|(index, choice)| choice.into_whole(index)).collect();
        answer.insert("choices".into(), Value::Array(choices));
        if let Some(usage) = self.usage.or_else(|| usage.map(Usage::to_openai)) {
            answer.insert("usage".into(), usage);
        }
        serde_json::to_vec(&answer).ok().map(Bytes::from)
    }

    /// `None` where the chunk says something that cannot be added to what was said before.
    fn add(&mut self, payload: &[u8]) -> Option<()> {
        let Ok(Value::Object(mut chunk)) = serde_json::from_slice(payload) else { return None };
        let choices = match chunk.remove("choices") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(choices)) => choices,
            Some(_) => return None,
        };
        if let Some(usage) = chunk.remove("usage").filter(Value::is_object) {
            self.usage = Some(usage);
        }
        // Padding that hides the length of words, of no use to anybody twice.
        chunk.remove("obfuscation");
        for (name, value) in chunk.into_iter().filter(|(_, value)| !says_nothing(value)) {
            if !self.about.contains_key(&name) {
                self.bytes += length(&name, &value);
                self.about.insert(name, value);
            }
        }
        for choice in choices {
            let Value::Object(mut said) = choice else { return None };
            let index = said.remove("index").map_or(Some(0), |index| index.as_u64())?;
            let delta = said.remove("delta").unwrap_or_default();
            let choice = self.choices.entry(index).or_default();
            if let Value::Object(delta) = delta {
                self.bytes += choice.add_delta(delta)?;
            }
            self.bytes += choice.add_more(said)?;
        }
        Some(())
    }
}

impl Choice {
    fn has_ended(&self) -> bool {
        self.more.get("finish_reason").is_some_and(Value::is_string)
    }

    /// Returns by how much it has grown.
    fn add_delta(&mut self, delta: Map<String, Value>) -> Option<usize> {
        let mut grown = 0;
        for (name, value) in delta {
            grown += match value {
                Value::Array(calls) if name == "tool_calls" => self.add_calls(calls)?,
                Value::Array(blocks) if name == "thinking_blocks" => {
                    let said = self.message.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                    add_thinking(said.as_array_mut()?, blocks)
                }
                value => merge(&mut self.message, name, value)?,
            };
        }
        Some(grown)
    }

    fn add_calls(&mut self, calls: Vec<Value>) -> Option<usize> {
        let mut grown = 0;
        for (place, call) in calls.into_iter().enumerate() {
            let Value::Object(mut call) = call else { return None };
            let index = call.remove("index").map_or(Some(place as u64), |index| index.as_u64())?;
            let known = self.calls.entry(index).or_default();
            for (name, value) in call {
                grown += merge(known, name, value)?;
            }
        }
        Some(grown)
    }

    fn add_more(&mut self, more: Map<String, Value>) -> Option<usize> {
        let mut grown = 0;
        for (name, value) in more.into_iter().filter(|(_, value)| !value.is_null()) {
            grown += length(&name, &value);
            match (name.as_str(), value) {
                ("logprobs", Value::Object(lists)) => {
                    let known = self.more.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
                    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_null()) {
                        let Value::Array(list) = list else { return None };
                        known.entry(name).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?.extend(list);
                    }
                }
                // The latest word counts of what a filter found, and of why it ended.
                (_, value) => drop(self.more.insert(name, value)),
            }
        }
        Some(grown)
    }

    fn into_whole(self, index: u64) -> Value {
        let mut message = self.message;
        message.entry("role").or_insert_with(|| "assistant".into());
        message.entry("content").or_insert(Value::Null);
        if !self.calls.is_empty() {
            message.insert("tool_calls".into(), self.calls.into_values().map(Value::Object).collect());
        }
        let mut choice = Map::from_iter([("index".to_owned(), index.into()), ("message".to_owned(), message.into())]);
        choice.extend(self.more);
        choice.into()
    }
}

/// Adds a piece to what is known: words are joined, and everything else has to be said once, or the same again.
fn merge(known: &mut Map<String, Value>, name: String, value: Value) -> Option<usize> {
    if says_nothing(&value) {
        // That there is a text, though an empty one, is worth knowing.
        if value.is_string() && known.get(&name).is_none_or(Value::is_null) {
            known.insert(name, value);
        }
        return Some(0);
    }
    let grown = length(&name, &value);
    match (known.get_mut(&name), value) {
        (None | Some(Value::Null), Value::Object(fields)) => {
            let mut object = Map::new();
            for (name, value) in fields {
                merge(&mut object, name, value)?;
            }
            known.insert(name, object.into());
        }
        (None | Some(Value::Null), value) => drop(known.insert(name, value)),
        (Some(Value::String(said)), Value::String(more)) if IN_PIECES.contains(&name.as_str()) => said.push_str(&more),
        (Some(Value::Array(said)), Value::Array(more)) if name == "annotations" => said.extend(more),
        (Some(Value::Object(said)), Value::Object(more)) => {
            for (name, value) in more {
                merge(said, name, value)?;
            }
        }
        (Some(said), value) if says_nothing(said) || *said == value => *said = value,
        _ => return None,
    }
    Some(grown)
}

/// A block of thoughts comes in pieces, and its signature last.
fn add_thinking(said: &mut Vec<Value>, blocks: Vec<Value>) -> usize {
    let text = |block: &Value, name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut grown = 0;
    for block in blocks {
        grown += length("", &block);
        let goes_on = |last: &&mut Value| {
            last.get("type") == block.get("type")
                && last.get("thinking").is_some()
                && text(last, "signature").is_empty()
        };
        match said.last_mut().filter(goes_on) {
            Some(last) => {
                last["thinking"] = (text(last, "thinking") + &text(&block, "thinking")).into();
                last["signature"] = text(&block, "signature").into();
            }
            None => said.push(block),
        }
    }
    grown
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(_) | Value::Object(_) => false,
    }
}

/// About what it takes in memory and on the wire.
fn length(name: &str, value: &Value) -> usize {
    let of_value = match value {
        Value::String(text) => text.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        value => value.to_string().len(),
    };
    name.len() + of_value
}

#[derive(Deserialize)]
struct Ends {
    choices: Vec<End>,
}

#[derive(Deserialize)]
struct End {
    #[serde(default)]
    finish_reason: Option<String>,
    message: EndMessage,
}

#[derive(Deserialize)]
struct EndMessage {
    #[serde(default)]
    refusal: Option<String>,
}

/// Whether a whole answer says something that the next one who asks the same may be told: no error, nothing that a filter took out, and no
/// refusal.
pub fn is_worth_keeping(completion: &[u8]) -> bool {
    if error_in(completion).is_some() {
        return false;
    }
    let Ok(Ends { choices }) = serde_json::from_slice(completion) else { return false };
    let is_good = |end: &End| {
        end.finish_reason.as_deref().is_none_or(|reason| !UNWANTED_ENDS.contains(&reason))
            && end.message.refusal.as_deref().is_none_or(str::is_empty)
    };
    !choices.is_empty() && choices.iter().all(is_good)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::completion_as_events;
    use super::*;

    fn assembled(events: &[u8]) -> Option<Value> {
        let mut answer = AssembledAnswer::new(1 << 20);
        // However the lines are cut into pieces.
        events.split_inclusive(|&byte| byte == b'\n').for_each(|line| answer.push(line));
        answer.finish(None).map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn an_answer_comes_back_from_its_own_events() {
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
        let completion = json!({
            "id": "c", "object": "chat.completion", "created": 7, "model": "m", "system_fingerprint": "fp",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hi", "reasoning_content": "hm", "tool_calls": [call("a"), call("b")]},
                    "logprobs": {"content": [{"token": "Hi", "logprob": -0.5}]}, "finish_reason": "tool_calls"},
                {"index": 1, "message": {"role": "assistant", "content": "", "audio": {"id": "x", "data": "AAAA"}}, "finish_reason": "length"},
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5},
        });
        let events = completion_as_events(completion.to_string().as_bytes(), true).unwrap();
        assert_eq!(assembled(&events), Some(completion));
    }

    #[test]
    fn pieces_are_joined() {
        let chunk = |choices: Value| format!("data: {}\n\n", json!({"id": "c", "created": 1, "choices": choices}));
        let delta = |delta: Value| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]));
        let block =
            |thinking: &str, signature: &str| json!({"type": "thinking", "thinking": thinking, "signature": signature});
        let events = [
            "data: {\"id\":\"\",\"created\":0,\"choices\":[],\"prompt_filter_results\":[1]}\n\n".to_owned(),
            delta(json!({"role": "assistant", "content": "", "refusal": null})),
            ": a comment\n\n".to_owned(),
            delta(json!({"thinking_blocks": [block("h", "")]})),
            delta(json!({"thinking_blocks": [block("m", "")]})),
            delta(json!({"thinking_blocks": [block("", "sig")]})),
            delta(json!({"content": "He"})),
            delta(json!({"content": "llo"})),
            delta(
                json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": ""}}]}),
            ),
            delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"x\":"}}]})),
            delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]})),
            chunk(json!([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}])),
            "data: [DONE]\n\n".to_owned(),
        ];
        let whole = assembled(events.concat().as_bytes()).unwrap();
        assert_eq!((&whole["id"], &whole["created"]), (&json!("c"), &json!(1)));
        let message = &whole["choices"][0]["message"];
        assert_eq!(message["content"], "Hello");
        assert_eq!(message["thinking_blocks"], json!([block("hm", "sig")]));
        let function = json!({"name": "look", "arguments": "{\"x\":1}"});
        assert_eq!(message["tool_calls"], json!([{"id": "a", "type": "function", "function": function}]));
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn what_is_not_whole_cannot_be_joined_or_is_too_long_is_given_up() {
        let said = |delta: Value, end: Value| {
            format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}))
        };
        let ended = said(json!({}), json!("stop"));
        assert!(assembled((said(json!({"content": "a"}), Value::Null) + &ended).as_bytes()).is_some());
        for events in [
            String::new(),
            said(json!({"content": "a"}), Value::Null),
            said(json!({"content": "a"}), Value::Null) + "data: {\"error\":{\"message\":\"gone\"}}\n\n" + &ended,
            said(json!({"odd": "a"}), Value::Null) + &said(json!({"odd": "b"}), Value::Null) + &ended,
            "data: half a chu\n\n".to_owned() + &ended,
            "data: {\"choices\":7}\n\n".to_owned() + &ended,
            "data: {\"choices\":[{\"index\":-1,\"delta\":{}}]}\n\n".to_owned() + &ended,
        ] {
            assert_eq!(assembled(events.as_bytes()), None, "{events}");
        }
        let mut short = AssembledAnswer::new(100);
        for _ in 0..100 {
            short.push(said(json!({"content": "word "}), Value::Null).as_bytes());
        }
        assert!(short.choices.is_empty(), "nothing is held of what is given up");
        short.push(ended.as_bytes());
        assert_eq!(short.finish(None), None);
    }

    #[test]
    fn refusals_and_errors_are_not_worth_keeping() {
        let choice = |message: Value, end: Value| json!({"choices": [{"message": message, "finish_reason": end}]});
        for (completion, expected) in [
            (choice(json!({"content": "Hi"}), json!("stop")), true),
            (choice(json!({"content": "Hi", "refusal": null}), json!("length")), true),
            (choice(json!({"content": null, "tool_calls": []}), json!("tool_calls")), true),
            (choice(json!({"content": "Hi"}), Value::Null), true),
            (choice(json!({"content": "Hi"}), json!("content_filter")), false),
            (choice(json!({"content": null, "refusal": "I can't"}), json!("stop")), false),
            (json!({"choices": []}), false),
            (json!({"error": {"message": "overloaded"}, "choices": []}), false),
            (json!([1]), false),
        ] {
            assert_eq!(is_worth_keeping(completion.to_string().as_bytes()), expected, "{completion}");
        }
    }
}
