//! Token usage as providers report it, in buckets that do not overlap.

use serde::Deserialize;

/// Tokens of one answer. `cached_input` is not counted again in `input`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Prompt tokens billed at the full input price.
    pub input: u64,
    /// Prompt tokens that the provider served from its cache.
    pub cached_input: u64,
    /// Answer tokens, reasoning included.
    pub output: u64,
}

#[derive(Deserialize)]
struct OpenAiUsage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptTokensDetails>,
}

#[derive(Deserialize)]
struct PromptTokensDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Usage {
    /// Reads OpenAI's `usage` object, where cached tokens are a part of `prompt_tokens`. `None` if it is not one.
    pub fn from_openai(usage: &serde_json::Value) -> Option<Self> {
        let usage = OpenAiUsage::deserialize(usage).ok()?;
        let cached = usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
        let cached = cached.min(usage.prompt_tokens);
        Some(Self { input: usage.prompt_tokens - cached, cached_input: cached, output: usage.completion_tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_not_counted_twice() {
        let usage = serde_json::json!({"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}});
        assert_eq!(Usage::from_openai(&usage), Some(Usage { input: 40, cached_input: 60, output: 7 }));
        assert_eq!(Usage::from_openai(&serde_json::Value::Null), None);
    }
}
