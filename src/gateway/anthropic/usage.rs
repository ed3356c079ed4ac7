//! Token counts of the Messages API, where cached tokens are no part of `input_tokens`, and why a message ended.

use serde::Deserialize;

use crate::chat::Usage;

/// Counts as they stand in a message or, cumulative, in the events of a stream.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct MessageUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
}

impl MessageUsage {
    /// With what a later event says.
    pub(super) fn updated(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: later.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
        }
    }

    /// Disjoint counts; `None` where input or output was not told. The API does not tell thoughts from words.
    pub(super) fn counts(self) -> Option<Usage> {
        let (input, output) = self.input_tokens.zip(self.output_tokens)?;
        Some(Usage {
            input,
            cached_input: self.cache_read_input_tokens.unwrap_or(0),
            cache_write: self.cache_creation_input_tokens.unwrap_or(0),
            output,
            reasoning: 0,
        })
    }
}

/// OpenAI's word for why a message ended.
pub(super) fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        // `end_turn`, `stop_sequence`, `pause_turn`, and whatever else there may be.
        _ => "stop",
    }
}
