//! Token usage as providers report it, in buckets that do not overlap.

use serde::Deserialize;
use serde_json::{Value, json};

/// Tokens of one answer. Each token is counted in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Prompt tokens billed at the full input price.
    pub input: u64,
    /// Prompt tokens that the provider served from its cache.
    pub cached_input: u64,
    /// Prompt tokens that the provider wrote to its cache.
    pub cache_write: u64,
    /// Answer tokens that the client is given.
    pub output: u64,
    /// Answer tokens that were thought, billed as the others.
    pub reasoning: u64,
}

#[derive(Deserialize)]
struct OpenAiUsage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptTokensDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionTokensDetails>,
}

#[derive(Default, Deserialize)]
struct PromptTokensDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    /// OpenAI tells of none; OpenRouter and this program name them so.
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionTokensDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl Usage {
    /// Reads OpenAI's `usage` object, where cached tokens are a part of `prompt_tokens` and thoughts a part of `completion_tokens`. `None`
    /// if it is not one.
    pub fn from_openai(usage: &Value) -> Option<Self> {
        let usage = OpenAiUsage::deserialize(usage).ok()?;
        let details = usage.prompt_tokens_details.unwrap_or_default();
        let cached_input = details.cached_tokens.unwrap_or(0).min(usage.prompt_tokens);
        let uncached = usage.prompt_tokens - cached_input;
        let cache_write = details.cache_write_tokens.unwrap_or(0).min(uncached);
        let reasoning = usage.completion_tokens_details.and_then(|details| details.reasoning_tokens).unwrap_or(0);
        let reasoning = reasoning.min(usage.completion_tokens);
        Some(Self {
            input: uncached - cache_write,
            cached_input,
            cache_write,
            output: usage.completion_tokens - reasoning,
            reasoning,
        })
    }

    /// OpenAI's `usage` object.
    pub fn to_openai(self) -> Value {
        let (prompt, completion) = (self.prompt(), self.completion());
        let mut usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
            "prompt_tokens_details": {"cached_tokens": self.cached_input},
        });
        if self.cache_write > 0 {
            usage["prompt_tokens_details"]["cache_write_tokens"] = self.cache_write.into();
        }
        if self.reasoning > 0 {
            usage["completion_tokens_details"] = json!({"reasoning_tokens": self.reasoning});
        }
        usage
    }

    /// All tokens of the prompt.
    pub fn prompt(self) -> u64 {
        self.input.saturating_add(self.cached_input).saturating_add(self.cache_write)
    }

    /// All tokens of the answer.
    pub fn completion(self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_counted_twice() {
        let usage = json!({
            "prompt_tokens": 100, "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0},
        });
        let read = Usage::from_openai(&usage).unwrap();
        assert_eq!(read, Usage { input: 30, cached_input: 60, cache_write: 10, output: 2, reasoning: 5 });
        assert_eq!((read.prompt(), read.completion()), (100, 7));
        assert_eq!(Usage::from_openai(&read.to_openai()), Some(read));
        assert_eq!(Usage::from_openai(&Value::Null), None);
    }

    #[test]
    fn counts_that_contradict_themselves_are_cut_to_their_whole() {
        let usage = json!({
            "prompt_tokens": 10, "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 9},
            "completion_tokens_details": {"reasoning_tokens": 9},
        });
        let expected = Usage { cached_input: 10, reasoning: 3, ..Usage::default() };
        assert_eq!(Usage::from_openai(&usage), Some(expected));
    }
}
