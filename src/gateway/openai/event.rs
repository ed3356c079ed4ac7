//! Reads one payload of a stream: is it the end, an error, the last word of a choice, the token counts?

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::chat::Usage;

/// What one payload says about the stream.
#[derive(Debug, PartialEq)]
pub(in crate::gateway) enum Event {
    /// `[DONE]`
    Done,
    /// An error in place of a chunk.
    Error,
    /// A chunk.
    Chunk {
        /// A choice says why it ended.
        finished: bool,
        /// The token counts, where the client asked for them.
        usage: Option<Usage>,
    },
    /// Something else; it passes through.
    Unreadable,
}

#[derive(Deserialize)]
struct ChunkView {
    #[serde(default)]
    choices: Vec<ChoiceView>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ChoiceView {
    #[serde(default)]
    finish_reason: Option<IgnoredAny>,
}

/// Reads the payload of a `data:` line.
pub(in crate::gateway) fn read_event(payload: &[u8]) -> Event {
    if payload == b"[DONE]" {
        return Event::Done;
    }
    match serde_json::from_slice::<ChunkView>(payload) {
        Ok(chunk) if chunk.error.is_some() && chunk.choices.is_empty() => Event::Error,
        Ok(chunk) => Event::Chunk {
            finished: chunk.choices.iter().any(|choice| choice.finish_reason.is_some()),
            usage: chunk.usage.as_ref().and_then(Usage::from_openai),
        },
        Err(_) => Event::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_told_apart() {
        let chunk = |finished, usage| Event::Chunk { finished, usage };
        let usage = Usage { input: 3, output: 5, ..Usage::default() };
        for (payload, expected) in [
            ("[DONE]", Event::Done),
            (r#"{"error":{"message":"overloaded"}}"#, Event::Error),
            (r#"{"error":null,"choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#, chunk(false, None)),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#, chunk(true, None)),
            (r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}"#, chunk(false, Some(usage))),
            ("not json", Event::Unreadable),
        ] {
            assert_eq!(read_event(payload.as_bytes()), expected, "{payload}");
        }
    }
}
