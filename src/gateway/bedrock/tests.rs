//! The golden cases of `tests/fixtures/bedrock`: what is asked and what is sent, what comes and what is read, signatures, and the frames of
//! streams, cut at every byte.

use std::time::{Duration, UNIX_EPOCH};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use proptest::prelude::*;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::frames::{Frame, FrameBuffer};
use super::stream::ConverseStream;
use super::{Completion, Signer, answer, error_body, request};
use crate::chat::{ChatRequest, Origin, Usage};
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::{StreamReader, Unwritten};
use crate::gateway::{ProviderConfig, ProviderKind};

const MODEL: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// The cases of a file.
fn cases<T: for<'a> Deserialize<'a>>(file: &str) -> Vec<T> {
    let path = format!("{}/tests/fixtures/bedrock/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn completion() -> Completion {
    Completion { id: "chatcmpl-1".into(), created: 7, model: "eu.claude".into() }
}

fn check_request(case: &Value) {
    let about = case["about"].as_str().unwrap();
    let mut asked = case["asked"].clone();
    asked["model"] = "auto".into();
    let asked = ChatRequest::from_value(&asked).unwrap_or_else(|error| panic!("{about}: {error}"));
    let asked = if case["by_messages"] == true { asked.came_by(Origin::Messages) } else { asked };
    let model = case.get("model").cloned().unwrap_or_else(|| MODEL.into());
    let mut fixed = vec![("model", model.clone())];
    fixed.extend(case["fixed"].as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.clone())));
    match request::write(&fixed, &asked, 8192) {
        Ok(written) => {
            let text = serde_json::to_string(&written.body).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), case["sent"], "{about}");
            assert_eq!(json!(written.dropped), case.get("dropped").cloned().unwrap_or_else(|| json!([])), "{about}");
            assert_eq!(json!(written.model), model, "{about}");
            assert_eq!(written.is_streamed, case["is_streamed"] == true, "{about}");
            if let Some(part) = case["holds"].as_str() {
                // As text: numbers that are too large for a parser.
                assert!(text.replace(": ", ":").contains(part), "{about}: {text}");
            }
        }
        Err(Unwritten::Failed(Failure::Unsupported(what))) => assert_eq!(case["unsupported"], what, "{about}"),
        Err(Unwritten::Invalid(invalid)) => assert_eq!(case["invalid"], json!(invalid.param), "{about}: {invalid}"),
        Err(other) => panic!("{about}: {other:?}"),
    }
}

#[test]
fn requests_are_written_as_the_fixtures_say() {
    for file in ["conversation", "tools", "fields"] {
        cases(&format!("requests/{file}.json")).iter().for_each(check_request);
    }
}

#[test]
fn answers_are_read_as_the_fixtures_say() {
    #[derive(Deserialize)]
    struct Case {
        about: String,
        upstream: Box<RawValue>,
        answer: Value,
    }
    for case in cases::<Case>("answers/messages.json") {
        let read = answer::read(case.upstream.get().as_bytes(), completion());
        let read = read.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        assert_eq!(read, case.answer, "{}", case.about);
    }
    assert_eq!(answer::read(b"<html>", completion()), None);
}

#[test]
fn thoughts_that_an_answer_tells_go_back_as_they_came() {
    let cases: Vec<Value> = cases("answers/messages.json");
    let upstream = &cases[1]["upstream"];
    let read = answer::read(upstream.to_string().as_bytes(), completion()).unwrap();
    let read: Value = serde_json::from_slice(&read).unwrap();
    let mut turn = read["choices"][0]["message"].clone();
    turn.as_object_mut().unwrap().shift_remove("tool_calls");
    turn["content"] = "Hi".into();
    let messages = json!([{"role": "user", "content": "Hi"}, turn, {"role": "user", "content": "And?"}]);
    let asked = ChatRequest::from_messages(&messages).unwrap();
    let written = request::write(&[("model", MODEL.into())], &asked, 8192).unwrap();
    let sent = serde_json::to_value(&written.body).unwrap();
    let thoughts = &upstream["output"]["message"]["content"].as_array().unwrap()[..2];
    assert_eq!(&sent["messages"][1]["content"].as_array().unwrap()[..2], thoughts);
}

