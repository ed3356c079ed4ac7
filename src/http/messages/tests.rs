//! The golden cases of `tests/fixtures/messages`: completions and the messages they are, chunks and the events they become, cut at every line
//! and made up at random.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer;
use super::stream::MessageStream;

/// The cases of a file.
fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/messages/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn answers_are_written_as_the_fixtures_say() {
    for case in cases("answers.json") {
        let written = answer::write(case["completion"].to_string().as_bytes());
        let written = written.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        assert_eq!(written, case["message"], "{}", case["about"]);
    }
    assert_eq!(answer::write(b"<html>"), None);
}

/// The lines of a case, each event on its own.
fn wire(chunks: &[Value]) -> Vec<String> {
    let line = |chunk: &Value| match chunk {
        Value::String(line) => format!("{line}\n\n"),
        chunk => format!("data: {chunk}\n\n"),
    };
    chunks.iter().map(line).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

/// What a stream becomes when it arrives in these pieces.
fn written<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Value> {
    let mut stream = MessageStream::default();
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| stream.push(piece)).collect();
    let text = String::from_utf8(bytes).unwrap();
    let read = |event: &str| {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let mut data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(name, data["type"]);
        // An id that the provider did not give is made up.
        if let Some(id) = data.get_mut("message").and_then(|message| message.get_mut("id"))
            && id.as_str().is_some_and(|id| !id.contains("chatcmpl"))
        {
            *id = "msg_".into();
        }
        data
    };
    text.split_terminator("\n\n").map(read).collect()
}

#[test]
fn streams_are_written_as_the_fixtures_say() {
    for case in cases("streams.json") {
        let lines = wire(case["chunks"].as_array().unwrap());
        let events = written(lines.iter().map(String::as_bytes));
        assert_eq!(json!(events), case["events"], "{}", case["about"]);
    }
}

#[test]
fn a_stream_becomes_the_same_however_many_lines_come_at_once() {
    for case in cases("streams.json") {
        let chunks = case["chunks"].as_array().unwrap();
        // A ping says that the connection lives, so one for a piece is enough.
        let chunks: Vec<Value> =
            chunks.iter().filter(|chunk| !chunk.as_str().is_some_and(|line| line.starts_with(':'))).cloned().collect();
        let lines = wire(&chunks);
        let whole = lines.concat();
        let by_line: Vec<&[u8]> = whole.as_bytes().split_inclusive(|&byte| byte == b'\n').collect();
        let expected = written([whole.as_bytes()]);
        assert_eq!(written(by_line), expected, "{}", case["about"]);
        for at in 0..lines.len() {
            let (head, tail) = (lines[..at].concat(), lines[at..].concat());
            assert_eq!(written([head.as_bytes(), tail.as_bytes()]), expected, "cut at {at}: {}", case["about"]);
        }
        assert_eq!(written([whole.replace('\n', "\r\n").as_bytes()]), expected, "{}", case["about"]);
    }
}

#[test]
fn a_line_that_is_let_through_in_pieces_breaks_the_stream_off() {
    let mut stream = MessageStream::default();
    let first = stream.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"aaa");
    assert!(String::from_utf8(first.to_vec()).unwrap().contains("an event is too large to be read"));
    assert!(stream.push(b"data: [DONE]\n\n").is_empty());
}

#[test]
fn no_more_waits_for_a_call_than_may() {
    let call = |index: u64, name: &str, arguments: &str| json!({"choices": [{"delta": {"tool_calls": [{"index": index, "id": name, "function": {"name": name, "arguments": arguments}}]}}]});
    let mut stream = MessageStream::default();
    stream.push(format!("data: {}\n\n", call(0, "a", "{")).as_bytes());
    let more = format!("data: {}\n\n", call(1, "b", &"x".repeat(100_000)));
    let told: Vec<u8> = (0..20).flat_map(|_| stream.push(more.as_bytes())).collect();
    let told = String::from_utf8(told).unwrap();
    assert!(told.starts_with("event: error") && told.matches("event: ").count() == 1, "{told:.300}");
    assert!(told.contains("too much of the answer waits for the end of a tool call"));
}

/// Whether events follow each other as the API lays down.
fn check_order(events: &[Value]) {
    let (mut open, mut begun, mut over) = (None, 0, false);
    for (place, event) in events.iter().filter(|event| event["type"] != "ping").enumerate() {
        let (kind, index) = (event["type"].as_str().unwrap(), event["index"].as_u64());
        assert!(!over, "{kind} after the end");
        assert!(place > 0 || matches!(kind, "message_start" | "error"), "{kind} at the beginning");
        match kind {
            "message_start" => assert_eq!(place, 0),
            "content_block_start" => {
                assert_eq!((open, index), (None, Some(begun)));
                (open, begun) = (index, begun + 1);
            }
            "content_block_delta" => assert_eq!(open, index),
            "content_block_stop" => {
                assert_eq!(open, index);
                open = None;
            }
            "message_delta" => assert_eq!(open, None),
            "message_stop" | "error" => over = true,
            kind => panic!("an event {kind}"),
        }
    }
    assert!(over, "no end: {events:?}");
}

/// Pieces of an answer in any order, sane or not.
fn delta() -> impl Strategy<Value = Value> {
    let text = || prop::sample::select(vec!["", "a", "{", "}", "{}", "\"", "\\", "{\"a\":1}"]);
    let id = prop::option::of(prop::sample::select(vec!["", "x", "y"]));
    let name = prop::option::of(prop::sample::select(vec!["", "f", "g"]));
    let call = (prop::option::of(0_u64..3), id, name, text()).prop_map(|(index, id, name, arguments)| {
        json!({"tool_calls": [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]})
    });
    prop_oneof![
        text().prop_map(|text| json!({"content": text})),
        text().prop_map(|text| json!({"reasoning_content": text})),
        (text(), text()).prop_map(|(thinking, signature)| json!({"thinking_blocks": [{"type": "thinking", "thinking": thinking, "signature": signature}]})),
        Just(json!({"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]})),
        call,
        Just(json!({"content": 7, "tool_calls": []})),
    ]
}

proptest! {
    #[test]
    fn blocks_follow_each_other_whatever_comes(deltas in prop::collection::vec(delta(), 0..12)) {
        let chunks: Vec<Value> = deltas.iter().map(|delta| json!({"choices": [{"index": 0, "delta": delta}]})).collect();
        let lines = wire(&chunks);
        check_order(&written(lines.iter().map(String::as_bytes)));
    }

    #[test]
    fn no_bytes_make_it_fail_or_say_anything_after_the_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let lines = [b"data: ".as_slice(), &bytes, b"\n\ndata: [DONE]\n\n"].concat();
        check_order(&written([lines.as_slice()]));
        let _unread = answer::write(&bytes);
    }
}
