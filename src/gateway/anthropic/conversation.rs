//! The messages of a chat request as Anthropic has them: instructions apart, turns of user and assistant that alternate, tool calls and
//! their results as blocks inside these turns.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::block::{Block, Content, OwnKeys, Reading, text_block};
use super::thoughts::Thought;
use crate::chat::Role;
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};

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
    /// Signed thoughts, as they came with the answer.
    #[serde(default)]
    thinking_blocks: Option<Vec<Thought>>,
    #[serde(flatten)]
    own: OwnKeys,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    #[serde(rename = "type", default)]
    _kind: Option<IgnoredAny>,
    #[serde(default)]
    function: Option<CalledFunction>,
    #[serde(flatten)]
    own: OwnKeys,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

impl Conversation {
    /// Reads `messages`. A model that does not think (`thinks`) is told no thoughts.
    pub(super) fn read(fields: &Fields<'_>, thinks: bool, dropped: &mut Dropped) -> Result<Self, Unwritten> {
        let mut messages: Vec<Message> = fields.read("messages")?.unwrap_or_default();
        if !thinks && messages.iter_mut().filter_map(|message| message.thinking_blocks.take()).count() > 0 {
            dropped.add("thinking_blocks");
        }
        let mut reading = Reading { is_of_messages: fields.are_of_messages(), dropped };
        let mut conversation = Self::default();
        let mut system = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            if message.name.is_some() {
                reading.dropped.add("messages.name");
            }
            match message.role {
                Role::System | Role::Developer => system.extend(blocks(message.content, &mut reading)?),
                Role::User => conversation.add(Side::User, blocks(message.content, &mut reading)?),
                Role::Assistant => conversation.add_assistant(message, &mut reading)?,
                Role::Tool => {
                    let id = message.tool_call_id.as_deref();
                    let id = id.ok_or_else(|| invalid(&format!("messages[{index}].tool_call_id"), "missing"))?;
                    let content = blocks(message.content, &mut reading)?;
                    let own = reading.own(message.own);
                    let result = Block::ToolResult { tool_use_id: plain_id(id), content, own };
                    conversation.add(Side::User, vec![result]);
                }
                Role::Function => return Err(Failure::Unsupported("the older functions; tools serve").into()),
            }
        }
        conversation.finish(system, reading.is_of_messages)
    }

    fn add(&mut self, role: Side, blocks: Vec<Block>) {
        match self.turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some(last) if last.role == role => last.content.extend(blocks),
            _ => self.turns.push(Turn { role, content: blocks }),
        }
    }

    fn add_assistant(&mut self, message: Message, reading: &mut Reading<'_>) -> Result<(), Failure> {
        if message.function_call.is_some() {
            return Err(Failure::Unsupported("the older functions; tools serve"));
        }
        if message.audio.is_some() {
            return Err(Failure::Unsupported("sound in messages"));
        }
        let thoughts = message.thinking_blocks.into_iter().flatten();
        let mut said: Vec<Block> = thoughts.filter_map(|thought| thought.into_block(reading.dropped)).collect();
        said.extend(blocks(message.content, reading)?);
        said.extend(message.refusal.and_then(|refusal| text_block(refusal, OwnKeys::new())));
        for call in message.tool_calls.into_iter().flatten() {
            let Some(CalledFunction { name, arguments }) = call.function else {
                return Err(Failure::Unsupported("tools that are no functions"));
            };
            if !self.called.contains(&name) {
                self.called.push(name.clone());
            }
            let own = reading.own(call.own);
            said.push(Block::ToolUse { id: plain_id(&call.id), name, input: input(&arguments)?, own });
        }
        self.add(Side::Assistant, said);
        Ok(())
    }

    fn finish(mut self, system: Vec<Block>, keeps_blocks: bool) -> Result<Self, Unwritten> {
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
            let beginning = text_block(BEGINNING.to_owned(), OwnKeys::new()).into_iter().collect();
            self.turns.insert(0, Turn { role: Side::User, content: beginning });
        }
        self.system = if keeps_blocks && system.len() > 1 { Some(System::Blocks(system)) } else { joined(system)? };
        Ok(self)
    }

    /// Whether the last turn brings results of tools, and the work that they belong to began without a signed thought. A budget for thoughts
    /// would be refused then.
    pub(super) fn is_among_thoughtless_tools(&self) -> bool {
        let brings_results = |turn: &&Turn| matches!(turn.content.first(), Some(Block::ToolResult { .. }));
        if !self.turns.last().is_some_and(|turn| brings_results(&turn)) {
            return false;
        }
        let work = self.turns.iter().rev().take_while(|turn| turn.role == Side::Assistant || brings_results(turn));
        let first = work.filter(|turn| turn.role == Side::Assistant).last();
        let began_with = first.and_then(|turn| turn.content.first());
        !matches!(began_with, Some(Block::Thinking { .. } | Block::RedactedThinking { .. }))
    }
}

fn blocks(content: Option<Content>, reading: &mut Reading<'_>) -> Result<Vec<Block>, Failure> {
    content.map_or(Ok(Vec::new()), |content| content.into_blocks(reading))
}

/// One text, unless a block says more of itself than its words.
fn joined(system: Vec<Block>) -> Result<Option<System>, Failure> {
    let mut texts = Vec::with_capacity(system.len());
    let mut is_marked = false;
    for block in &system {
        let Block::Text { text, own } = block else {
            return Err(Failure::Unsupported("anything but text in instructions"));
        };
        is_marked |= !own.is_empty();
        texts.push(text.as_str());
    }
    Ok(match texts.is_empty() {
        true => None,
        false if is_marked => Some(System::Blocks(system)),
        false => Some(System::Text(texts.join("\n\n"))),
    })
}

/// Ids may hold letters, digits, `_` and `-`; other providers' calls, which a conversation may bring along, hold more.
pub(in crate::gateway) fn plain_id(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Arguments as an object. A model may have written something else, which the conversation then holds for ever.
pub(in crate::gateway) fn input(arguments: &str) -> Result<Box<RawValue>, Failure> {
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
