//! Reads of a whole answer whether it is one, and its token counts, without building the rest of it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::chat::{Usage, error_in};

#[derive(Deserialize)]
struct View {
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    choices: Option<Vec<IgnoredAny>>,
}

/// What came with a status that says success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Whole {
    /// An answer, and its token counts, if it tells them.
    Answer(Option<Usage>),
    /// An error, in place of an answer or within one.
    Error,
    /// Anything else: half an answer, a web page, nothing at all.
    Unreadable,
}

/// Reads a whole answer.
pub(in crate::gateway) fn read_whole(answer: &[u8]) -> Whole {
    if error_in(answer).is_some() {
        return Whole::Error;
    }
    match serde_json::from_slice::<View>(answer) {
        Ok(View { choices: Some(_), usage }) => Whole::Answer(usage.as_ref().and_then(Usage::from_openai)),
        _ => Whole::Unreadable,
    }
}

#[derive(Deserialize)]
struct EmbeddingsView {
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(default)]
    data: Option<Vec<IgnoredAny>>,
}

/// The same of embeddings.
pub(in crate::gateway) fn read_embeddings(answer: &[u8]) -> Whole {
    match serde_json::from_slice::<EmbeddingsView>(answer) {
        Ok(EmbeddingsView { data: Some(_), usage, .. }) => Whole::Answer(usage.as_ref().and_then(Usage::from_openai)),
        Ok(EmbeddingsView { error: Some(_), .. }) => Whole::Error,
        _ => Whole::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_is_one() {
        let usage = Usage { input: 3, output: 5, ..Usage::default() };
        for (text, expected) in [
            (r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}"#, Whole::Answer(Some(usage))),
            (r#"{"choices":[{"x":1}],"usage":null,"error":null}"#, Whole::Answer(None)),
            (r#"{"error":{"message":"overloaded"}}"#, Whole::Error),
            (r#"{"error":{"message":"overloaded"},"choices":[]}"#, Whole::Error),
            (r#"{"choices":[{"message":{"content":"half"},"finish_reason":"error"}]}"#, Whole::Error),
            (r#"{"choices":[{"#, Whole::Unreadable),
            (r#"{"choices":null}"#, Whole::Unreadable),
            ("[1]", Whole::Unreadable),
            ("<html>", Whole::Unreadable),
            ("", Whole::Unreadable),
        ] {
            assert_eq!(read_whole(text.as_bytes()), expected, "{text}");
        }
    }
}
