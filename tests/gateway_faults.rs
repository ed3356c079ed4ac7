//! Every fault of `docs/faults.md`, through the real router over real sockets: alone, with a model to fall back to, and in the middle of a
//! stream. What the client sees is exactly what the document says, and it comes in time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
mod support;

use std::time::{Duration, Instant};

use common::router::{TestRouter, error_of, header, model_at};
use common::{DONE, completion, soon, stop_event, word};
use reqwest::Response;
use serde_json::{Value, json};
use support::faults::{Asking, AtFirst, BOTH, End, Fault, MidStream, Sees, chunk, faults, good, stream_head};
use support::faulty_upstream::{AtAccept, FaultyUpstream, Step};

/// What a limit of time may be exceeded by on a busy machine.
const SLACK: u32 = 20;

/// Names each test as the document names its fault.
macro_rules! each_fault {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test]
            async fn $name() {
                suffer(stringify!($name)).await;
            }
        )*
    };
}

each_fault! {
    connection_refused connection_reset connection_closed never_reads
    silence slow_first_byte slow_header endless_header endless_early_hints no_http
    status_101 status_204 status_302 status_400 status_401 status_403 status_404 status_408
    status_429 status_429_seconds status_429_date status_429_milliseconds
    status_500 status_503 status_503_seconds status_504 status_999
    web_page garbage half_json no_choices error_object error_event only_done
    cut reset stalled_body dripping_body huge_body cut_within_event ended_early
    heartbeats_only flood_of_heartbeats huge_line no_done no_finish_reason half_counts
}

#[test]
fn every_fault_is_tested() {
    let names: Vec<&str> = faults().iter().map(|fault| fault.name).collect();
    assert_eq!(names, NAMES);
}

#[test]
fn the_document_says_what_is_tested() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md");
    let document = std::fs::read_to_string(path).unwrap();
    let table = document.lines().skip_while(|line| !line.starts_with("| case |")).take_while(|line| !line.is_empty());
    let rows: Vec<&str> = table.skip(2).collect();
    let expected: Vec<String> = faults().iter().map(row).collect();
    assert!(rows == expected, "the rows of docs/faults.md should be:\n{}", expected.join("\n"));
}

/// A fault's row in the document.
fn row(fault: &Fault) -> String {
    let (asked_for, alone, with_fallback) = match &fault.at_first {
        None => ("—", "—".to_owned(), "—"),
        Some(at_first) => {
            let asked_for = match at_first.asked_for {
                [Asking::Whole] => "whole",
                [Asking::Stream] => "stream",
                both => {
                    assert_eq!(both, BOTH);
                    "whole, stream"
                }
            };
            match at_first.alone {
                Sees::Error { status, code, retry_after } => {
                    let wait = retry_after.map_or(String::new(), |seconds| format!(", `Retry-After: {seconds}`"));
                    (asked_for, format!("{status} `{code}`{wait}"), "the fallback's answer")
                }
                Sees::Answer { words, .. } => (asked_for, words.to_owned(), "the same"),
                Sees::LastResort { words, .. } => (asked_for, words.to_owned(), "the fallback's answer"),
            }
        }
    };
    let mid_stream = match fault.mid_stream.as_ref().map(|mid_stream| mid_stream.end) {
        None => "—",
        Some(End::BrokenOff(_)) => "what came, an error event, `[DONE]`",
        Some(End::Sealed(words)) => words,
    };
    format!("| `{}` | {} | {asked_for} | {alone} | {with_fallback} | {mid_stream} |", fault.name, fault.does)
}

async fn suffer(name: &str) {
    let fault = faults().into_iter().find(|fault| fault.name == name).unwrap();
    if let Some(at_first) = &fault.at_first {
        for asking in at_first.asked_for {
            alone(at_first, *asking).await;
            with_fallback(at_first, *asking).await;
        }
    }
    if let Some(mid_stream) = &fault.mid_stream {
        in_mid_stream(mid_stream).await;
    }
}

async fn alone(fault: &AtFirst, asking: Asking) {
    let (upstream, base_url) = fault.provider.start().await;
    let router = TestRouter::start(&model_at("cheap", &base_url, 1.0, fault.limits)).await;
    let started = Instant::now();
    let response = ask(&router, "cheap", asking).await;
    assert_eq!(header(&response, "x-semroute-attempts"), "1");
    match fault.alone {
        Sees::Error { status, code, retry_after } => {
            assert_eq!(response.status(), status, "{asking:?}");
            assert_retry_after(&response, retry_after);
            assert_eq!(error_of(response).await["code"], code, "{asking:?}");
        }
        Sees::Answer { status, text, .. } | Sees::LastResort { status, text, .. } => {
            assert_answer(response, status, &text()).await;
        }
    }
    assert_in_time(started, fault.limits);
    if let Some(upstream) = upstream {
        upstream.until_open(usize::from(fault.provider.keeps_connection(asking))).await;
        assert!(upstream.requests() <= 1, "it was asked {} times", upstream.requests());
    }
}

