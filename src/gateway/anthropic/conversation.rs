//! The messages of a chat request as Anthropic has them: instructions apart, turns of user and assistant that alternate, tool calls and
//! their results as blocks inside these turns.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::block::{Block, Content, text_block};
use super::fields::{Dropped, Fields, invalid};
use crate::chat::Role;
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;

/// A conversation has to begin with the user; where it does not, this stands there.
const BEGINNING: &str = "(The assistant speaks first.)";

/// A conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Instructions, in order, wherever in the conversation they stood.
    pub(super) system: Option<System>,
    pub(super) turns: Vec<Turn>,
    /// Names of tools that were called in it, each once.
    pub(super) called: Vec<String>,
}

/// Instructions: one text, or blocks where the client marked some for the prompt cache.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum System {
    Text(String),
    Blocks(Vec<Block>),
}

/// What one side says until the other speaks.
#[derive(Debug, Serialize)]
pub(super) struct Turn {
    role: Side,
    content: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    User,
    Assistant,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    name: Option<IgnoredAny>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    audio: Option<IgnoredAny>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
    #[serde(default)]
    function_call: Option<IgnoredAny>,
    #[serde(default)]
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    #[serde(default)]
    function: Option<CalledFunction>,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

impl Conversation {
    /// Reads `messages`.
    pub(super) fn read(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Self, Unwritten> {
        let messages: Vec<Message> = fields.read("messages")?.unwrap_or_default();
        let mut conversation = Self::default();
        let mut system = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            if message.name.is_some() {
                dropped.add("messages.name");
            }
            match message.role {
                Role::System | Role::Developer => system.extend(blocks(message.content, dropped)?),
                Role::User => conversation.add(Side::User, blocks(message.content, dropped)?),
                Role::Assistant => conversation.add_assistant(message, dropped)?,
                Role::Tool => {
                    let id = message.tool_call_id.as_deref();
                    let id = id.ok_or_else(|| invalid(&format!("messages[{index}].tool_call_id"), "missing"))?;
                    let result =
                        Block::ToolResult { tool_use_id: plain_id(id), content: blocks(message.content, dropped)? };
                    conversation.add(Side::User, vec![result]);
                }
                Role::Function => return Err(Failure::Unsupported("the older functions; tools serve").into()),
            }
        }
        conversation.finish(system)
    }

    fn add(&mut self, role: Side, blocks: Vec<Block>) {
        match self.turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some(last) if last.role == role => last.content.extend(blocks),
            _ => self.turns.push(Turn { role, content: blocks }),
        }
    }

    fn add_assistant(&mut self, message: Message, dropped: &mut Dropped) -> Result<(), Failure> {
        if message.function_call.is_some() {
            return Err(Failure::Unsupported("the older functions; tools serve"));
        }
        if message.audio.is_some() {
            return Err(Failure::Unsupported("sound in messages"));
        }
        let mut said = blocks(message.content, dropped)?;
        said.extend(message.refusal.and_then(|refusal| text_block(refusal, None)));
        for call in message.tool_calls.into_iter().flatten() {
            let Some(CalledFunction { name, arguments }) = call.function else {
                return Err(Failure::Unsupported("tools that are no functions"));
            };
            if !self.called.contains(&name) {
                self.called.push(name.clone());
            }
            said.push(Block::ToolUse { id: plain_id(&call.id), name, input: input(&arguments)? });
        }
        self.add(Side::Assistant, said);
        Ok(())
    }

    fn finish(mut self, system: Vec<Block>) -> Result<Self, Unwritten> {
        for turn in &mut self.turns {
            if turn.role == Side::User {
                // Results of tools have to come before everything else.
                turn.content.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
            }
        }
        if let Some(Turn { role: Side::Assistant, content }) = self.turns.last_mut()
            && let Some(Block::Text { text, .. }) = content.last_mut()
        {
            // An answer that is to be gone on with may not end in white space.
            text.truncate(text.trim_end().len());
        }
        if self.turns.is_empty() {
            // Instructions alone are answered elsewhere, so they are what is said.
            if system.is_empty() {
                return Err(invalid("messages", "none of them holds a word"));
            }
            self.turns.push(Turn { role: Side::User, content: system });
            return Ok(self);
        }
        if self.turns.first().is_some_and(|turn| turn.role == Side::Assistant) {
            let beginning = text_block(BEGINNING.to_owned(), None).into_iter().collect();
            self.turns.insert(0, Turn { role: Side::User, content: beginning });
        }
        self.system = joined(system)?;
        Ok(self)
    }

    /// Whether the last turn brings results of tools, so that the model is in the middle of its work.
    pub(super) fn is_among_tools(&self) -> bool {
        let last = self.turns.last().map(|turn| turn.content.as_slice());
        last.is_some_and(|content| matches!(content.first(), Some(Block::ToolResult { .. })))
    }
}

fn blocks(content: Option<Content>, dropped: &mut Dropped) -> Result<Vec<Block>, Failure> {
    content.map_or_else(|| Ok(Vec::new()), |content| content.into_blocks(dropped))
}

fn joined(system: Vec<Block>) -> Result<Option<System>, Failure> {
    let mut texts = Vec::with_capacity(system.len());
    let mut is_marked = false;
    for block in &system {
        let Block::Text { text, cache_control } = block else {
            return Err(Failure::Unsupported("anything but text in instructions"));
        };
        is_marked |= cache_control.is_some();
        texts.push(text.as_str());
    }
    Ok(match texts.is_empty() {
        true => None,
        false if is_marked => Some(System::Blocks(system)),
        false => Some(System::Text(texts.join("\n\n"))),
    })
}

/// Ids may hold letters, digits, `_` and `-`; other providers' calls, which a conversation may bring along, hold more.
fn plain_id(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Arguments as an object. A model may have written something else, which the conversation then holds for ever.
fn input(arguments: &str) -> Result<Box<RawValue>, Failure> {
    let trimmed = arguments.trim();
    let object = match trimmed {
        "" => "{}".to_owned(),
        object if object.starts_with('{') => object.to_owned(),
        other => wrapped(other),
    };
    RawValue::from_string(object)
        .or_else(|_| RawValue::from_string(wrapped(trimmed)))
        .map_err(|_| Failure::Unsupported("arguments of a tool call that are no JSON"))
}

fn wrapped(text: &str) -> String {
    serde_json::json!({"arguments": text}).to_string()
}
