//! Turns as the messages of a chat: results of tools become messages of their own before the rest of their turn, and what the assistant
//! called stands beside what it said.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::blocks::{Block, Content, part, text_part};
use super::fields::{missing, read, wrong};
use crate::chat::InvalidRequest;

/// One message of the body.
#[derive(Deserialize)]
#[serde(expecting = "a message: an object with role and content")]
pub(super) struct Turn<'a> {
    role: Role,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
    System,
}

/// The messages of a chat, as far as they are read.
#[derive(Default)]
pub(super) struct Turns {
    messages: Vec<Value>,
}

impl Turns {
    pub(super) fn into_messages(self) -> Value {
        self.messages.into()
    }

    /// Adds instructions, a text or blocks of text.
    pub(super) fn add_system(&mut self, content: &RawValue, place: &str) -> Result<(), InvalidRequest> {
        let content = match Content::read(content, place)? {
            Content::Text(text) if text.is_empty() => return Ok(()),
            Content::Text(text) => text.into(),
            Content::Blocks(blocks) if blocks.is_empty() => return Ok(()),
            Content::Blocks(blocks) => {
                blocks.into_iter().map(|block| text_part(block.keys, &block.place)).collect::<Result<Value, _>>()?
            }
        };
        self.messages.push(json!({"role": "system", "content": content}));
        Ok(())
    }

    /// Adds a turn.
    pub(super) fn add(&mut self, turn: Turn<'_>, place: &str) -> Result<(), InvalidRequest> {
        let place = format!("{place}.content");
        match (turn.role, Content::read(turn.content, &place)?) {
            (Role::System, Content::Text(text)) if text.is_empty() => {
                Err(wrong(&place, "says nothing; leave the turn out"))
            }
            (Role::System, Content::Blocks(blocks)) if blocks.is_empty() => {
                Err(wrong(&place, "says nothing; leave the turn out"))
            }
            (Role::System, _) => self.add_system(turn.content, &place),
            (Role::User, Content::Text(text)) => {
                self.messages.push(json!({"role": "user", "content": text}));
                Ok(())
            }
            (Role::Assistant, Content::Text(text)) => {
                self.messages.push(json!({"role": "assistant", "content": text}));
                Ok(())
            }
            (Role::User, Content::Blocks(blocks)) => self.add_users(blocks),
            (Role::Assistant, Content::Blocks(blocks)) => self.add_assistants(blocks),
        }
    }

    fn add_users(&mut self, blocks: Vec<Block<'_>>) -> Result<(), InvalidRequest> {
        let mut parts = Vec::new();
        let before = self.messages.len();
        for block in blocks {
            match block.kind.as_str() {
                "tool_result" => self.messages.push(tool_message(block)?),
                _ => parts.push(part(block)?),
            }
        }
        if !parts.is_empty() || self.messages.len() == before {
            self.messages.push(json!({"role": "user", "content": content(parts)}));
        }
        Ok(())
    }

    /// A chat has thoughts, words and calls of a message in this order; what comes in another begins a message anew.
    fn add_assistants(&mut self, blocks: Vec<Block<'_>>) -> Result<(), InvalidRequest> {
        let mut said = Said::default();
        for block in blocks {
            match block.kind.as_str() {
                "thinking" | "redacted_thinking" => {
                    if !(said.parts.is_empty() && said.calls.is_empty()) {
                        self.messages.push(std::mem::take(&mut said).into_message());
                    }
                    said.thoughts.push(block.keys.into());
                }
                "tool_use" => said.calls.push(call(block)?),
                _ => {
                    if !said.calls.is_empty() {
                        self.messages.push(std::mem::take(&mut said).into_message());
                    }
                    said.parts.push(part(block)?);
                }
            }
        }
        self.messages.push(said.into_message());
        Ok(())
    }
}

/// One message of the assistant.
#[derive(Default)]
struct Said {
    thoughts: Vec<Value>,
    parts: Vec<Value>,
    calls: Vec<Value>,
}

impl Said {
    fn into_message(self) -> Value {
        let says_nothing = self.parts.is_empty() && !self.calls.is_empty();
        let content = if says_nothing { Value::Null } else { content(self.parts) };
        let mut message = json!({"role": "assistant", "content": content});
        for (name, list) in [("thinking_blocks", self.thoughts), ("tool_calls", self.calls)] {
            if !list.is_empty() {
                message[name] = list.into();
            }
        }
        message
    }
}

/// Parts, or the text itself where there is nothing else.
fn content(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => "".into(),
        [Value::Object(only)] if only.len() == 2 && only.get("type").is_some_and(|kind| kind == "text") => {
            only.shift_remove("text").unwrap_or_default()
        }
        _ => parts.into(),
    }
}

/// The result of a tool.
fn tool_message(block: Block<'_>) -> Result<Value, InvalidRequest> {
    let Block { mut keys, place, .. } = block;
    keys.shift_remove("type");
    let Some(Value::String(id)) = keys.shift_remove("tool_use_id") else {
        return Err(missing(&format!("{place}.tool_use_id")));
    };
    let result = match keys.shift_remove("content") {
        None | Some(Value::Null) => "".into(),
        Some(Value::String(text)) => text.into(),
        Some(Value::Array(blocks)) => {
            let part_at = |(index, block)| part(Block::of_value(block, format!("{place}.content[{index}]"))?);
            content(blocks.into_iter().enumerate().map(part_at).collect::<Result<_, _>>()?)
        }
        Some(_) => return Err(wrong(&format!("{place}.content"), "expected a string or a list of content blocks")),
    };
    let mut message = Map::from_iter([("role".to_owned(), "tool".into()), ("tool_call_id".to_owned(), id.into())]);
    message.insert("content".into(), result);
    message.extend(keys);
    Ok(message.into())
}

/// A call of a tool. Its input stays as it was written: large numbers keep their digits.
fn call(block: Block<'_>) -> Result<Value, InvalidRequest> {
    #[derive(Deserialize)]
    struct Input<'a> {
        #[serde(borrow, default)]
        input: Option<&'a RawValue>,
    }
    let Block { raw, mut keys, place, .. } = block;
    let input = raw.map(|raw| read::<Input<'_>>(raw, &place)).transpose()?.and_then(|block| block.input);
    let arguments = input.map_or("{}", RawValue::get);
    if !arguments.starts_with('{') {
        return Err(wrong(&format!("{place}.input"), "expected an object"));
    }
    let mut text = |name: &str| match keys.shift_remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(missing(&format!("{place}.{name}"))),
    };
    let (id, name) = (text("id")?, text("name")?);
    let mut call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    ["type", "input"].iter().for_each(|name| drop(keys.shift_remove(*name)));
    if let Value::Object(call) = &mut call {
        call.extend(keys);
    }
    Ok(call)
}
