//! What a chat completion says, whole or in pieces, as far as a message has a word for it. Reads leniently: a field of an unexpected shape is
//! one that is not there.

use serde::Deserialize;
use serde_json::Value;

/// The first choice of a completion, or of a chunk of one.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default, alias = "delta")]
    pub(super) message: Option<Message>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
    /// As vLLM tells it, and this gateway for Anthropic's API: the client's own sequence that ended the answer.
    #[serde(default)]
    stop_reason: Option<Value>,
}

/// A message, or the next piece of one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    refusal: Option<Value>,
    #[serde(default)]
    reasoning_content: Option<Value>,
    /// The same, as OpenRouter and vLLM call it.
    #[serde(default)]
    reasoning: Option<Value>,
    #[serde(default)]
    thinking_blocks: Option<Value>,
    #[serde(default)]
    pub(super) tool_calls: Option<Vec<Call>>,
}

/// A call of a tool, or the next piece of one.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) function: Option<Function>,
}

/// What is called.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Function {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) arguments: Option<Value>,
}

/// Thoughts or words, in the order of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// A thought or a piece of one. Its signature comes with its last piece; a thought that nobody signed has none.
    Thought { thinking: String, signature: String },
    /// A thought that only its provider can read.
    Redacted { data: String },
    /// Words.
    Text(String),
}

impl Choice {
    /// Whether it is the first, which is the only one that is read.
    pub(super) fn is_first(&self) -> bool {
        self.index.is_none_or(|index| index == 0)
    }

    /// The sequence of the client's that ended the answer, where that was told.
    pub(super) fn stop_sequence(&self) -> Option<&str> {
        self.stop_reason.as_ref()?.as_str()
    }
}

impl Message {
    /// Whether the provider's own field for a refusal holds something.
    pub(super) fn is_refused(&self) -> bool {
        !text_of(self.refusal.as_ref()).is_empty()
    }

    /// Everything but the calls; pieces without a character are none.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let blocks = self.thinking_blocks.as_ref().and_then(Value::as_array).filter(|blocks| !blocks.is_empty());
        match blocks {
            Some(blocks) => pieces.extend(blocks.iter().filter_map(thought)),
            None => {
                let thinking = [&self.reasoning_content, &self.reasoning].map(|field| text_of(field.as_ref()));
                let thinking = thinking.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
                pieces.push(Piece::Thought { thinking: thinking.to_owned(), signature: String::new() });
            }
        }
        match &self.content {
            // Some providers give a list of parts, thoughts among them.
            Some(Value::Array(parts)) => pieces.extend(parts.iter().filter_map(content_part)),
            content => pieces.push(Piece::Text(text_of(content.as_ref()).to_owned())),
        }
        pieces.push(Piece::Text(text_of(self.refusal.as_ref()).to_owned()));
        pieces.retain(|piece| piece.bytes() > 0);
        pieces
    }
}

impl Piece {
    /// Bytes of its text.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Thought { thinking, signature } => thinking.len() + signature.len(),
            Self::Redacted { data } => data.len(),
            Self::Text(text) => text.len(),
        }
    }
}

impl Function {
    /// The arguments as text; some servers give an object.
    pub(super) fn arguments(&self) -> String {
        match &self.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => object.to_string(),
        }
    }
}

fn text_of(field: Option<&Value>) -> &str {
    field.and_then(Value::as_str).unwrap_or_default()
}

fn thought(block: &Value) -> Option<Piece> {
    let text = |name: &str| text_of(block.get(name)).to_owned();
    match block["type"].as_str()? {
        "thinking" => Some(Piece::Thought { thinking: text("thinking"), signature: text("signature") }),
        "redacted_thinking" => Some(Piece::Redacted { data: text("data") }),
        _ => None,
    }
}

fn content_part(part: &Value) -> Option<Piece> {
    match part["type"].as_str()? {
        "text" => Some(Piece::Text(text_of(part.get("text")).to_owned())),
        "thinking" => {
            let thinking = match &part["thinking"] {
                Value::Array(texts) => texts.iter().map(|text| text_of(text.get("text"))).collect(),
                text => text.as_str()?.to_owned(),
            };
            Some(Piece::Thought { thinking, signature: String::new() })
        }
        _ => None,
    }
}
