//! How likely each token was, in Gemini's shape and in OpenAI's.

use serde::Deserialize;
use serde_json::{Value, json};

/// What was chosen at each step, and what was likely there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LogprobsResult {
    chosen_candidates: Vec<Token>,
    /// As long as the other, where it was asked for.
    top_candidates: Vec<LikelyTokens>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LikelyTokens {
    candidates: Vec<Token>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Token {
    token: String,
    log_probability: Option<f64>,
}

impl LogprobsResult {
    /// OpenAI's `logprobs`. A token whose probability was not told is left out: taking it for certain would be a guess.
    pub(super) fn to_openai(&self) -> Value {
        let steps = self.chosen_candidates.iter().enumerate();
        let steps = steps.filter_map(|(step, chosen)| {
            let mut token = chosen.to_openai()?;
            let likely = self.top_candidates.get(step).map(|likely| likely.candidates.as_slice()).unwrap_or_default();
            token["top_logprobs"] = likely.iter().filter_map(Token::to_openai).collect();
            Some(token)
        });
        json!({"content": steps.collect::<Value>(), "refusal": null})
    }
}

impl Token {
    fn to_openai(&self) -> Option<Value> {
        Some(json!({"token": self.token, "logprob": self.log_probability?, "bytes": self.token.as_bytes()}))
    }
}
