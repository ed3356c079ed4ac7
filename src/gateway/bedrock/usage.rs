//! Token counts of the Converse API, where cached tokens are no part of `inputTokens`, and why a message ended.

use serde::Deserialize;

use crate::chat::Usage;

/// Counts as they stand in a message or at the end of a stream. The API does not tell thoughts from words.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenUsage {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_write_input_tokens: Option<u64>,
}

impl TokenUsage {
    /// Disjoint counts.
    pub(super) fn counts(self) -> Usage {
        Usage {
            input: self.input_tokens,
            cached_input: self.cache_read_input_tokens.unwrap_or(0),
            cache_write: self.cache_write_input_tokens.unwrap_or(0),
            output: self.output_tokens,
            reasoning: 0,
        }
    }
}

/// OpenAI's word for why a message ended.
pub(super) fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "guardrail_intervened" | "content_filtered" => "content_filter",
        // `end_turn`, `stop_sequence`, output that is malformed, and whatever else there may be.
        _ => "stop",
    }
}
