//! A chat completion, whole or a chunk of a stream, as far as a response is made of it. A field of an unexpected shape makes it unreadable,
//! because what it held would be lost.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A whole completion or one chunk.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) service_tier: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    pub(super) usage: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, alias = "message")]
    pub(super) delta: Option<Delta>,
    #[serde(default)]
    pub(super) logprobs: Option<LogProbs>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

/// What is said, or added to it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta {
    /// Not OpenAI's; most providers that tell thoughts call them so.
    #[serde(default)]
    pub(super) reasoning_content: Option<String>,
    /// What the others call them.
    #[serde(default)]
    pub(super) reasoning: Option<Value>,
    #[serde(default)]
    pub(super) content: Option<Words>,
    #[serde(default)]
    pub(super) refusal: Option<String>,
    #[serde(default)]
    pub(super) tool_calls: Option<Vec<CallDelta>>,
}

/// Some providers give a list of parts, of which those of another type are no words.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    Text(String),
    Parts(Vec<WordsPart>),
}

#[derive(Debug, Deserialize)]
pub(super) struct WordsPart {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// A call, or a piece of one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CallDelta {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) function: Option<FunctionDelta>,
    #[serde(default)]
    pub(super) custom: Option<CustomDelta>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionDelta {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) arguments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct CustomDelta {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) input: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct LogProbs {
    #[serde(default)]
    pub(super) content: Option<Vec<LogProb>>,
}

/// How likely a token was, and which others were.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct LogProb {
    token: String,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    logprob: f64,
    #[serde(default)]
    top_logprobs: Option<Vec<TopLogProb>>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct TopLogProb {
    token: String,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    logprob: f64,
}

impl Chunk {
    /// The choice that counts: a response is one answer.
    pub(super) fn into_choice(self) -> Option<Choice> {
        self.choices?.into_iter().find(|choice| choice.index.is_none_or(|index| index == 0))
    }

    /// A whole completion, whose calls are told apart by their order.
    pub(super) fn numbered(mut self) -> Self {
        let choices = self.choices.iter_mut().flatten().filter_map(|choice| choice.delta.as_mut());
        for calls in choices.filter_map(|delta| delta.tool_calls.as_mut()) {
            calls.iter_mut().zip(0..).for_each(|(call, index)| call.index = Some(index));
        }
        self
    }

    /// Whether it has a choice, as every whole completion must.
    pub(super) fn has_choice(&self) -> bool {
        self.choices.as_ref().is_some_and(|choices| !choices.is_empty())
    }
}

impl CallDelta {
    /// Whether it says what is called, as the first piece of a call does.
    pub(super) fn names_a_tool(&self) -> bool {
        let function = self.function.as_ref().and_then(|function| function.name.as_deref());
        let name = function.or(self.custom.as_ref().and_then(|custom| custom.name.as_deref()));
        name.is_some_and(|name| !name.is_empty())
    }
}

impl Delta {
    /// The thoughts that are told.
    pub(super) fn thoughts(&self) -> &str {
        let other = || self.reasoning.as_ref().and_then(Value::as_str);
        self.reasoning_content.as_deref().or_else(other).unwrap_or_default()
    }
}

impl Words {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => {
                parts.into_iter().filter(|part| part.kind == "text").filter_map(|part| part.text).collect()
            }
        }
    }
}

impl LogProb {
    /// With what some providers leave out: a token's bytes are its text's, and other tokens are none.
    pub(super) fn complete(mut self) -> Self {
        self.bytes.get_or_insert_with(|| self.token.as_bytes().to_vec());
        for other in self.top_logprobs.get_or_insert_default() {
            other.bytes.get_or_insert_with(|| other.token.as_bytes().to_vec());
        }
        self
    }

    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        let one = |token: &str| size_of::<Self>() + 2 * token.len();
        let others = self.top_logprobs.iter().flatten().map(|other| one(&other.token));
        one(&self.token) + others.sum::<usize>()
    }
}
