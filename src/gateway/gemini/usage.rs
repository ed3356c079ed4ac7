//! Token counts of the Gemini API, where thoughts are no part of the answer's tokens and cached ones are a part of the prompt's.

use serde::Deserialize;

use crate::chat::Usage;

/// Counts as they stand in an answer or, cumulative, in each event of a stream. What is 0 may be left out.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UsageMetadata {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    /// Results of tools that ran at the provider, which the model read.
    tool_use_prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

impl UsageMetadata {
    /// Disjoint counts; `None` where the prompt was not counted.
    pub(super) fn counts(self) -> Option<Usage> {
        let prompt = self.prompt_token_count?;
        let cached_input = self.cached_content_token_count.unwrap_or(0).min(prompt);
        Some(Usage {
            input: (prompt - cached_input).saturating_add(self.tool_use_prompt_token_count.unwrap_or(0)),
            cached_input,
            cache_write: 0,
            output: self.candidates_token_count.unwrap_or(0),
            reasoning: self.thoughts_token_count.unwrap_or(0),
        })
    }
}
