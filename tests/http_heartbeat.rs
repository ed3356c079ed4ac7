//! A stream whose model takes its time: the client hears that it is waited for, and what comes of it all the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, completion, soon, stop_event, word};
use reqwest::Response;
use semroute::store::Outcome;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

const BEAT: &str = ": semroute is waiting for the model\n\n";

fn beating(models: &str) -> String {
    "[server]\nheartbeat_seconds = 1\n".to_owned() + models
}

/// The next piece of a body.
async fn next(response: &mut Response) -> String {
    let chunk = soon("the next piece", response.chunk()).await.unwrap().unwrap_or_default();
    String::from_utf8(chunk.to_vec()).unwrap()
}

#[tokio::test]
async fn a_late_first_word_is_announced_and_then_comes() {
    let (upstream, words) = Upstream::streaming().await;
    let router = TestRouter::start(&beating(&model_at("m", upstream.base_url(), 1.0, ""))).await;
    let mut response = router.ask_streaming("m").await;
    assert_eq!((response.status().as_u16(), header(&response, "content-type").as_str()), (200, "text/event-stream"));
    assert!(header(&response, "x-semroute-decision-id").starts_with("dec_"));
    assert_eq!(next(&mut response).await, BEAT);
    send(&words, word("late"));
    assert_eq!(next(&mut response).await, word("late"));
    assert_eq!(next(&mut response).await, BEAT, "it is silent again");
    send(&words, stop_event() + DONE);
    assert_eq!(soon("the end", response.text()).await.unwrap(), stop_event() + DONE);
}

#[tokio::test]
async fn behind_the_heartbeat_another_model_still_takes_over_and_is_written_down() {
    let (gone, _caller_gone) = oneshot::channel();
    let mut gone = Some(gone);
    let silent = Upstream::start(move |_| Reply::Silence(gone.take().unwrap())).await;
    let good = Upstream::always(200, completion("at last")).await;
    let folder = tempfile::tempdir().unwrap();
    let toml = beating(&model_at("cheap", silent.base_url(), 1.0, "first_byte_timeout_ms = 1500"))
        + &model_at("dear", good.base_url(), 10.0, "")
        + &format!("[store]\nurl = \"sqlite://{}\"\n", folder.path().join("log.db").display());
    let router = TestRouter::start(&toml).await;
    let text = soon("the stream ends", router.ask_streaming("auto:cheapest").await.text()).await.unwrap();
    assert!(text.starts_with(BEAT) && text.contains("at last") && text.ends_with(DONE), "{text}");
    let row = router.remembers(1).await.remove(0);
    assert_eq!((row.model.as_deref(), row.attempts, row.outcome), (Some("dear"), 2, Outcome::Answered));
    assert_eq!(row.cost_usd, Some(0.011));
}

#[tokio::test]
async fn behind_the_heartbeat_a_failure_is_an_error_event_and_never_an_end_without_one() {
    let (breaking, words) = Upstream::streaming().await;
    let router = TestRouter::start(&beating(&model_at("m", breaking.base_url(), 1.0, ""))).await;
    let mut response = router.ask_streaming("m").await;
    assert_eq!(response.status(), 200);
    assert_eq!(next(&mut response).await, BEAT);
    words.send(Piece::Break).unwrap();
    let events = soon("the stream ends", response.text()).await.unwrap();
    let (error, done) = events.split_at(events.find("data: [DONE]").unwrap());
    let error: Value = serde_json::from_str(error.trim().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&error["error"]["code"], done), (&json!("upstream_failed"), DONE));
}

/// A provider that refuses only once the client has heard a heartbeat.
async fn refused_late(path: &str, body: &Value) -> String {
    let (refusal, pieces) = mpsc::unbounded_channel();
    let mut once = Some(pieces);
    let upstream = Upstream::start(move |_| Reply::RefusalInPieces(422, once.take().unwrap())).await;
    let router = TestRouter::start(&beating(&model_at("m", upstream.base_url(), 1.0, ""))).await;
    let mut response = soon("the head", router.post(path).json(body).send()).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut text = next(&mut response).await;
    send(&refusal, json!({"detail": "no such field"}).to_string());
    drop(refusal);
    text += &soon("the stream ends", response.text()).await.unwrap();
    text
}

#[tokio::test]
async fn a_refusal_behind_the_heartbeat_is_an_error_in_every_api_whatever_its_shape() {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let chat = json!({"model": "m", "stream": true, "messages": messages});
    let events = refused_late("/v1/chat/completions", &chat).await;
    let expected = json!({"error": {"message": "no such field", "type": "invalid_request_error", "param": null, "code": "upstream_refused"}});
    assert_eq!(events, format!("{BEAT}data: {expected}\n\n{DONE}"));

    let message = json!({"model": "m", "stream": true, "max_tokens": 9, "messages": messages});
    let events = refused_late("/v1/messages", &message).await;
    assert!(events.contains("event: error") && events.contains("no such field"), "{events}");
    assert!(!events.contains("message_stop"), "{events}");

    let events = refused_late("/v1/responses", &json!({"model": "m", "stream": true, "input": "Hello"})).await;
    assert!(events.contains("event: response.failed") && events.contains("no such field"), "{events}");
    assert!(!events.contains("response.completed"), "{events}");
}
