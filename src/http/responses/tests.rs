//! The golden cases of `tests/fixtures/responses`: what is asked and what is sent, what comes whole and as a stream, and what is told of it.

use axum::body::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::request::{self, ResponsesRequest};
use super::writer::ResponseWriter;
use crate::http::error::ApiError;
use crate::http::protocol::AnswerWriter;

/// The cases of a file.
fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/responses/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn said_by(error: &ApiError) -> Value {
    serde_json::to_value(error.detail()).unwrap()
}

/// The fixture's own text of a case, because a parsed number has lost how it was written.
fn body_of(case: &Value) -> String {
    case["body"].as_str().map_or_else(|| case["asked"].to_string(), str::to_owned)
}

#[test]
fn requests_are_read_as_the_fixtures_say() {
    for case in cases("requests.json") {
        let about = &case["about"];
        match request::read(body_of(&case).as_bytes()) {
            Ok(ResponsesRequest { chat, dropped, .. }) => {
                let body = serde_json::to_string(&chat.body_with(&[])).unwrap();
                assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), case["sent"], "{about}");
                assert_eq!(json!(dropped), case.get("dropped").cloned().unwrap_or_else(|| json!([])), "{about}");
            }
            Err(error) => {
                let error = said_by(&error);
                assert_eq!(Some(&error["param"]), case.get("refused"), "{about}: {error}");
                let says = case["says"].as_str().unwrap();
                assert!(error["message"].as_str().unwrap().contains(says), "{about}: {error}");
            }
        }
    }
}

#[test]
fn numbers_keep_their_digits_on_the_way_to_the_provider() {
    let asked = r#"{"input":"Go","temperature":0.50,"tools":[{"type":"function","name":"a","parameters":{"maximum":12345678901234567890123}}]}"#;
    let body = serde_json::to_string(&request::read(asked.as_bytes()).unwrap().chat.body_with(&[])).unwrap();
    assert!(body.contains("\"temperature\":0.50"), "{body}");
    assert!(body.contains("\"parameters\":{\"maximum\":12345678901234567890123}"), "{body}");
}

/// A writer whose ids are made of zeros and whose clock stands still.
fn writer(asked: &Value) -> ResponseWriter {
    let mut body = Map::from_iter([("input".to_owned(), "Go".into())]);
    body.extend(asked.as_object().cloned().unwrap_or_default());
    let read = request::read(Value::from(body).to_string().as_bytes()).unwrap_or_else(|error| panic!("{error:?}"));
    ResponseWriter::new(read.settings, read.dropped, Uuid::nil(), || 7)
}

fn without_seed(text: &str) -> String {
    text.replace(&Uuid::nil().simple().to_string(), "")
}

/// The lines of a stream.
fn lines_of(case: &Value) -> Vec<String> {
    let line = |chunk: &Value| match chunk {
        Value::String(line) => format!("{line}\n\n"),
        chunk => format!("data: {chunk}\n\n"),
    };
    case["chunks"].as_array().unwrap().iter().map(line).collect()
}

/// What is told of a stream, event by event; of a response only what its events move.
fn told(out: &str) -> Vec<Value> {
    let mut told = Vec::new();
    for event in without_seed(out).split_terminator("\n\n") {
        let Some((kind, data)) = event.split_once("\ndata: ") else {
            told.push(event.into());
            continue;
        };
        let mut data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(kind, format!("event: {}", data["type"].as_str().unwrap()));
        if let Some(response) = data.get_mut("response").and_then(Value::as_object_mut) {
            let moved = ["status", "completed_at", "error", "incomplete_details", "model", "output", "usage"];
            response.retain(|name, value| moved.contains(&name.as_str()) && !value.is_null());
        }
        told.push(data);
    }
    told
}

fn write_all(writer: &mut ResponseWriter, pieces: impl IntoIterator<Item = String>) -> String {
    let written = pieces.into_iter().map(|piece| writer.write_events(Bytes::from(piece)));
    String::from_utf8(written.collect::<Vec<Bytes>>().concat()).unwrap()
}

#[test]
fn streams_are_told_as_the_fixtures_say() {
    for case in cases("streams.json") {
        let out = write_all(&mut writer(&case["asked"]), lines_of(&case));
        let told = told(&out);
        for (at, (event, expected)) in told.iter().zip(case["told"].as_array().unwrap()).enumerate() {
            assert_eq!(event, expected, "{}, event {at}", case["about"]);
        }
        assert_eq!(told.len(), case["told"].as_array().unwrap().len(), "{}", case["about"]);
    }
}

#[test]
fn lines_that_come_together_are_told_as_those_that_come_alone() {
    for case in cases("streams.json") {
        let alone = write_all(&mut writer(&Value::Null), lines_of(&case));
        let together = write_all(&mut writer(&Value::Null), [lines_of(&case).concat()]);
        let with_carriage_returns = lines_of(&case).concat().replace('\n', "\r\n");
        assert_eq!(alone, together, "{}", case["about"]);
        assert_eq!(alone, write_all(&mut writer(&Value::Null), [with_carriage_returns]), "{}", case["about"]);
    }
}