#[test]
fn errors_are_read_as_the_fixtures_say() {
    for case in cases::<Value>("answers/errors.json") {
        let status = StatusCode::from_u16(u16::try_from(case["status"].as_u64().unwrap()).unwrap()).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(kind) = case["type"].as_str() {
            headers.insert("x-amzn-ErrorType", kind.parse().unwrap());
        }
        let read = error_body::read(status, &headers, case["upstream"].to_string().as_bytes());
        let read: Value = serde_json::from_slice(&read).unwrap();
        assert_eq!(read["error"], case["error"], "{}", case["about"]);
    }
}

/// Computed with Python's `hmac` and `hashlib`, and again with the signer of Amazon's own `botocore`.
#[test]
fn signatures_are_the_ones_that_others_compute() {
    for case in cases::<Value>("signatures.json") {
        let mut config = ProviderConfig::new("bedrock", "https://anywhere.example");
        config.kind = ProviderKind::Bedrock;
        config.aws_region = case["region"].as_str().map(str::to_owned);
        let variables = [
            ("AWS_ACCESS_KEY_ID", "access_key_id"),
            ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
            ("AWS_SESSION_TOKEN", "session_token"),
        ];
        let read = |name: &str| {
            let field = variables.iter().find(|(variable, _)| *variable == name).unwrap().1;
            case[field].as_str().map(str::to_owned)
        };
        let signer = Signer::from_config(&config, 0, read, &mut Vec::new()).unwrap().unwrap();
        let at = UNIX_EPOCH + Duration::from_secs(case["unix_seconds"].as_u64().unwrap());
        let url = case["url"].as_str().unwrap().parse().unwrap();
        let headers = signer.sign(&url, "application/json", case["body"].as_str().unwrap().as_bytes(), at).unwrap();
        assert!(headers.values().all(reqwest::header::HeaderValue::is_sensitive));
        let signed: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        assert_eq!(Value::Object(signed), case["headers"], "{}", case["about"]);
    }
}

/// The frame of an event, an exception or an error, as a fixture has it.
fn frame(event: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (kind, headers) = match event {
        event if event.get("event").is_some() => ("event", vec![(":event-type", text(&event["event"]))]),
        event if event.get("exception").is_some() => {
            ("exception", vec![(":exception-type", text(&event["exception"]))])
        }
        event => ("error", vec![(":error-code", text(&event["error"])), (":error-message", text(&event["message"]))]),
    };
    let payload = event.get("payload").map(Value::to_string).unwrap_or_default();
    let headers = headers.into_iter().chain([(":message-type", kind.to_owned())]);
    let message = headers.fold(Message::new(payload), |message, (name, value)| {
        message.add_header(Header::new(name, HeaderValue::String(value.into())))
    });
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn frames(case: &Value) -> Vec<u8> {
    case["events"].as_array().unwrap().iter().flat_map(frame).collect()
}

fn streamed<'a>(include_usage: bool, pieces: impl Iterator<Item = &'a [u8]>) -> (String, Vec<String>, Option<Usage>) {
    let secrets = vec!["sk-secret-key".into()];
    let mut stream = ConverseStream::new("bedrock", secrets, include_usage, completion());
    let (mut bytes, mut payloads) = (Vec::new(), Vec::new());
    let mut show = |payload: &[u8]| payloads.push(String::from_utf8(payload.to_vec()).unwrap());
    for piece in pieces {
        bytes.extend_from_slice(&stream.push(&Bytes::copy_from_slice(piece), &mut show));
    }
    bytes.extend_from_slice(&stream.finish(&mut show));
    (String::from_utf8(bytes).unwrap(), payloads, stream.usage())
}

