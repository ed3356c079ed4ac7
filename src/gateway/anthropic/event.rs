//! The events of a streamed message, as far as they are read here. An event or a block of an unknown type is none of our concern.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error_body::MessageError;
use super::usage::MessageUsage;

/// One event.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        content_block: BlockStart,
    },
    ContentBlockDelta {
        delta: BlockDelta,
    },
    ContentBlockStop,
    MessageDelta {
        delta: MessageDelta,
        #[serde(default)]
        usage: MessageUsage,
    },
    MessageStop,
    Ping,
    Error {
        error: MessageError,
    },
    #[serde(other)]
    Unknown,
}

/// The message as it begins.
#[derive(Debug, Deserialize)]
pub(super) struct Start {
    pub(super) id: String,
    pub(super) model: String,
    #[serde(default)]
    pub(super) usage: MessageUsage,
}

/// How a block begins.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockStart {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Map<String, Value>,
    },
    #[serde(other)]
    Unknown,
}

/// How it goes on. Citations have no counterpart.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockDelta {
    TextDelta {
        text: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    SignatureDelta {
        signature: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    #[serde(other)]
    Unknown,
}

/// What the end says of the message.
#[derive(Debug, Deserialize)]
pub(super) struct MessageDelta {
    #[serde(default)]
    pub(super) stop_reason: Option<String>,
    #[serde(default)]
    pub(super) stop_sequence: Option<String>,
}