fn whole(asked: &Value, completion: &Value) -> Value {
    let written = writer(asked).write_whole(Bytes::from(completion.to_string()));
    serde_json::from_str(&without_seed(std::str::from_utf8(&written).unwrap())).unwrap()
}

#[test]
fn answers_are_written_as_the_fixtures_say() {
    for (at, case) in cases("answers.json").iter().enumerate() {
        let response = whole(&case["asked"], &case["completion"]);
        let expected = case["response"].as_object().unwrap();
        for (name, value) in expected {
            assert_eq!(&response[name], value, "{}: {name}", case["about"]);
        }
        if at < 2 {
            assert_eq!(response.as_object().unwrap().len(), expected.len(), "{}: {response}", case["about"]);
        }
    }
    assert_eq!(whole(&Value::Null, &"<html>".into())["status"], "failed");
}

#[test]
fn what_is_too_large_to_be_held_fails_and_is_never_complete() {
    let word = |word: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": word}}]}));
    let call = json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 7, "id": "c", "function": {"name": "f"}}]}}]});
    let call = format!("data: {call}\n\n");
    let logprobs = json!({"content": [{"token": "a", "logprob": -1, "top_logprobs": null}]});
    let likely = json!({"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}]});
    let likely = format!("data: {likely}\n\n");
    for (about, pieces) in [
        ("words", vec![word("a"), word(&"b".repeat(2000))]),
        ("pieces of calls", vec![call.repeat(100)]),
        ("log-probabilities", vec![likely.repeat(100)]),
        ("a line that was cut", vec![word("a"), "data: {\"choices\":".into(), "[]}\n\n".into()]),
    ] {
        let end = [word("late"), "data: [DONE]\n\n".into()];
        let out = write_all(&mut writer(&Value::Null).limited_to(2000), pieces.into_iter().chain(end));
        let last: Vec<String> =
            told(&out).iter().rev().take(2).map(|event| event["type"].as_str().unwrap().to_owned()).collect();
        assert_eq!(last, ["response.failed", "error"], "{about}: {out}");
    }
}

#[test]
fn nothing_follows_the_end_and_no_done_is_sent() {
    for case in cases("streams.json") {
        let mut writer = writer(&Value::Null);
        let out = write_all(&mut writer, lines_of(&case));
        assert!(!out.contains("[DONE]"), "{}", case["about"]);
        assert_eq!(write_all(&mut writer, lines_of(&case)), "", "{}", case["about"]);
    }
}

proptest! {
    /// Whatever comes, a stream begins as created and ends as one of three, and its events are numbered without a gap.
    #[test]
    fn any_stream_begins_and_ends_well(lines in proptest::collection::vec("(data: ?)?[ -~]{0,40}\n", 0..12)) {
        let out = write_all(&mut writer(&Value::Null), lines.into_iter().chain(["data: [DONE]\n\n".to_owned()]));
        let events: Vec<Value> = told(&out).into_iter().filter(Value::is_object).collect();
        prop_assert_eq!(&events[0]["type"], "response.created");
        prop_assert!(["completed", "incomplete", "failed"].contains(&events.last().unwrap()["response"]["status"].as_str().unwrap()));
        for (number, event) in events.iter().enumerate() {
            prop_assert_eq!(event["sequence_number"].as_u64(), Some(number as u64));
        }
    }

    /// A stream adds up to what the same answer says as a whole.
    #[test]
    fn a_stream_adds_up_to_the_whole(
        thoughts in "[a-z]{0,12}",
        words in "[a-zé ]{0,20}",
        refusal in "[a-z]{0,6}",
        arguments in proptest::collection::vec("[a-z]{0,8}", 0..4),
        cut in 1_usize..5,
    ) {
        let call = |index: usize, arguments: &str| json!({
            "index": index, "id": format!("call_{index}"), "function": {"name": format!("f{index}"), "arguments": arguments},
        });
        let calls: Vec<Value> = arguments.iter().enumerate().map(|(index, arguments)| call(index, arguments)).collect();
        let message = json!({"reasoning_content": thoughts, "content": words, "refusal": refusal, "tool_calls": calls});
        let completion = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
        let pieces = |text: &str| {
            let characters: Vec<char> = text.chars().collect();
            characters.chunks(cut).map(String::from_iter).collect::<Vec<String>>()
        };
        let mut deltas: Vec<Value> = Vec::new();
        for (name, text) in [("reasoning_content", &thoughts), ("content", &words), ("refusal", &refusal)] {
            deltas.extend(pieces(text).into_iter().map(|piece| json!({name: piece})));
        }
        for (index, arguments) in arguments.iter().enumerate() {
            deltas.push(json!({"tool_calls": [call(index, "")]}));
            deltas.extend(pieces(arguments).into_iter().map(|piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})));
        }
        let line = |delta: Value| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
        let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n".to_owned();
        let out = write_all(&mut writer(&Value::Null), deltas.into_iter().map(line).chain([end]));
        let last = told(&out).pop().unwrap();
        prop_assert_eq!(&last["response"]["output"], &whole(&Value::Null, &completion)["output"]);
    }
}
