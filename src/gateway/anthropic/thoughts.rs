//! Thoughts that the API signed: handed to the client as `thinking_blocks` beside the answer, in the shape that LiteLLM has made common, and
//! given back in front of the turn they belong to.

use serde::Deserialize;
use serde_json::{Value, json};

use super::block::Block;
use crate::gateway::fields::Dropped;

/// One of the `thinking_blocks` that a client gives back.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thought {
    Thinking {
        #[serde(default)]
        thinking: Option<String>,
        #[serde(default)]
        signature: Option<String>,
    },
    RedactedThinking {
        data: String,
    },
    #[serde(other)]
    Unknown,
}

impl Thought {
    /// The block; what is not signed is another model's, and refused by the API.
    pub(super) fn into_block(self, dropped: &mut Dropped) -> Option<Block> {
        match self {
            Self::Thinking { thinking, signature: Some(signature) } if !signature.is_empty() => {
                Some(Block::Thinking { thinking: thinking.unwrap_or_default(), signature })
            }
            Self::RedactedThinking { data } => Some(Block::RedactedThinking { data }),
            Self::Thinking { .. } | Self::Unknown => {
                dropped.add("thinking_blocks");
                None
            }
        }
    }
}

/// A thought, or a piece of one: the signature comes with the last.
pub(super) fn signed(thinking: &str, signature: &str) -> Value {
    json!({"type": "thinking", "thinking": thinking, "signature": signature})
}

/// A thought that only the API can read.
pub(super) fn redacted(data: &str) -> Value {
    json!({"type": "redacted_thinking", "data": data})
}
