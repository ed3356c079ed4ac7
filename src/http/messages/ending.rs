//! How a message ends: why, and with how many tokens.

use serde::Serialize;

use super::spoken::Choice;
use crate::chat::Usage;

/// Why a message ended, in the API's words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StopReason {
    stop_reason: &'static str,
    stop_sequence: Option<String>,
}

impl StopReason {
    /// Reads the end of a choice, in which it was declined or a tool was called.
    pub(super) fn of(choice: &Choice, is_refused: bool, has_called: bool) -> Self {
        let stop_sequence = choice.stop_sequence().map(str::to_owned);
        let stop_reason = match choice.finish_reason.as_deref() {
            Some("length") => "max_tokens",
            Some("content_filter") => "refusal",
            _ if is_refused => "refusal",
            // Some servers say that they stopped where they called.
            _ if has_called => "tool_use",
            _ if stop_sequence.is_some() => "stop_sequence",
            _ => "end_turn",
        };
        Self { stop_reason, stop_sequence: stop_sequence.filter(|_| stop_reason == "stop_sequence") }
    }
}

impl Default for StopReason {
    fn default() -> Self {
        Self { stop_reason: "end_turn", stop_sequence: None }
    }
}

/// Token counts as the API tells them. It has no word for counts that nobody told; they are zero.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct TokenCounts {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputTokensDetails>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct OutputTokensDetails {
    thinking_tokens: u64,
}

impl From<Usage> for TokenCounts {
    fn from(usage: Usage) -> Self {
        let thoughts = OutputTokensDetails { thinking_tokens: usage.reasoning };
        Self {
            input_tokens: usage.input,
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cached_input,
            output_tokens: usage.completion(),
            output_tokens_details: (usage.reasoning > 0).then_some(thoughts),
        }
    }
}
