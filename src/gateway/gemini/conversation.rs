//! The messages of a chat request as Gemini has them: instructions apart, turns of user and model, tool calls and their results as parts of
//! these turns. Calls keep the signatures of the thoughts that led to them.

use std::collections::HashMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::generation::Generation;
use super::part::{Call, CallResult, Content, Part, text_part};
use crate::chat::Role;
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};
use crate::gateway::own_content::{Kept, read_messages};

/// A conversation has to begin with the user; where it does not, this stands there.
const BEGINNING: &str = "(The assistant speaks first.)";

/// Of Anthropic's keys this API has a word for that a tool failed.
const KEPT: Kept = Kept { of_parts: &[], of_messages: &["is_error"] };

/// Google's word for a call that no thoughts of this model led to, such as another model's earlier in the same conversation.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// A conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Instructions, in order, wherever in the conversation they stood.
    pub(super) system: Option<System>,
    pub(super) turns: Vec<Turn>,
}

/// Instructions.
#[derive(Debug, Serialize)]
pub(super) struct System {
    parts: Vec<Part>,
}

/// What one side says until the other speaks.
#[derive(Debug, Serialize)]
pub(super) struct Turn {
    role: Side,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    User,
    Model,
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
    /// Anthropic's: the tool failed.
    #[serde(default)]
    is_error: Option<bool>,
    #[serde(default)]
    extra_content: Option<Value>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    #[serde(default)]
    function: Option<CalledFunction>,
    #[serde(default)]
    extra_content: Option<Value>,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// A conversation as it is read, message by message.
struct Reading {
    generation: Generation,
    system: Vec<Part>,
    turns: Vec<Turn>,
    /// Name and place of each call by its id. Results name the id alone, and the API wants the tool's name.
    called: HashMap<String, (String, usize)>,
    calls: usize,
}

impl Conversation {
    /// Reads `messages`.
    pub(super) fn read(fields: &Fields<'_>, generation: Generation, dropped: &mut Dropped) -> Result<Self, Unwritten> {
        let messages: Vec<Message> = read_messages(fields, KEPT, dropped)?;
        let mut reading =
            Reading { generation, system: Vec::new(), turns: Vec::new(), called: HashMap::new(), calls: 0 };
        for (index, message) in messages.into_iter().enumerate() {
            if message.name.is_some() {
                dropped.add("messages.name");
            }
            match message.role {
                Role::System | Role::Developer => {
                    let said = reading.parts(message.content, dropped)?;
                    reading.system.extend(said);
                }
                Role::User => {
                    let said = reading.parts(message.content, dropped)?;
                    reading.add(Side::User, said);
                }
                Role::Assistant => reading.add_assistant(message, dropped)?,
                Role::Tool => reading.add_result(message, index, dropped)?,
                Role::Function => return Err(Failure::Unsupported("the older functions; tools serve").into()),
            }
        }
        reading.finish()
    }
}

impl Reading {
    fn parts(&self, content: Option<Content>, dropped: &mut Dropped) -> Result<Vec<Part>, Failure> {
        content.map_or_else(|| Ok(Vec::new()), |content| content.into_parts(self.generation, dropped))
    }

    fn add(&mut self, role: Side, parts: Vec<Part>) {
        match self.turns.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => self.turns.push(Turn { role, parts }),
        }
    }

    fn add_assistant(&mut self, message: Message, dropped: &mut Dropped) -> Result<(), Failure> {
        if message.function_call.is_some() {
            return Err(Failure::Unsupported("the older functions; tools serve"));
        }
        if message.audio.is_some() {
            return Err(Failure::Unsupported("sound that an assistant said"));
        }
        let mut said = self.parts(message.content, dropped)?;
        said.extend(message.refusal.and_then(text_part));
        if let Some(Part::Text { thought_signature, .. }) = said.last_mut() {
            *thought_signature = signature(message.extra_content.as_ref());
        }
        for call in message.tool_calls.into_iter().flatten() {
            let Some(CalledFunction { name, arguments }) = call.function else {
                return Err(Failure::Unsupported("tools that are no functions"));
            };
            self.called.insert(call.id.clone(), (name.clone(), self.calls));
            self.calls += 1;
            let thought_signature = signature(call.extra_content.as_ref());
            let function_call = Call { id: call.id, name, args: object(&arguments, "arguments")? };
            said.push(Part::Call { function_call, thought_signature });
        }
        self.add(Side::Model, said);
        Ok(())
    }

