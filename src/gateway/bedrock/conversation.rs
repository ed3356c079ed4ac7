//! The messages of a chat request as the Converse API has them: instructions apart, turns of user and assistant that alternate, tool
//! calls and their results as blocks inside these turns, and thoughts before what they led to.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::block::{Block, CacheControl, Content, Reasoning, text_block};
use super::document::Names;
use super::model::Model;
use crate::chat::Role;
use crate::gateway::anthropic::{input, plain_id};
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};
use crate::gateway::own_content::{Kept, read_messages};

/// A conversation has to begin with the user; where it does not, this stands there.
const BEGINNING: &str = "(The assistant speaks first.)";

/// A document has to come with words; where it does not, these do.
const BESIDE_DOCUMENT: &str = "(A document.)";

/// What this API has words for among Anthropic's keys.
const KEPT: Kept =
    Kept { of_parts: &["cache_control"], of_messages: &["is_error", "thinking_blocks", "cache_control"] };

/// A longer id of a call is refused.
const MAX_ID_BYTES: usize = 64;

/// A conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Instructions, in order, wherever in the conversation they stood.
    pub(super) system: Vec<Block>,
    pub(super) turns: Vec<Turn>,
    /// Names of tools that were called in it, each once.
    pub(super) called: Vec<String>,
    /// The last call was made without a signed thought before it.
    calls_without_thought: bool,
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
    /// Not OpenAI's: thoughts of an earlier answer, as it gave them.
    #[serde(default)]
    thinking_blocks: Option<Vec<ThinkingBlock>>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
    #[serde(default)]
    function_call: Option<IgnoredAny>,
    #[serde(default)]
    tool_call_id: Option<String>,
    /// Anthropic's: the tool failed.
    #[serde(default)]
    is_error: Option<bool>,
    /// A mark on the whole result of a tool.
    #[serde(default)]
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct ThinkingBlock {
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    /// Of a block that is redacted.
    #[serde(default)]
    data: Option<String>,
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

/// What decides how messages are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) model: Model,
    /// Signed thoughts go back to where they came from; models that sign none refuse them.
    pub(super) takes_thoughts: bool,
}

impl Reader {
    /// Reads `messages`.
    pub(super) fn read(self, fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Conversation, Unwritten> {
        let messages: Vec<Message> = read_messages(fields, KEPT, dropped)?;
        let mut conversation = Conversation::default();
        let mut system = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            if message.name.is_some() {
                dropped.add("messages.name");
            }
            match message.role {
                Role::System | Role::Developer => system.extend(self.blocks(message.content, dropped)?),
                Role::User => conversation.add(Side::User, self.blocks(message.content, dropped)?),
                Role::Assistant => self.add_answer(&mut conversation, message, dropped)?,
                Role::Tool => self.add_result(&mut conversation, message, index, dropped)?,
                Role::Function => return Err(Failure::Unsupported("the older functions; tools serve").into()),
            }
        }
        conversation.finish(system)
    }

    fn add_result(
        self,
        conversation: &mut Conversation,
        message: Message,
        index: usize,
        dropped: &mut Dropped,
    ) -> Result<(), Unwritten> {
        let id = message.tool_call_id.as_deref();
        let id = id.ok_or_else(|| invalid(&format!("messages[{index}].tool_call_id"), "missing"))?;
        let blocks = self.blocks(message.content, dropped)?;
        // A result holds no marks; they stand behind it.
        let (mut marks, content): (Vec<Block>, Vec<Block>) =
            blocks.into_iter().partition(|block| matches!(block, Block::CachePoint(_)));
        let mark = message.cache_control.and_then(|mark| mark.into_point(self.model, dropped));
        if marks.is_empty() {
            marks.extend(mark.map(Block::CachePoint));
        }
        let failed = message.is_error == Some(true);
        if failed && !self.model.takes_status {
            dropped.add("messages.is_error");
        }
        let status = (failed && self.model.takes_status).then_some("error");
        let result = Block::ToolResult { tool_use_id: call_id(id), content, status };
        conversation.add(Side::User, std::iter::once(result).chain(marks).collect());
        Ok(())
    }

    fn blocks(self, content: Option<Content>, dropped: &mut Dropped) -> Result<Vec<Block>, Failure> {
        content.map_or_else(|| Ok(Vec::new()), |content| content.into_blocks(self.model, dropped))
    }

