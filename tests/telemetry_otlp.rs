//! Traces over OTLP, from the real binary to a collector on loopback: one trace a request, which goes on where the client's left off and holds
//! nobody's words or keys. A collector that is down, or silent, costs spans and nothing else.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

mod common;

use std::collections::BTreeMap;

use common::binary::Binary;
use common::router::model_at;
use common::upstream::{Reply, Upstream};
use common::{DONE, completion, deserted_address, soon, stop_event, usage_event, word};
use reqwest::Response;
use serde_json::json;

const PROMPT: &str = "a prompt that no collector should see";
const PROVIDER_KEY: &str = "sk-provider-key-that-no-collector-should-see";
const CLIENTS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENTS_SPAN: &str = "00f067aa0b1902b7";

/// One field of a protobuf message: its number, and what it holds.
#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message. As much of the wire format as spans need, so that no generated code stands between the test and the bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                let (number, rest) = bytes.split_at(8);
                bytes = rest;
                Field::Number(u64::from_le_bytes(number.try_into().unwrap()))
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                let (inner, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(inner)
            }
            5 => {
                let (number, rest) = bytes.split_at(4);
                bytes = rest;
                Field::Number(u32::from_le_bytes(number.try_into().unwrap()).into())
            }
            other => panic!("wire type {other}"),
        };
        found.push((key >> 3, field));
    }
    found
}

fn all<'a>(message: &'a [u8], number: u64) -> impl Iterator<Item = &'a [u8]> {
    fields(message).into_iter().filter_map(move |(at, field)| match field {
        Field::Bytes(bytes) if at == number => Some(bytes),
        _ => None,
    })
}

fn text(message: &[u8], number: u64) -> String {
    all(message, number).next().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).unwrap_or_default()
}

fn hex(message: &[u8], number: u64) -> String {
    all(message, number).next().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Key and value of each attribute, the value as text.
fn attributes(message: &[u8], number: u64) -> BTreeMap<String, String> {
    let value = |attribute: &[u8]| {
        let value = all(attribute, 2).next().unwrap_or_default();
        match fields(value).first() {
            Some((1, Field::Bytes(text))) => String::from_utf8(text.to_vec()).unwrap(),
            Some((2, Field::Number(flag))) => (*flag == 1).to_string(),
            Some((3, Field::Number(number))) => number.to_string(),
            Some((4, Field::Number(bits))) => f64::from_bits(*bits).to_string(),
            other => format!("{other:?}"),
        }
    };
    all(message, number).map(|attribute| (text(attribute, 1), value(attribute))).collect()
}

#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    kind: u64,
    nanoseconds: u64,
    is_error: bool,
    attributes: BTreeMap<String, String>,
    service: String,
}

impl Span {
    fn read(span: &[u8], service: &str) -> Self {
        let number = |wanted: u64| {
            fields(span).into_iter().find_map(|(at, field)| match field {
                Field::Number(number) if at == wanted => Some(number),
                _ => None,
            })
        };
        let status = all(span, 15).next().unwrap_or_default();
        Self {
            trace: hex(span, 1),
            id: hex(span, 2),
            parent: hex(span, 4),
            name: text(span, 5),
            kind: number(6).unwrap_or_default(),
            nanoseconds: number(8).unwrap() - number(7).unwrap(),
            is_error: fields(status).iter().any(|(at, field)| *at == 3 && matches!(field, Field::Number(2))),
            attributes: attributes(span, 9),
            service: service.to_owned(),
        }
    }

    fn has(&self, key: &str) -> &str {
        self.attributes.get(key).unwrap_or_else(|| panic!("no {key}: {self:#?}"))
    }
}

/// Every span that a collector was sent.
fn spans(collector: &Upstream) -> Vec<Span> {
    let mut found = Vec::new();
    for request in collector.received() {
        assert_eq!(request.path, "/v1/traces");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert_eq!(request.headers["x-tenant"], "seven");
        for resource_spans in all(&request.body, 1) {
            let service = all(resource_spans, 1).next().map(|resource| attributes(resource, 1)).unwrap();
            for scope_spans in all(resource_spans, 2) {
                found.extend(all(scope_spans, 2).map(|span| Span::read(span, &service["service.name"])));
            }
        }
    }
    found
}

async fn collector() -> Upstream {
    let taken = || Reply::Raw {
        status: 200,
        headers: vec![("content-type", "application/x-protobuf".into())],
        body: Vec::new(),
    };
    Upstream::start(move |_| taken()).await
}

fn serve(toml: &str, endpoint: &str) -> Binary {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=seven"),
        ("OTEL_SERVICE_NAME", "gateway-of-the-test"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("PROVIDER_KEY", PROVIDER_KEY),
    ];
    Binary::serve(toml, &variables)
}

async fn ask(binary: &Binary, model: &str, stream: bool) -> Response {
    let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": PROMPT}]});
    let client = semroute::gateway::loopback_client().unwrap();
    let request = client.post(format!("{}/v1/chat/completions", binary.url())).json(&body);
    let request = request.header("traceparent", format!("00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"));
    soon("an answer", request.send()).await.unwrap()
}

fn origin(upstream: &Upstream) -> String {
    upstream.base_url().trim_end_matches("/v1").to_owned()
}

