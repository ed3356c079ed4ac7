//! Reads what an answer says: out of a whole answer, or chunk by chunk. Looks at the first choice only, and takes any field of an
//! unexpected shape for one that is not there.

use serde_json::Value;

use crate::gateway::said::{Finish, Said};

/// What a whole answer says; `None` where it is no JSON.
pub(in crate::gateway) fn read_said(answer: &[u8]) -> Option<Said> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let mut said = Said::default();
    if let Some(choice) = first_choice(&answer) {
        read_choice(choice, &choice["message"], &mut said);
    }
    Some(said)
}

/// Adds what one payload of a stream says.
pub(in crate::gateway) fn add_said(payload: &[u8], said: &mut Said) {
    let Ok(chunk) = serde_json::from_slice::<Value>(payload) else { return };
    if let Some(choice) = first_choice(&chunk) {
        read_choice(choice, &choice["delta"], said);
    }
}

fn first_choice(answer: &Value) -> Option<&Value> {
    let is_first = |choice: &&Value| choice["index"].as_u64().is_none_or(|index| index == 0);
    answer["choices"].as_array()?.iter().find(is_first)
}

fn read_choice(choice: &Value, message: &Value, said: &mut Said) {
    match &message["content"] {
        Value::String(text) => said.add_words(text),
        // Some providers give a list of parts, thoughts among them, which have another type.
        Value::Array(parts) => {
            for part in parts.iter().filter(|part| part["type"] == "text") {
                said.add_words(part["text"].as_str().unwrap_or_default());
            }
        }
        _ => {}
    }
    said.refused |= message["refusal"].as_str().is_some_and(|refusal| !refusal.trim().is_empty());
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["function"]);
    for call in calls.chain(message.get("function_call")).filter(|call| !call.is_null()) {
        for part in [&call["name"], &call["arguments"]].into_iter().filter_map(Value::as_str) {
            said.calls.push_str(part);
        }
    }
    let holds_something = |field: &Value| match field {
        Value::Array(items) => !items.is_empty(),
        field => field.is_object(),
    };
    said.has_more_than_words |=
        ["tool_calls", "function_call", "audio", "images"].iter().any(|name| holds_something(&message[name]));
    if let Some(reason) = choice["finish_reason"].as_str() {
        said.finish = Some(match reason {
            "length" => Finish::Length,
            "content_filter" => Finish::Filter,
            _ => Finish::Other,
        });
    }
    read_logprobs(&choice["logprobs"], said);
}

/// As OpenAI writes them, or as its older completions did and some servers still do.
fn read_logprobs(logprobs: &Value, said: &mut Said) {
    let tokens = logprobs["content"].as_array().into_iter().flatten().map(|token| &token["logprob"]);
    let bare = logprobs["token_logprobs"].as_array().into_iter().flatten();
    tokens.chain(bare).filter_map(Value::as_f64).for_each(|logprob| said.add_logprob(logprob));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn whole(message: &Value) -> Said {
        let answer = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
        read_said(answer.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn words_calls_and_refusals_are_told_apart() {
        assert_eq!(whole(&json!({"content": "Hi"})).words(), "Hi");
        let parts = json!([{"type": "thinking", "text": "hm"}, {"type": "text", "text": "Hi"}]);
        assert_eq!(whole(&json!({"content": parts})).words(), "Hi");
        let call = json!([{"type": "function", "function": {"name": "look", "arguments": "{}"}}]);
        let calling = whole(&json!({"content": null, "tool_calls": call}));
        assert_eq!((calling.is_empty(), calling.text()), (false, "look{}"));
        assert!(!whole(&json!({"content": null, "audio": {"id": "a"}})).is_empty());
        for empty in [json!({"content": null}), json!({"content": " \n"}), json!({"content": "", "tool_calls": []})] {
            assert!(whole(&empty).is_empty(), "{empty}");
        }
        assert!(whole(&json!({"content": null, "refusal": "I can't."})).refused);
        assert!(!whole(&json!({"content": "Hi", "refusal": null})).refused);
        for odd in ["{}", r#"{"choices":[]}"#, r#"{"choices":7}"#, r#"[1]"#, r#"{"choices":[{"message":"x"}]}"#] {
            assert!(read_said(odd.as_bytes()).unwrap().is_empty(), "{odd}");
        }
        assert_eq!(read_said(b"<html>"), None);
    }

    #[test]
    fn a_stream_adds_up_to_the_same_and_other_choices_stay_out() {
        let mut said = Said::default();
        for chunk in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"other"}},{"index":0,"delta":{"content":"Hello"},"logprobs":{"content":[{"token":"Hello","logprob":-0.5}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":" you"},"logprobs":{"token_logprobs":[null,-1.5]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
            "[DONE]",
        ] {
            add_said(chunk.as_bytes(), &mut said);
        }
        assert_eq!((said.words(), said.characters, said.finish), ("Hello you", 9, Some(Finish::Length)));
        assert_eq!(said.mean_logprob(), Some(-1.0));
    }
}