async fn with_fallback(fault: &AtFirst, asking: Asking) {
    let (upstream, base_url) = fault.provider.start().await;
    let dear = FaultyUpstream::start(good).await;
    let models = model_at("cheap", &base_url, 1.0, fault.limits) + &model_at("dear", &dear.base_url(), 10.0, "");
    let router = TestRouter::start(&models).await;
    let started = Instant::now();
    let response = ask(&router, "auto:cheapest", asking).await;
    match fault.alone {
        Sees::Error { .. } | Sees::LastResort { .. } => {
            assert_eq!(header(&response, "x-semroute-model"), "dear");
            assert_eq!(header(&response, "x-semroute-attempts"), "2");
            let answer = match asking {
                Asking::Whole => completion("Hello").to_string(),
                Asking::Stream => word("Hello") + &stop_event() + DONE,
            };
            assert_answer(response, 200, &answer).await;
        }
        Sees::Answer { status, text, .. } => {
            assert_eq!(header(&response, "x-semroute-attempts"), "1");
            assert_answer(response, status, &text()).await;
            assert_eq!(dear.requests(), 0);
        }
    }
    assert_in_time(started, fault.limits);
    if let Some(upstream) = upstream {
        upstream.until_open(usize::from(fault.provider.keeps_connection(asking))).await;
    }
}

async fn in_mid_stream(fault: &MidStream) {
    let steps = fault.steps;
    let begun = move || [vec![stream_head(), chunk(&word("first")), Step::UntilToldTo], steps()].concat();
    let (upstream, dear) = (FaultyUpstream::start(move |_| begun()).await, FaultyUpstream::start(good).await);
    let models =
        model_at("cheap", &upstream.base_url(), 1.0, fault.limits) + &model_at("dear", &dear.base_url(), 10.0, "");
    let router = TestRouter::start(&models).await;
    let started = Instant::now();
    let mut response = router.ask_streaming("auto:cheapest").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-semroute-attempts"), "1");
    let first = soon("the first word arrives", response.chunk()).await.unwrap().unwrap();
    assert_eq!(first, word("first").into_bytes());
    upstream.go_on();
    let rest = soon("the stream ends", response.text()).await.unwrap().replace(": beat\n\n", "");
    assert!(rest.lines().all(|line| line.is_empty() || line.starts_with("data: ")), "half an event: {rest:?}");
    let end = rest.strip_prefix(&(fault.comes)()).unwrap_or_else(|| panic!("what had come is not there: {rest:?}"));
    match fault.end {
        End::Sealed(_) => assert_eq!(end, DONE),
        End::BrokenOff(words) => assert_broken_off(end, words),
    }
    assert_in_time(started, fault.limits);
    assert_eq!(dear.requests(), 0, "nobody can go on with what another model began");
    let is_kept = matches!(steps().last(), Some(Step::Next));
    upstream.until_open(usize::from(is_kept)).await;
}

async fn ask(router: &TestRouter, model: &str, asking: Asking) -> Response {
    match asking {
        Asking::Whole => router.ask(model).await,
        Asking::Stream => router.ask_streaming(model).await,
    }
}

async fn assert_answer(response: Response, status: u16, text: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(soon("the answer ends", response.text()).await.unwrap(), text);
}

/// A date and the time that passes leave a few seconds less.
fn assert_retry_after(response: &Response, expected: Option<u64>) {
    let found = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
    match (found, expected) {
        (Some(found), Some(expected)) => assert!(found <= expected && found + 5 > expected, "{found}, not {expected}"),
        (found, expected) => assert_eq!(found, expected),
    }
}

/// An error that says what broke, and the end.
fn assert_broken_off(end: &str, words: &str) {
    let payloads: Vec<&str> = end.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let [error, "[DONE]"] = payloads[..] else { panic!("not an error and the end: {end:?}") };
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(
        (&error["error"]["code"], &error["error"]["type"]),
        (&json!("upstream_stream_broken"), &json!("api_error"))
    );
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
}

/// Not much longer than the limit that ends it, where there is one.
fn assert_in_time(started: Instant, limits: &str) {
    let milliseconds = limits.split_once("_ms = ").map_or(200, |(_, number)| number.parse().unwrap());
    let (took, bound) = (started.elapsed(), SLACK * Duration::from_millis(milliseconds));
    assert!(took < bound, "it took {took:?}");
}

#[tokio::test]
async fn a_long_request_that_is_never_read_is_given_up() {
    let upstream = FaultyUpstream::at_accept(AtAccept::NeverRead).await;
    let limits = "first_byte_timeout_ms = 200";
    let router = TestRouter::start(&model_at("m", &upstream.base_url(), 1.0, limits)).await;
    // More than the buffers of both sockets hold.
    let long = "word ".repeat(8 * 1024 * 1024 / 5);
    let started = Instant::now();
    let response = router.chat(json!({"model": "m", "messages": [{"role": "user", "content": long}]})).await;
    assert_eq!(response.status(), 504);
    assert_eq!(error_of(response).await["code"], "upstream_timeout");
    assert_in_time(started, "first_byte_timeout_ms = 1000");
    // What is in the buffers stands between it and the news that the caller is gone.
    upstream.go_on();
    upstream.until_open(0).await;
}
