//! Errors as servers that are like OpenAI's tell them: in place of an answer, beside one, within one, or as its last word. Finds them and what
//! they say to people; chooses no status and writes nothing.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Without one of these in its text, no payload tells an error. Most hold none, and need not be read to know it.
const MARKS: [&[u8]; 2] = [b"\"error\"", b"\"insufficient_system_resource\""];

/// Last words that say that an answer broke.
const BROKEN: [&str; 2] = ["error", "insufficient_system_resource"];

/// Where messages stand, in the order in which they are looked for.
const MESSAGES: [&str; 4] = ["error", "message", "detail", "msg"];

#[derive(Deserialize)]
struct View<'a> {
    #[serde(default, borrow)]
    object: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    choices: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChoiceView<'a> {
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    finish_reason: Option<&'a RawValue>,
}

/// The error that a whole answer or an event of a stream tells; `None` where it tells none.
pub fn error_in(payload: &[u8]) -> Option<Value> {
    let view = view(payload)?;
    if let Some(error) = view.error.and_then(told) {
        return Some(error);
    }
    if view.object.and_then(told).is_some_and(|kind| kind == "error") {
        return serde_json::from_slice(payload).ok();
    }
    let choices: Vec<&RawValue> = serde_json::from_str(view.choices?.get()).ok()?;
    choices.into_iter().find_map(error_in_choice)
}

/// Whether it stands at the top, under the name by which clients of this API look for it.
pub fn is_error_body(payload: &[u8]) -> bool {
    view(payload).is_some_and(|view| view.error.and_then(told).is_some())
}

/// What an error, or the body around it, says to people.
pub fn error_message(error: &Value) -> Option<&str> {
    match error {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Value::Array(items) => items.iter().find_map(error_message),
        Value::Object(fields) => MESSAGES.iter().find_map(|name| error_message(fields.get(*name)?)),
        _ => None,
    }
}

fn view(payload: &[u8]) -> Option<View<'_>> {
    let has = |mark: &[u8]| payload.windows(mark.len()).any(|window| window == mark);
    if MARKS.iter().any(|mark| has(mark)) { serde_json::from_slice(payload).ok() } else { None }
}

fn error_in_choice(choice: &RawValue) -> Option<Value> {
    let ChoiceView { error, finish_reason } = serde_json::from_str(choice.get()).ok()?;
    error.and_then(told).or_else(|| {
        let reason = finish_reason.and_then(told)?;
        let reason = reason.as_str().filter(|reason| BROKEN.contains(reason))?;
        Some(serde_json::json!({"message": format!("the provider ended its answer with finish_reason {reason:?}")}))
    })
}

/// A field that says something: some servers write an empty one beside every answer.
fn told(field: &RawValue) -> Option<Value> {
    let field: Value = serde_json::from_str(field.get()).ok()?;
    let is_at_rest = match &field {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    (!is_at_rest).then_some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_found_wherever_they_are_told() {
        for (payload, expected) in [
            (r#"{"error":{"message":"full"}}"#, json!({"message": "full"})),
            (r#"{"error":"full","choices":[{"delta":{"content":"a"}}]}"#, json!("full")),
            (r#"{"error":{"message":"full"},"choices":null}"#, json!({"message": "full"})),
            (r#"{"object":"error","message":"full"}"#, json!({"object": "error", "message": "full"})),
            (r#"{"choices":["x",{"error":{"code":502},"finish_reason":null}]}"#, json!({"code": 502})),
            (
                r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
                json!({"message": "the provider ended its answer with finish_reason \"error\""}),
            ),
            (
                r#"{"choices":[{"message":{},"finish_reason":"insufficient_system_resource"}]}"#,
                json!({"message": "the provider ended its answer with finish_reason \"insufficient_system_resource\""}),
            ),
        ] {
            assert_eq!(error_in(payload.as_bytes()), Some(expected), "{payload}");
        }
        for payload in [
            r#"{"error":null,"object":"chat.completion.chunk","choices":[{"error":null,"finish_reason":"stop"}]}"#,
            r#"{"error":{},"choices":[{"error":"","delta":{"content":"\"error\""}}]}"#,
            r#"{"choices":[{"delta":{"content":"error"}}]}"#,
            r#"{"choices":"error"}"#,
            "\"error\"",
            "[DONE]",
            "",
        ] {
            assert_eq!(error_in(payload.as_bytes()), None, "{payload}");
        }
    }

    #[test]
    fn only_an_error_at_the_top_is_one_that_every_client_knows() {
        assert!(is_error_body(br#"{"error":{"message":"full"}}"#));
        assert!(!is_error_body(br#"{"choices":[{"error":{"message":"full"}}]}"#));
        assert!(!is_error_body(br#"{"object":"error","message":"full"}"#));
    }

    #[test]
    fn messages_are_found_in_odd_bodies() {
        for (body, expected) in [
            (json!({"error": {"message": "a", "type": "b"}}), Some("a")),
            (json!({"error": "a"}), Some("a")),
            (json!({"object": "error", "message": "a"}), Some("a")),
            (json!({"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "a"}]}}), Some("a")),
            (json!({"detail": "a"}), Some("a")),
            (json!({"detail": [{"loc": ["body", "n"], "msg": "a"}]}), Some("a")),
            (json!([{"error": {"code": 400, "message": "a"}}]), Some("a")),
            (json!({"error": {"message": ""}, "message": 7}), None),
            (json!({"error": {}}), None),
            (json!(null), None),
        ] {
            assert_eq!(error_message(&body), expected, "{body}");
        }
    }
}
