//! Reads one payload of a stream: is it the end, an error, the last word of a choice, the token counts?

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::{Usage, error_in};

/// What one payload says about the stream.
#[derive(Debug, PartialEq)]
pub(in crate::gateway) enum Event {
    /// `[DONE]`
    Done,
    /// An error, in place of a chunk or within one.
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
}

#[derive(Deserialize)]
struct ChoiceView {
    #[serde(default)]
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct SpeakingView<'a> {
    #[serde(default, borrow)]
    choices: Vec<SpeakingChoice<'a>>,
}

#[derive(Deserialize)]
struct SpeakingChoice<'a> {
    #[serde(default, borrow)]
    delta: Option<BTreeMap<&'a str, &'a RawValue>>,
    #[serde(default)]
    finish_reason: Option<IgnoredAny>,
}

/// Whether a payload holds more of an answer than who speaks: words, thoughts, a call, why it ended. An object of another shape may well do;
/// what is no object, `[DONE]` among it, does not, and neither does an error.
pub(in crate::gateway) fn says_something(payload: &[u8]) -> bool {
    if error_in(payload).is_some() {
        return false;
    }
    let Ok(chunk) = serde_json::from_slice::<SpeakingView<'_>>(payload) else {
        return serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(payload).is_ok();
    };
    let is_something =
        |(name, value): (&&str, &&RawValue)| *name != "role" && !matches!(value.get(), "null" | "\"\"" | "[]" | "{}");
    chunk.choices.iter().any(|choice| {
        choice.finish_reason.is_some() || choice.delta.as_ref().is_some_and(|delta| delta.iter().any(is_something))
    })
}

/// Reads the payload of a `data:` line.
pub(in crate::gateway) fn read_event(payload: &[u8]) -> Event {
    if payload == b"[DONE]" {
        return Event::Done;
    }
    if error_in(payload).is_some() {
        return Event::Error;
    }
    match serde_json::from_slice::<ChunkView>(payload) {
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
    fn who_speaks_is_not_yet_something_said() {
        for (payload, expected) in [
            (
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]}"#,
                false,
            ),
            (r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#, false),
            (r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[]}}]}"#, false),
            (r#"{"choices":[{"index":0,"delta":{"content":" "}}]}"#, true),
            (r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#, true),
            (r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}"#, true),
            (r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#, true),
            (r#"{"choices":[{"index":0,"delta":["of another shape"]}]}"#, true),
            (r#"{"error":{"message":"overloaded"}}"#, false),
            (r#"{"error":{"message":"overloaded"},"choices":[{"index":0,"delta":{"content":"a"}}]}"#, false),
            (r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#, false),
            (r#"{"object":"error","message":"overloaded","choices":[{"delta":["odd"]}]}"#, false),
            (r#"{"choices":[{"index":0,"delta":{"content":"hal"#, false),
            ("garbage", false),
            ("[DONE]", false),
        ] {
            assert_eq!(says_something(payload.as_bytes()), expected, "{payload}");
        }
    }

    #[test]
    fn payloads_are_told_apart() {
        let chunk = |finished, usage| Event::Chunk { finished, usage };
        let usage = Usage { input: 3, output: 5, ..Usage::default() };
        for (payload, expected) in [
            ("[DONE]", Event::Done),
            (r#"{"error":{"message":"overloaded"}}"#, Event::Error),
            (r#"{"error":"overloaded","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#, Event::Error),
            (r#"{"choices":[{"delta":{"content":""},"error":{"code":502},"finish_reason":null}]}"#, Event::Error),
            (r#"{"object":"error","message":"overloaded"}"#, Event::Error),
            (r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, Event::Error),
            (r#"{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#, Event::Error),
            (r#"{"error":null,"choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#, chunk(false, None)),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#, chunk(true, None)),
            (r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}"#, chunk(false, Some(usage))),
            ("not json", Event::Unreadable),
        ] {
            assert_eq!(read_event(payload.as_bytes()), expected, "{payload}");
        }
    }
}
