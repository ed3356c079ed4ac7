//! The items of `input` as the messages of a chat: turns go on as they are, and calls become part of the assistant's turn before them.
//! Nothing is kept between requests, so an item that only points at something kept is refused.

use serde::Serialize;
use serde_json::value::RawValue;

use super::content::Content;
use super::dropped::Dropped;
use super::tools::Call;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, refuse};

/// A message of a chat.
#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Message {
    System {
        content: Content,
    },
    Developer {
        content: Content,
    },
    User {
        content: Content,
    },
    Assistant {
        content: Option<Content>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call>,
    },
    Tool {
        tool_call_id: String,
        content: Content,
    },
}

/// The messages of `instructions` and `input`.
pub(super) fn read_messages(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Vec<Message>, ApiError> {
    let mut messages = Messages::default();
    if let Some(instructions) = fields.get::<String>("instructions")? {
        messages.add(Message::System { content: Content::Text(instructions) });
    }
    let Some(input) = fields.raw("input") else {
        let why = match fields.raw("messages") {
            Some(_) => "missing; the conversation is called input here, and messages at /v1/chat/completions",
            None => "missing; send a text or the items of the conversation",
        };
        return Err(fields.refuse("input", why));
    };
    if input.get().starts_with('"') {
        messages.add(Message::User { content: Content::Text(fields.need("input")?) });
    } else {
        for (path, item) in fields.list("input")? {
            messages.add_item(&path, item, dropped)?;
        }
    }
    if messages.0.is_empty() {
        return Err(fields.refuse("input", "holds no item; send a text or the items of the conversation"));
    }
    Ok(messages.0)
}

#[derive(Default)]
struct Messages(Vec<Message>);

impl Messages {
    fn add(&mut self, message: Message) {
        self.0.push(message);
    }

    fn add_item(&mut self, path: &str, item: &RawValue, dropped: &mut Dropped) -> Result<(), ApiError> {
        let fields = Fields::read(path, item)?;
        let kind: Option<String> = fields.get("type")?;
        let kind = match &kind {
            Some(kind) => kind.as_str(),
            None if fields.raw("role").is_some() => "message",
            None if fields.raw("id").is_some() => "item_reference",
            None => return Err(fields.refuse("type", "missing")),
        };
        match kind {
            "message" => self.add_message(&fields)?,
            "function_call" => {
                self.add_call(Call::function(fields.need("call_id")?, fields.need("name")?, fields.need("arguments")?));
            }
            "custom_tool_call" => {
                self.add_call(Call::custom(fields.need("call_id")?, fields.need("name")?, fields.need("input")?));
            }
            "function_call_output" | "custom_tool_call_output" => {
                let content = Content::read(&fields.path("output"), fields.need("output")?)?;
                self.add(Message::Tool { tool_call_id: fields.need("call_id")?, content });
            }
            // Chat completions have no place for earlier thoughts, and sealed ones can be read by nobody but who wrote them.
            "reasoning" => dropped.add("input.reasoning"),
            "item_reference" => {
                let why = "answers are not kept here, so there is no item to refer to; send the item itself";
                return Err(refuse(path, why));
            }
            "compaction" => {
                let why =
                    "a compacted conversation can be read only by the service that wrote it; send the items themselves";
                return Err(refuse(path, why));
            }
            kind => {
                let why = format!(
                    "{kind:?} belongs to what OpenAI's service runs or keeps itself, and no model behind this gateway can be told of it; \
                     leave the item out"
                );
                return Err(fields.refuse("type", why));
            }
        }
        Ok(())
    }

    fn add_message(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        let content = Content::read(&fields.path("content"), fields.need("content")?)?;
        match fields.need::<String>("role")?.as_str() {
            "user" => self.add(Message::User { content }),
            "system" => self.add(Message::System { content }),
            "developer" => self.add(Message::Developer { content }),
            "assistant" => self.add_words(content),
            role => {
                let why = format!("{role:?} is no role; there are user, assistant, system and developer");
                return Err(fields.refuse("role", why));
            }
        }
        Ok(())
    }

    /// What the assistant said. The results of calls have to follow the turn that called, so words after a call go into that turn.
    fn add_words(&mut self, words: Content) {
        match self.0.last_mut() {
            Some(Message::Assistant { content, tool_calls }) if !tool_calls.is_empty() => match content {
                Some(content) => content.append(words),
                None => *content = Some(words),
            },
            _ => self.add(Message::Assistant { content: Some(words), tool_calls: Vec::new() }),
        }
    }

    fn add_call(&mut self, call: Call) {
        match self.0.last_mut() {
            Some(Message::Assistant { tool_calls, .. }) => tool_calls.push(call),
            _ => self.add(Message::Assistant { content: None, tool_calls: vec![call] }),
        }
    }
}
