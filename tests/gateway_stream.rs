//! Streams: forwarded as they arrive, never cut off in silence, cancelled when nobody listens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, soon, stop_event, word};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// A stream that has begun: the provider's end and the client's.
async fn begun(more: &str) -> (TestRouter, Upstream, mpsc::UnboundedSender<Piece>, Response) {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, more)).await;
    let mut response = router.ask_streaming("m").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    assert_eq!(next(&mut response).await, word("first"));
    (router, upstream, sender, response)
}

async fn next(response: &mut Response) -> String {
    let chunk = soon("a chunk arrives", response.chunk()).await.unwrap().expect("the stream ended");
    String::from_utf8(chunk.to_vec()).unwrap()
}

async fn rest(response: Response) -> String {
    soon("the stream ends", response.text()).await.unwrap()
}

/// The rest of a broken stream: a typed error, then the end.
fn assert_error_event_then_done(rest: &str) -> Value {
    let payloads: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let [error, "[DONE]"] = payloads[..] else { panic!("not an error and the end: {rest:?}") };
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["code"], "upstream_stream_broken");
    assert_eq!(error["error"]["type"], "api_error");
    error
}

#[tokio::test]
async fn each_chunk_is_forwarded_before_the_next_is_made() {
    let (_router, _upstream, sender, mut response) = begun("").await;
    for n in 0..5 {
        send(&sender, word(&format!("word {n}")));
        assert_eq!(next(&mut response).await, word(&format!("word {n}")));
    }
    send(&sender, ": a heartbeat\n\n");
    assert_eq!(next(&mut response).await, ": a heartbeat\n\n");
    send(&sender, stop_event() + DONE);
    drop(sender);
    assert_eq!(rest(response).await, stop_event() + DONE);
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_and_done() {
    let (_router, _upstream, sender, mut response) = begun("").await;
    // Half an event must not reach the client: its SDK would fail on the broken JSON and never see the error.
    send(&sender, word("second") + "data: {\"choices\": [{\"del");
    assert_eq!(next(&mut response).await, word("second"));
    sender.send(Piece::Break).unwrap();
    assert_error_event_then_done(&rest(response).await);
}

#[tokio::test]
async fn a_stream_that_closes_before_its_last_chunk_was_cut_off() {
    let (_router, _upstream, sender, response) = begun("").await;
    drop(sender);
    let error = assert_error_event_then_done(&rest(response).await);
    assert!(error["error"]["message"].as_str().unwrap().contains("before the answer was complete"));
}

#[tokio::test]
async fn an_error_that_the_provider_sends_itself_is_passed_on_and_ended() {
    let (_router, _upstream, sender, response) = begun("").await;
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    send(&sender, error);
    drop(sender);
    assert_eq!(rest(response).await, format!("{error}{DONE}"));
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_broken_off() {
    let (_router, _upstream, sender, response) = begun("between_chunks_timeout_ms = 50").await;
    let error = assert_error_event_then_done(&rest(response).await);
    assert!(error["error"]["message"].as_str().unwrap().contains("silent"));
    soon("the provider's work is cancelled", sender.closed()).await;
}

#[tokio::test]
async fn a_forgotten_done_is_added_to_a_finished_answer() {
    let (_router, _upstream, sender, response) = begun("").await;
    send(&sender, stop_event());
    drop(sender);
    assert_eq!(rest(response).await, stop_event() + DONE);
}

#[tokio::test]
async fn a_stream_that_stays_open_after_done_ends_for_the_client() {
    let (_router, _upstream, sender, response) = begun("").await;
    send(&sender, stop_event() + DONE);
    assert_eq!(rest(response).await, stop_event() + DONE);
    soon("the provider's connection is let go", sender.closed()).await;
}

#[tokio::test]
async fn a_client_that_leaves_its_stream_cancels_the_work() {
    let (_router, _upstream, sender, response) = begun("").await;
    drop(response);
    soon("the provider's work is cancelled", sender.closed()).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_cancels_the_work() {
    let (gone, caller_gone) = oneshot::channel();
    let (arrived, arrives) = oneshot::channel();
    let mut once = Some((gone, arrived));
    let upstream = Upstream::start(move |_| {
        let (gone, arrived) = once.take().unwrap();
        arrived.send(()).unwrap();
        Reply::Silence(gone)
    })
    .await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]});
    let client = tokio::spawn(router.post("/v1/chat/completions").json(&body).send());
    soon("the request arrives", arrives).await.unwrap();
    client.abort();
    assert!(soon("the provider's work is cancelled", caller_gone).await.is_err());
}

#[tokio::test]
async fn a_whole_answer_to_a_request_for_a_stream_is_handed_on_as_events() {
    let upstream = Upstream::always(200, common::completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let response = router.ask_streaming("m").await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    assert_eq!(
        header(&response, "x-semroute-cost-usd"),
        "0.001100000",
        "all of it is there, and what it cost is known"
    );
    let text = response.text().await.unwrap();
    assert!(text.contains("\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"}"), "{text}");
    assert!(text.contains("\"finish_reason\":\"stop\"") && text.ends_with(DONE), "{text}");
}

#[tokio::test]
async fn an_error_within_a_chunk_ends_the_stream_as_one_that_every_client_knows() {
    let choice = |more: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},{more}}}]}}\n\n");
    for told in [
        choice(r#""finish_reason":null,"error":{"message":"full"}"#),
        choice(r#""finish_reason":"error""#),
        choice(r#""finish_reason":"insufficient_system_resource""#),
        "data: {\"object\":\"error\",\"message\":\"full\"}\n\n".to_owned(),
    ] {
        for end in ["", DONE] {
            let (_router, _upstream, sender, response) = begun("").await;
            send(&sender, told.clone() + end);
            let rest = rest(response).await;
            let error = rest.strip_prefix(&told).unwrap_or_else(|| panic!("{rest}"));
            assert_error_event_then_done(error);
        }
    }
    // One that they know already is told once.
    let beside =
        "data: {\"error\":{\"message\":\"full\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n";
    let (_router, _upstream, sender, response) = begun("").await;
    send(&sender, beside);
    assert_eq!(rest(response).await, beside.to_owned() + DONE);
}

#[tokio::test]
async fn an_error_as_the_first_word_lets_another_model_answer() {
    let (broken, words) = Upstream::streaming().await;
    let (good, more_words) = Upstream::streaming().await;
    send(&words, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n");
    send(&more_words, word("Hi") + &stop_event() + DONE);
    let toml = model_at("m", broken.base_url(), 1.0, "")
        + "fallbacks = [\"other\"]\n"
        + &model_at("other", good.base_url(), 1.0, "");
    let router = TestRouter::start(&toml).await;
    let response = router.ask_streaming("m").await;
    assert_eq!(header(&response, "x-semroute-model"), "other");
    assert_eq!(rest(response).await, word("Hi") + &stop_event() + DONE);
}