// The collector answers while the test waits for the process to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_trace_of_its_decision_and_its_tries() {
    let collector = collector().await;
    let failing = Upstream::always(503, json!({"error": {"message": "later"}})).await;
    let fine = Upstream::always(200, completion("an answer")).await;
    let key = "api_key_env = \"PROVIDER_KEY\"";
    let toml = model_at("cheap", failing.base_url(), 1.0, key)
        + &model_at("dear", fine.base_url(), 10.0, &format!("{key}\nsend_traceparent = true"));
    let binary = serve(&toml, &origin(&collector));
    let response = ask(&binary, "auto:cheapest", false).await;
    assert_eq!(response.status(), 200);
    let decision = common::router::header(&response, "x-semroute-decision-id");
    // What has not been sent by then is sent before the process ends.
    assert!(binary.terminate().success());

    let spans = spans(&collector);
    assert!(
        spans.iter().all(|span| span.trace == CLIENTS_TRACE && span.service == "gateway-of-the-test"),
        "{spans:#?}"
    );
    let named =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let request = named("POST /v1/chat/completions");
    assert_eq!((request.parent.as_str(), request.kind), (CLIENTS_SPAN, 2));
    assert_eq!(request.has("http.response.status_code"), "200");
    assert_eq!(request.has("semroute.decision_id"), decision);
    assert_eq!(request.has("gen_ai.response.model"), "dear");
    let decide = named("decide");
    assert_eq!(decide.parent, request.id);
    assert_eq!((decide.has("semroute.strategy"), decide.has("semroute.model")), ("cheapest", "cheap"));
    assert!(!decide.has("semroute.task").is_empty() && decide.nanoseconds < request.nanoseconds);
    let (failed, answered) = (named("chat upstream-cheap"), named("chat upstream-dear"));
    for span in [failed, answered] {
        assert_eq!((span.parent.as_str(), span.kind), (request.id.as_str(), 3));
        assert_eq!((span.has("gen_ai.operation.name"), span.has("server.address")), ("chat", "127.0.0.1"));
    }
    assert!(failed.is_error && !answered.is_error, "{spans:#?}");
    assert_eq!((failed.has("error.type"), failed.has("gen_ai.provider.name")), ("503", "cheap-provider"));
    assert_eq!(answered.has("gen_ai.request.model"), "upstream-dear");
    assert_eq!(
        (answered.has("gen_ai.usage.input_tokens"), answered.has("gen_ai.usage.output_tokens")),
        ("1000", "100")
    );
    assert_eq!(answered.has("semroute.cost_usd"), "0.011");

    let parent = fine.received()[0].headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(parent, format!("00-{CLIENTS_TRACE}-{}-01", answered.id));
    assert!(!failing.received()[0].headers.contains_key("traceparent"), "it was not to be told");
    for request in collector.received() {
        let sent = String::from_utf8_lossy(&request.body).into_owned();
        for secret in [PROMPT, PROVIDER_KEY, "an answer"] {
            assert!(!sent.contains(secret), "{secret:?} was sent to the collector");
        }
    }
}

// The collector answers while the test waits for the process to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spans_of_a_stream_last_as_long_as_it_does() {
    let collector = collector().await;
    let (upstream, sender) = Upstream::streaming().await;
    let binary = serve(&model_at("m", upstream.base_url(), 1.0, ""), &origin(&collector));
    common::upstream::send(&sender, word("first"));
    let mut response = ask(&binary, "m", true).await;
    assert!(soon("the first word", response.chunk()).await.unwrap().is_some());
    let is_over = |spans: &[Span]| spans.iter().any(|span| span.name == "chat upstream-m");
    assert!(!is_over(&spans(&collector)));
    common::upstream::send(&sender, stop_event() + &usage_event(500, 50) + DONE);
    drop(sender);
    while soon("the rest", response.chunk()).await.unwrap().is_some() {}
    assert!(binary.terminate().success());
    let spans = spans(&collector);
    let named =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let (request, answered) = (named("POST /v1/chat/completions"), named("chat upstream-m"));
    assert_eq!((answered.has("gen_ai.usage.input_tokens"), answered.has("gen_ai.usage.output_tokens")), ("500", "50"));
    assert!(request.nanoseconds >= answered.nanoseconds, "the request ended before its stream: {spans:#?}");
}

async fn counts(binary: &Binary, outcome: &str) {
    let client = semroute::gateway::loopback_client().unwrap();
    let line = format!("semroute_trace_spans_total{{outcome=\"{outcome}\"}}");
    let counted = async {
        loop {
            let metrics = client.get(format!("{}/metrics", binary.url())).send().await.unwrap().text().await.unwrap();
            if metrics.contains(&line) {
                return;
            }
        }
    };
    soon("it is counted", counted).await;
}

// The collector answers while the test waits for the process to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_down_costs_spans_and_no_request() {
    let upstream = Upstream::always(200, completion("an answer")).await;
    let binary = serve(&model_at("m", upstream.base_url(), 1.0, ""), &format!("http://{}", deserted_address()));
    for _ in 0..20 {
        assert_eq!(ask(&binary, "m", false).await.status(), 200);
    }
    counts(&binary, "ended").await;
    counts(&binary, "failed").await;
    assert_eq!(ask(&binary, "m", false).await.status(), 200);
    assert!(binary.terminate().success());
}

// The collector answers while the test waits for the process to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_holds_up_nobody() {
    let collector = Upstream::start(|_| Reply::Silence(tokio::sync::oneshot::channel().0)).await;
    let upstream = Upstream::always(200, completion("an answer")).await;
    let binary = serve(&model_at("m", upstream.base_url(), 1.0, ""), &origin(&collector));
    for _ in 0..20 {
        assert_eq!(ask(&binary, "m", false).await.status(), 200);
    }
    assert!(binary.terminate().success());
}