fn is_usage_wanted(case: &Value) -> bool {
    case["include_usage"] == true
}

#[test]
fn streams_are_read_as_the_fixtures_say() {
    for case in cases::<Value>("streams/events.json") {
        let about = case["about"].as_str().unwrap();
        let (bytes, payloads, usage) = streamed(is_usage_wanted(&case), std::iter::once(frames(&case).as_slice()));
        let chunk = |line: &str| match line.strip_prefix("data: ").unwrap() {
            "[DONE]" => "[DONE]".into(),
            chunk => serde_json::from_str(chunk).unwrap(),
        };
        let events: Vec<Value> = bytes.split_terminator("\n\n").map(chunk).collect();
        assert_eq!(json!(events), case["chunks"], "{about}");
        let shown = bytes.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
        assert_eq!(payloads, shown.collect::<Vec<_>>(), "{about}");
        let usage = usage.map(|usage| json!([usage.input, usage.cached_input, usage.cache_write, usage.output]));
        assert_eq!(usage.unwrap_or_default(), case["usage"], "{about}");
    }
}

/// Written by hand from the description of the format, with `struct` and `zlib.crc32` of Python.
#[test]
fn frames_are_the_ones_that_others_write() {
    for case in cases::<Value>("streams/frames.json") {
        let bytes = aws_smithy_types::base64::decode(case["base64"].as_str().unwrap()).unwrap();
        let mut buffer = FrameBuffer::default();
        buffer.push(&bytes);
        let event = &case["event"];
        match buffer.next().unwrap().unwrap() {
            Frame::Event { kind, payload } => {
                assert_eq!(json!({"event": kind, "payload": json_of(&payload)}), *event);
            }
            Frame::Exception { kind, payload } => {
                assert_eq!(json!({"exception": kind, "payload": json_of(&payload)}), *event);
            }
            Frame::Error { code, message } => assert_eq!(json!({"error": code, "message": message}), *event),
            Frame::Other => panic!("{event}"),
        }
        assert_eq!((buffer.next(), buffer.is_inside_frame()), (Ok(None), false));
    }
}

