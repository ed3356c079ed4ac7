//! When a model cannot answer, the next of the chain does; when none can, the client learns why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, word};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

/// Asks with the cheap model failing in one way; the dear one must answer.
async fn falls_back(cheap_url: &str, more: &str) {
    let dear = Upstream::always(200, completion("from the dear one")).await;
    let config = model_at("cheap", cheap_url, 1.0, more) + &model_at("dear", dear.base_url(), 10.0, "");
    let router = TestRouter::start(&config).await;
    let response = router.ask("auto:cheapest").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-semroute-model"), "dear");
    assert_eq!(header(&response, "x-semroute-provider"), "dear-provider");
    assert_eq!(header(&response, "x-semroute-attempts"), "2");
    // 1000 and 100 tokens at the dear model's price: what served is what is charged.
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.011000000");
    assert!(response.text().await.unwrap().contains("from the dear one"));
    assert_eq!(dear.received()[0].json()["model"], "upstream-dear");
}

#[tokio::test]
async fn after_a_refused_connection() {
    falls_back(&deserted_base_url(), "").await;
}

#[tokio::test]
async fn after_statuses_that_are_the_providers_own_trouble_or_its_keys() {
    for status in [401, 402, 403, 404, 408, 409, 425, 429, 500, 502, 503, 529] {
        let failing = Upstream::always(status, json!({"error": {"message": "trouble"}})).await;
        falls_back(failing.base_url(), "").await;
        assert_eq!(failing.calls(), 1, "status {status}: tried once and no more");
    }
}

#[tokio::test]
async fn after_silence() {
    let (gone, caller_gone) = oneshot::channel();
    let mut gone = Some(gone);
    let silent = Upstream::start(move |_| Reply::Silence(gone.take().unwrap())).await;
    falls_back(silent.base_url(), "first_byte_timeout_ms = 50").await;
    let dropped = soon("the silent provider's work is cancelled", caller_gone).await;
    assert!(dropped.is_err());
}

#[tokio::test]
async fn after_an_answer_that_breaks_before_its_end() {
    let (sender, receiver) = mpsc::unbounded_channel();
    send(&sender, "{\"choices\": [");
    sender.send(Piece::Break).unwrap();
    let mut receiver = Some(receiver);
    let breaking = Upstream::start(move |_| Reply::BrokenJson(receiver.take().unwrap())).await;
    falls_back(breaking.base_url(), "").await;
}

#[tokio::test]
async fn after_an_answer_that_is_too_large() {
    let large = Upstream::always(200, completion(&"x".repeat(5000))).await;
    falls_back(large.base_url(), "max_answer_bytes = 4096").await;
}

/// Asks for a stream with the cheap model's stream beginning badly. It stays open if its sender is kept.
async fn stream_falls_back(pieces: Vec<Piece>, more: &str, stays_open: bool) {
    let (sender, receiver) = mpsc::unbounded_channel();
    pieces.into_iter().for_each(|piece| sender.send(piece).unwrap());
    let _kept = stays_open.then_some(sender);
    let mut receiver = Some(receiver);
    let failing = Upstream::start(move |_| Reply::Stream(receiver.take().unwrap())).await;
    let (dear, dear_stream) = Upstream::streaming().await;
    send(&dear_stream, word("good") + &stop_event() + DONE);
    drop(dear_stream);
    let config = model_at("cheap", failing.base_url(), 1.0, more) + &model_at("dear", dear.base_url(), 10.0, "");
    let router = TestRouter::start(&config).await;
    let response = router.ask_streaming("auto:cheapest").await;
    assert_eq!(header(&response, "x-semroute-model"), "dear");
    let text = soon("the stream ends", response.text()).await.unwrap();
    assert_eq!(text, word("good") + &stop_event() + DONE);
}

#[tokio::test]
async fn after_a_stream_that_ends_before_its_first_event() {
    stream_falls_back(vec![], "", false).await;
}

#[tokio::test]
async fn after_a_stream_that_breaks_within_its_first_event() {
    stream_falls_back(vec![Piece::Bytes("data: {\"choi".into()), Piece::Break], "", false).await;
}

#[tokio::test]
async fn after_a_stream_that_begins_with_an_error() {
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":529}}\n\n".to_owned();
    stream_falls_back(vec![Piece::Bytes(error)], "", true).await;
}

#[tokio::test]
async fn after_a_stream_that_only_beats() {
    let beat = Piece::Bytes(": still thinking\n\n".into());
    stream_falls_back(vec![beat], "first_byte_timeout_ms = 50", true).await;
}

#[tokio::test]
async fn when_all_meet_a_rate_limit_so_does_the_client_with_the_soonest_retry() {
    let limited = |seconds: &'static str| {
        Upstream::start(move |_| Reply::Raw {
            status: 429,
            headers: vec![("retry-after", seconds.into())],
            body: Vec::new(),
        })
    };
    let (cheap, dear) = (limited("30").await, limited("7").await);
    let router = TestRouter::start(&cheap_and_dear(cheap.base_url(), dear.base_url())).await;
    let response = router.ask("auto:cheapest").await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "retry-after"), "7");
    assert_eq!(header(&response, "x-semroute-attempts"), "2");
    assert!(header(&response, "x-semroute-decision-id").starts_with("dec_"));
    assert_eq!(error_of(response).await["type"], "rate_limit_error");
}

#[tokio::test]
async fn when_all_fail_the_last_failure_decides_and_each_is_named() {
    let failing = |status| Upstream::always(status, json!({"error": {"message": "internal: sk-provider-secret"}}));
    for (first, last, expected) in [(503, 500, 502), (500, 503, 503), (500, 408, 504), (500, 504, 504), (500, 429, 503)]
    {
        let (cheap, dear) = (failing(first).await, failing(last).await);
        let router = TestRouter::start(&cheap_and_dear(cheap.base_url(), dear.base_url())).await;
        let response = router.ask("auto:cheapest").await;
        assert_eq!(response.status(), expected, "{first} then {last}");
        let error = error_of(response).await;
        let each =
            format!("no model answered: cheap at cheap-provider: status {first}; dear at dear-provider: status {last}");
        assert_eq!(error["message"], each, "what providers wrote stays with them");
    }
}

#[tokio::test]
async fn a_timeout_of_all_is_a_gateway_timeout() {
    let (gone, _caller_gone) = oneshot::channel();
    let mut gone = Some(gone);
    let silent = Upstream::start(move |_| Reply::Silence(gone.take().unwrap())).await;
    let router = TestRouter::start(&model_at("m", silent.base_url(), 1.0, "total_timeout_ms = 50")).await;
    let response = router.ask("m").await;
    assert_eq!(response.status(), 504);
    assert_eq!(error_of(response).await["code"], "upstream_timeout");
}
