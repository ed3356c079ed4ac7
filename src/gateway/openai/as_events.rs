//! A whole answer as the events of a stream, for a provider that answers at once although it was asked for a stream.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value, json};

/// The events that say the same, token counts among them where they are wanted. `None` where this is no answer.
pub fn completion_as_events(completion: &[u8], with_usage: bool) -> Option<Bytes> {
    let Value::Object(mut completion) = serde_json::from_slice(completion).ok()? else { return None };
    let Some(Value::Array(choices)) = completion.remove("choices") else { return None };
    let usage = completion.remove("usage").filter(|usage| with_usage && usage.is_object());
    completion.insert("object".into(), "chat.completion.chunk".into());
    let mut events = BytesMut::new();
    for (place, choice) in choices.into_iter().enumerate() {
        let Value::Object(mut choice) = choice else { return None };
        let Some(Value::Object(mut delta)) = choice.remove("message") else { return None };
        let index = choice.remove("index").unwrap_or_else(|| place.into());
        let finish_reason = choice.remove("finish_reason").unwrap_or_default();
        if let Some(Value::Array(calls)) = delta.get_mut("tool_calls") {
            for (place, call) in calls.iter_mut().enumerate() {
                if let Value::Object(call) = call {
                    call.insert("index".into(), place.into());
                }
            }
        }
        let mut said = json!({"index": index, "delta": delta, "finish_reason": null});
        if let Some(logprobs) = choice.remove("logprobs").filter(|logprobs| !logprobs.is_null()) {
            said["logprobs"] = logprobs;
        }
        write(&completion, json!([said]), None, &mut events);
        let finish_reason = if finish_reason.is_null() { "stop".into() } else { finish_reason };
        write(&completion, json!([{"index": index, "delta": {}, "finish_reason": finish_reason}]), None, &mut events);
    }
    if usage.is_some() {
        write(&completion, json!([]), usage, &mut events);
    }
    events.put_slice(b"data: [DONE]\n\n");
    Some(events.freeze())
}

fn write(about: &Map<String, Value>, choices: Value, usage: Option<Value>, events: &mut BytesMut) {
    let mut chunk = about.clone();
    chunk.insert("choices".into(), choices);
    chunk.extend(usage.map(|usage| ("usage".to_owned(), usage)));
    events.put_slice(b"data: ");
    // Neither strings nor numbers can fail to be written.
    let _written = serde_json::to_writer((&mut *events).writer(), &chunk);
    events.put_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::super::{add_said, read_said};
    use super::*;
    use crate::gateway::sse::payloads;

    #[test]
    fn the_events_say_what_the_answer_says() {
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
        let completion = json!({
            "id": "c", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "tool_calls": [call("a"), call("b")]},
                "logprobs": {"content": [{"token": "Hi", "logprob": -0.5}]}, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5},
        })
        .to_string();
        let events = completion_as_events(completion.as_bytes(), true).unwrap();
        let mut said = crate::gateway::said::Said::default();
        let payloads: Vec<&[u8]> = payloads(&events).collect();
        payloads.iter().for_each(|payload| add_said(payload, &mut said));
        assert_eq!(Some(said), read_said(completion.as_bytes()));
        assert_eq!((payloads.len(), *payloads.last().unwrap()), (4, &b"[DONE]"[..]));
        let first: Value = serde_json::from_slice(payloads[0]).unwrap();
        assert_eq!(first["choices"][0]["delta"]["tool_calls"][1]["index"], 1);
        assert_eq!((&first["object"], &first["id"]), (&"chat.completion.chunk".into(), &"c".into()));
        let unasked = completion_as_events(completion.as_bytes(), false).unwrap();
        assert!(!String::from_utf8_lossy(&unasked).contains("usage"));
        for odd in [
            "{}",
            r#"{"choices":7}"#,
            r#"{"choices":["x"]}"#,
            r#"{"choices":[[1]]}"#,
            r#"{"choices":[{"message":"x","finish_reason":"stop"}]}"#,
            r#"{"choices":[{"finish_reason":"stop"}]}"#,
        ] {
            assert_eq!(completion_as_events(odd.as_bytes(), true), None, "{odd}");
        }
    }
}