fn json_of(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

#[test]
fn a_stream_gives_the_same_wherever_it_is_cut_in_two_and_byte_by_byte() {
    for case in cases::<Value>("streams/events.json") {
        let wire = frames(&case);
        let whole = streamed(is_usage_wanted(&case), std::iter::once(wire.as_slice()));
        assert!(!whole.0.is_empty());
        for at in 1..wire.len() {
            let (head, tail) = wire.split_at(at);
            assert_eq!(streamed(is_usage_wanted(&case), [head, tail].into_iter()), whole, "cut at {at}");
        }
        assert_eq!(streamed(is_usage_wanted(&case), wire.chunks(1)), whole, "byte by byte");
    }
}

#[test]
fn nothing_is_said_before_the_first_content() {
    let start = frame(&json!({"event": "messageStart", "payload": {"role": "assistant"}}));
    assert_eq!(streamed(true, std::iter::once(start.as_slice())), (String::new(), Vec::new(), None));
}

/// Half an answer, and then what is wrong with the rest.
fn broken_by(bytes: &[u8]) -> (String, usize) {
    let half = frame(&json!({"event": "contentBlockDelta", "payload": {"delta": {"text": "Half"}}}));
    let (said, payloads, usage) = streamed(false, [half.as_slice(), bytes, b"more"].into_iter());
    assert_eq!(usage, None);
    assert!(said.contains("Half") && said.ends_with("data: [DONE]\n\n"), "{said}");
    let error = payloads.iter().filter_map(|payload| serde_json::from_str::<Value>(payload).ok());
    let error = error.filter_map(|chunk| chunk["error"]["message"].as_str().map(str::to_owned)).next();
    (error.unwrap_or_default(), said.len())
}

#[test]
fn a_damaged_frame_breaks_the_stream_off() {
    let good = frame(&json!({"event": "contentBlockDelta", "payload": {"delta": {"text": " and more"}}}));
    for at in [8, 20, good.len() - 20, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(broken_by(&bad).0, "the stream from bedrock broke: a frame is damaged", "at {at}");
    }
    assert_eq!(broken_by(&[0, 0, 0, 15]).0, "the stream from bedrock broke: a frame is too short to be one");
    assert_eq!(broken_by(&good[..good.len() - 5]).0, "the stream from bedrock broke: closed in the middle of a frame");
}

#[test]
fn a_frame_past_the_bound_breaks_the_stream_off_instead_of_being_held() {
    let mut bytes = 0x0010_0001_u32.to_be_bytes().to_vec();
    let (error, said) = broken_by(&bytes);
    assert_eq!(error, "the stream from bedrock broke: a frame is too large to be read");
    bytes.resize(3_000_000, b'x');
    assert_eq!(broken_by(&bytes), (error, said), "what follows is not read");
    let text = "x".repeat(900_000);
    let large = frame(&json!({"event": "contentBlockDelta", "payload": {"delta": {"text": text}}}));
    assert!(streamed(false, large.chunks(4000)).0.contains(&text), "one within the bound is");
}

#[test]
fn a_thought_past_the_bound_is_told_and_not_held() {
    let thought =
        |delta: Value| frame(&json!({"event": "contentBlockDelta", "payload": {"delta": {"reasoningContent": delta}}}));
    let text = "x".repeat(600_000);
    let mut wire = thought(json!({"text": text}));
    let once =
        [wire.clone(), thought(json!({"signature": "c2ln"})), frame(&json!({"event": "contentBlockStop"}))].concat();
    assert!(streamed(false, std::iter::once(once.as_slice())).0.contains("thinking_blocks"));
    wire = [wire.clone(), once].concat();
    let (said, ..) = streamed(false, std::iter::once(wire.as_slice()));
    assert_eq!((said.matches(&text).count(), said.contains("thinking_blocks")), (2, false));
}

proptest! {
    #[test]
    fn a_stream_gives_the_same_in_any_pieces(which in 0_usize..64, cuts in prop::collection::vec(0_usize..6000, 0..40)) {
        let cases: Vec<Value> = cases("streams/events.json");
        let case = &cases[which % cases.len()];
        let wire = frames(case);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(wire.len())).chain([0, wire.len()]).collect();
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &wire[ends[0]..ends[1]]);
        let whole = streamed(is_usage_wanted(case), std::iter::once(wire.as_slice()));
        prop_assert_eq!(streamed(is_usage_wanted(case), pieces), whole);
    }

    #[test]
    fn no_bytes_make_it_fail_or_say_anything_after_the_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        ends_well(&bytes)?;
    }

    /// With lengths and checksums that fit, so that headers and payloads are read.
    #[test]
    fn no_frame_makes_it_fail(inside in prop::collection::vec(any::<u8>(), 0..300), headers in 0_usize..300) {
        let length = u32::try_from(inside.len() + 16).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend(u32::try_from(headers.min(inside.len())).unwrap().to_be_bytes());
        frame.extend(crc32(&frame).to_be_bytes());
        frame.extend(inside);
        frame.extend(crc32(&frame).to_be_bytes());
        ends_well(&frame)?;
    }

    #[test]
    fn no_event_makes_it_fail(kind in "[a-zA-Z]{0,20}|contentBlockStart|contentBlockDelta|messageStop|metadata", payload in ".{0,100}") {
        ends_well(&frame(&json!({"event": kind, "payload": payload})))?;
    }
}

fn ends_well(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (said, ..) = streamed(true, [bytes, bytes].into_iter());
    let ends = said.matches("data: [DONE]").count();
    prop_assert!(ends <= 1);
    prop_assert!(ends == 0 || said.ends_with("data: [DONE]\n\n"));
    Ok(())
}

/// Bit by bit, as the format's description has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}