    fn add_answer(
        self,
        conversation: &mut Conversation,
        message: Message,
        dropped: &mut Dropped,
    ) -> Result<(), Failure> {
        if message.function_call.is_some() {
            return Err(Failure::Unsupported("the older functions; tools serve"));
        }
        if message.audio.is_some() {
            return Err(Failure::Unsupported("sound in messages"));
        }
        let mut said = self.blocks(message.content, dropped)?;
        said.extend(message.refusal.and_then(text_block));
        let thoughts = self.thoughts(message.thinking_blocks, dropped);
        for call in message.tool_calls.into_iter().flatten() {
            let Some(CalledFunction { name, arguments }) = call.function else {
                return Err(Failure::Unsupported("tools that are no functions"));
            };
            if !conversation.called.contains(&name) {
                conversation.called.push(name.clone());
            }
            conversation.calls_without_thought = thoughts.is_empty();
            said.push(Block::ToolUse { tool_use_id: call_id(&call.id), name, input: input(&arguments)? });
        }
        if !said.is_empty() {
            // Thoughts that led to nothing cannot stand alone.
            said.splice(0..0, thoughts);
        }
        conversation.add(Side::Assistant, said);
        Ok(())
    }

    /// Thoughts that are signed, or encrypted; what is neither would be refused.
    fn thoughts(self, blocks: Option<Vec<ThinkingBlock>>, dropped: &mut Dropped) -> Vec<Block> {
        let mut thoughts = Vec::new();
        for block in blocks.into_iter().flatten() {
            let reasoning = match block {
                _ if !self.takes_thoughts => None,
                ThinkingBlock { data: Some(data), .. } => Some(Reasoning::RedactedContent(data)),
                ThinkingBlock { thinking: Some(text), signature: Some(signature), .. } => {
                    Some(Reasoning::ReasoningText { text, signature })
                }
                ThinkingBlock { .. } => None,
            };
            match reasoning {
                Some(reasoning) => thoughts.push(Block::ReasoningContent(reasoning)),
                None => dropped.add("messages.thinking_blocks"),
            }
        }
        thoughts
    }
}

impl Conversation {
    fn add(&mut self, role: Side, blocks: Vec<Block>) {
        match self.turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some(last) if last.role == role => last.content.extend(blocks),
            _ => self.turns.push(Turn { role, content: blocks }),
        }
    }

    fn finish(mut self, system: Vec<Block>) -> Result<Self, Unwritten> {
        if self.turns.is_empty() {
            // Instructions alone are answered elsewhere, so they are what is said.
            if system.is_empty() {
                return Err(invalid("messages", "none of them holds a word"));
            }
            self.turns.push(Turn { role: Side::User, content: system });
        } else if system.iter().all(|block| matches!(block, Block::Text(_) | Block::CachePoint(_))) {
            self.system = system;
        } else {
            return Err(Failure::Unsupported("anything but text in instructions").into());
        }
        if let Some(Turn { role: Side::Assistant, content }) = self.turns.last_mut()
            && let Some(Block::Text(text)) = content.last_mut()
        {
            // An answer that is to be gone on with may not end in white space.
            text.truncate(text.trim_end().len());
        }
        if self.turns.first().is_some_and(|turn| turn.role == Side::Assistant) {
            self.turns.insert(0, Turn { role: Side::User, content: vec![Block::Text(BEGINNING.to_owned())] });
        }
        let mut names = Names::default();
        self.turns.iter_mut().filter(|turn| turn.role == Side::User).for_each(|turn| turn.settle(&mut names));
        Ok(self)
    }

    /// Whether the last turn brings results of calls whose thoughts are lost, which a model that thinks would demand.
    pub(super) fn lacks_thoughts(&self) -> bool {
        let last = self.turns.last().map(|turn| turn.content.as_slice());
        let is_among_tools = last.is_some_and(|content| matches!(content.first(), Some(Block::ToolResult { .. })));
        is_among_tools && self.calls_without_thought
    }
}

impl Turn {
    /// Puts a user's turn into the order that is demanded.
    fn settle(&mut self, names: &mut Names) {
        // Results of tools have to come before everything else.
        self.content.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
        let mut documents = 0_usize;
        for block in &mut self.content {
            match block {
                Block::Document(document) => {
                    documents += 1;
                    names.make_unique(document);
                }
                Block::ToolResult { content, .. } => {
                    for block in content {
                        if let Block::Document(document) = block {
                            names.make_unique(document);
                        }
                    }
                }
                _ => {}
            }
        }
        if documents > 0 && !self.content.iter().any(|block| matches!(block, Block::Text(_))) {
            self.content.push(Block::Text(BESIDE_DOCUMENT.to_owned()));
        }
    }
}

/// The id of a call, in the characters and at the length that are taken.
fn call_id(id: &str) -> String {
    if id.len() > MAX_ID_BYTES { blake3::hash(id.as_bytes()).to_hex().to_string() } else { plain_id(id) }
}
