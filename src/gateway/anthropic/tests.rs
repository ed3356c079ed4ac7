//! The golden cases of `tests/fixtures/anthropic`: what is asked and what is sent, what comes and what is read, and the events of streams,
//! cut at every byte.

use bytes::Bytes;
use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::stream::MessageStream;
use super::{answer, error_body, request};
use crate::chat::{ChatRequest, Usage};
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::{StreamReader, Unwritten};
use crate::gateway::openai::Whole;

const MODEL: &str = "claude-sonnet-4-5";

/// The cases of a file.
fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/anthropic/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn check_request(case: &Value) {
    let about = case["about"].as_str().unwrap();
    let mut asked = case["asked"].clone();
    asked["model"] = "auto".into();
    let asked = ChatRequest::from_value(&asked).unwrap_or_else(|error| panic!("{about}: {error}"));
    let mut fixed = vec![("model", case.get("model").cloned().unwrap_or_else(|| MODEL.into()))];
    fixed.extend(case["fixed"].as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.clone())));
    match request::write(&fixed, &asked, 8192) {
        Ok((body, dropped)) => {
            let text = serde_json::to_string(&body).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), case["sent"], "{about}");
            assert_eq!(json!(dropped), case.get("dropped").cloned().unwrap_or_else(|| json!([])), "{about}");
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
    for case in cases("answers/messages.json") {
        let read = answer::read(case["upstream"].to_string().as_bytes(), 7);
        let read = read.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        assert_eq!(read, case["answer"], "{}", case["about"]);
    }
    assert_eq!(answer::read(b"<html>", 7), None);
}

#[test]
fn counts_go_through_openais_shape_without_being_counted_twice() {
    let message = &cases("answers/messages.json")[0]["upstream"];
    let read = answer::read(message.to_string().as_bytes(), 7).unwrap();
    let whole = crate::gateway::openai::read_whole(&read);
    assert_eq!(
        whole,
        Whole::Answer(Some(Usage { input: 10, cached_input: 1000, cache_write: 100, output: 20, reasoning: 0 }))
    );
}

#[test]
fn errors_are_read_as_the_fixtures_say() {
    for case in cases("answers/errors.json") {
        let status = StatusCode::from_u16(u16::try_from(case["status"].as_u64().unwrap()).unwrap()).unwrap();
        let body = error_body::read(status, case["upstream"].as_str().unwrap().as_bytes());
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({"error": case["error"]}));
    }
}

/// What a stream gives when it arrives in these pieces: its bytes, the payloads it showed, and its counts.
fn streamed<'a>(include_usage: bool, pieces: impl Iterator<Item = &'a [u8]>) -> (String, Vec<String>, Option<Usage>) {
    let mut stream = MessageStream::new("claude", Some("sk-secret-key".into()), include_usage, 7);
    let (mut bytes, mut payloads) = (Vec::new(), Vec::new());
    let mut show = |payload: &[u8]| payloads.push(String::from_utf8(payload.to_vec()).unwrap());
    for piece in pieces {
        bytes.extend_from_slice(&stream.push(&Bytes::copy_from_slice(piece), &mut show));
    }
    bytes.extend_from_slice(&stream.finish(&mut show));
    (String::from_utf8(bytes).unwrap(), payloads, stream.usage())
}

fn wire(case: &Value) -> String {
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    case["events"].as_array().unwrap().iter().map(event).collect()
}

fn is_usage_wanted(case: &Value) -> bool {
    case["include_usage"] == true
}

#[test]
fn streams_are_read_as_the_fixtures_say() {
    for case in cases("streams/events.json") {
        let about = case["about"].as_str().unwrap();
        let (bytes, payloads, usage) = streamed(is_usage_wanted(&case), std::iter::once(wire(&case).as_bytes()));
        let line = |line: &str| match line.strip_prefix("data: ") {
            Some("[DONE]") => "[DONE]".into(),
            Some(chunk) => serde_json::from_str(chunk).unwrap(),
            None => Value::from(line.trim_start_matches(": ")),
        };
        let events: Vec<Value> = bytes.split_terminator("\n\n").map(line).collect();
        assert_eq!(json!(events), case["chunks"], "{about}");
        let shown = bytes.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
        assert_eq!(payloads, shown.collect::<Vec<_>>(), "{about}");
        let usage = usage.map(|usage| json!([usage.input, usage.cached_input, usage.output]));
        assert_eq!(usage.unwrap_or_default(), case["usage"], "{about}");
    }
}

#[test]
fn a_stream_gives_the_same_wherever_it_is_cut_in_two_and_byte_by_byte() {
    for case in cases("streams/events.json") {
        for wire in [wire(&case), wire(&case).replace('\n', "\r\n")] {
            let whole = streamed(is_usage_wanted(&case), std::iter::once(wire.as_bytes()));
            let (bytes, ..) = &whole;
            assert!(!bytes.is_empty());
            for at in 1..wire.len() {
                let (head, tail) = wire.as_bytes().split_at(at);
                assert_eq!(streamed(is_usage_wanted(&case), [head, tail].into_iter()), whole, "cut at {at}");
            }
            assert_eq!(streamed(is_usage_wanted(&case), wire.as_bytes().chunks(1)), whole, "byte by byte");
        }
    }
}

proptest! {
    #[test]
    fn a_stream_gives_the_same_in_any_pieces(which in 0_usize..64, cuts in prop::collection::vec(0_usize..4000, 0..40)) {
        let cases = cases("streams/events.json");
        let case = &cases[which % cases.len()];
        let wire = wire(case);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(wire.len())).chain([0, wire.len()]).collect();
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &wire.as_bytes()[ends[0]..ends[1]]);
        let whole = streamed(is_usage_wanted(case), std::iter::once(wire.as_bytes()));
        prop_assert_eq!(streamed(is_usage_wanted(case), pieces), whole);
    }

    #[test]
    fn no_bytes_make_it_fail_or_say_anything_after_the_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (said, ..) = streamed(true, [b"data: {\"type\":\"ping\"}\n\ndata: ".as_slice(), &bytes, b"\n\n"].into_iter());
        let ends = said.matches("data: [DONE]").count();
        prop_assert!(ends <= 1);
        prop_assert!(ends == 0 || said.ends_with("data: [DONE]\n\n"));
    }
}

#[test]
fn an_event_past_the_bound_breaks_the_stream_off_instead_of_going_on_unread() {
    let events = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"a\",\"model\":\"m\"}}\n\n\
                  data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Hi\"}}\n\n\
                  data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"";
    let long = "x".repeat(100_000);
    let mut pieces = vec![events.as_bytes()];
    pieces.extend((0..50).map(|_| long.as_bytes()));
    pieces.push(b"\"}}\n\n");
    let (said, payloads, usage) = streamed(false, pieces.into_iter());
    assert!(said.len() < 2000 && !said.contains("xxx"), "{} bytes", said.len());
    assert!(said.contains("an event is too large to be read"), "{said}");
    assert_eq!((payloads.len(), usage), (4, None));
}
