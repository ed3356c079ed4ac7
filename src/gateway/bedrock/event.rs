//! The events of a streamed message, as far as they are read here. An event of an unknown kind is none of our concern.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::usage::TokenUsage;

/// One event.
#[derive(Debug)]
pub(super) enum Event {
    /// A block begins: a call, or something that says so only by what it is.
    BlockStart(Start),
    /// A block goes on.
    BlockDelta(Delta),
    BlockStop,
    /// Why the message ended.
    Stop {
        reason: String,
    },
    /// What it cost in tokens, which comes last.
    Usage(TokenUsage),
    Other,
}

/// How a block begins.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    #[serde(default)]
    pub(super) tool_use: Option<ToolUseStart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUseStart {
    pub(super) tool_use_id: String,
    pub(super) name: String,
    /// Of a tool that runs at the provider.
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
}

/// How it goes on: one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delta {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) tool_use: Option<ToolUseDelta>,
    #[serde(default)]
    pub(super) reasoning_content: Option<ReasoningDelta>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToolUseDelta {
    /// A piece of JSON text.
    #[serde(default)]
    pub(super) input: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReasoningDelta {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) signature: Option<String>,
    #[serde(default)]
    pub(super) redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct BlockStart {
    #[serde(default)]
    start: Start,
}

#[derive(Deserialize)]
struct BlockDelta {
    #[serde(default)]
    delta: Delta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    stop_reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    usage: Option<TokenUsage>,
}

impl Event {
    /// Reads the payload of an event of this kind; `None` where it cannot be read.
    pub(super) fn read(kind: &str, payload: &[u8]) -> Option<Self> {
        fn parse<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
            serde_json::from_slice(payload).ok()
        }
        Some(match kind {
            "contentBlockStart" => Self::BlockStart(parse::<BlockStart>(payload)?.start),
            "contentBlockDelta" => Self::BlockDelta(parse::<BlockDelta>(payload)?.delta),
            "contentBlockStop" => Self::BlockStop,
            "messageStop" => Self::Stop { reason: parse::<Stop>(payload)?.stop_reason },
            "metadata" => parse::<Metadata>(payload)?.usage.map_or(Self::Other, Self::Usage),
            _ => Self::Other,
        })
    }
}
