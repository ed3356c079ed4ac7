//! Reads the token counts out of a whole answer without building the rest of it.

use serde::Deserialize;
use serde_json::Value;

use crate::chat::Usage;

#[derive(Deserialize)]
struct UsageOnly {
    usage: Option<Value>,
}

/// The `usage` of an answer, if it has one.
pub(in crate::gateway) fn read_usage(answer: &[u8]) -> Option<Usage> {
    let answer: UsageOnly = serde_json::from_slice(answer).ok()?;
    Usage::from_openai(&answer.usage?)
}