    fn add_result(&mut self, message: Message, index: usize, dropped: &mut Dropped) -> Result<(), Unwritten> {
        let param = format!("messages[{index}].tool_call_id");
        let id = message.tool_call_id.clone().ok_or_else(|| invalid(&param, "missing"))?;
        let (name, place) =
            self.called.get(&id).cloned().ok_or_else(|| invalid(&param, "no message before calls it"))?;
        let (mut texts, mut parts) = (Vec::new(), Vec::new());
        for part in self.parts(message.content, dropped)? {
            match part {
                Part::Text { text, .. } => texts.push(text),
                Part::Inline { .. } if self.generation.takes_media_in_results() => parts.push(part),
                _ => return Err(Failure::Unsupported("pictures in the result of a tool").into()),
            }
        }
        let text = texts.join("\n\n");
        let response = if message.is_error == Some(true) { named("error", &text) } else { object(&text, "output") }?;
        let function_response = CallResult { id, name, response, parts, place };
        self.add(Side::User, vec![Part::Result { function_response }]);
        Ok(())
    }

    fn finish(mut self) -> Result<Conversation, Unwritten> {
        for turn in &mut self.turns {
            if turn.role == Side::User {
                // Results have to follow their calls at once, and in their order.
                turn.parts.sort_by_key(|part| match part {
                    Part::Result { function_response } => function_response.place,
                    _ => usize::MAX,
                });
            }
        }
        if self.turns.is_empty() {
            // Instructions alone are answered elsewhere, so they are what is said.
            if self.system.is_empty() {
                return Err(invalid("messages", "none of them holds a word"));
            }
            let turns = vec![Turn { role: Side::User, parts: self.system }];
            return Ok(Conversation { system: None, turns });
        }
        if self.turns.first().is_some_and(|turn| turn.role == Side::Model) {
            let beginning = text_part(BEGINNING.to_owned()).into_iter().collect();
            self.turns.insert(0, Turn { role: Side::User, parts: beginning });
        }
        if self.system.iter().any(|part| !matches!(part, Part::Text { .. })) {
            return Err(Failure::Unsupported("anything but text in instructions").into());
        }
        if self.generation.demands_signatures() {
            self.sign_foreign_calls();
        }
        let system = (!self.system.is_empty()).then_some(System { parts: self.system });
        Ok(Conversation { system, turns: self.turns })
    }

    /// Since the user last spoke, the first call of each turn has to bear a signature. Calls that came from elsewhere have none.
    fn sign_foreign_calls(&mut self) {
        let speaks =
            |turn: &Turn| turn.role == Side::User && turn.parts.iter().any(|part| !matches!(part, Part::Result { .. }));
        let begun = self.turns.iter().rposition(speaks).unwrap_or(0);
        for turn in &mut self.turns[begun..] {
            let first = turn.parts.iter_mut().find_map(|part| match part {
                Part::Call { thought_signature, .. } => Some(thought_signature),
                _ => None,
            });
            if let Some(thought_signature) = first {
                thought_signature.get_or_insert_with(|| UNSIGNED.to_owned());
            }
        }
    }
}

/// The signature of thoughts, where Google's own endpoint in OpenAI's shape puts it.
fn signature(extra_content: Option<&Value>) -> Option<String> {
    let signature = extra_content?.get("google")?.get("thought_signature")?.as_str()?;
    (!signature.is_empty()).then(|| signature.to_owned())
}

/// Text as a JSON object: itself where it is one, and otherwise under a name. A model or a tool may have written anything.
fn object(text: &str, name: &str) -> Result<Box<RawValue>, Failure> {
    let trimmed = text.trim();
    let object = match trimmed {
        "" => "{}".to_owned(),
        object if object.starts_with('{') => object.to_owned(),
        _ => return named(name, text),
    };
    RawValue::from_string(object).or_else(|_| named(name, text))
}

/// Text under a name.
fn named(name: &str, text: &str) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(serde_json::json!({name: text}).to_string())
        .map_err(|_| Failure::Unsupported("text that no JSON can hold"))
}
