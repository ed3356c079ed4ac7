//! What a good answer carries, what `/v1/route` and `/v1/models` say, what is measured, and how the server ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, cheap_and_dear, header, model_at};
use common::upstream::{Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, word};
use serde_json::{Value, json};

#[tokio::test]
async fn an_answer_says_how_it_came_about() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&cheap_and_dear(upstream.base_url(), upstream.base_url())).await;
    let response = router.ask("auto:cheapest").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-semroute-model"), "cheap");
    assert_eq!(header(&response, "x-semroute-provider"), "cheap-provider");
    assert_eq!(header(&response, "x-semroute-attempts"), "1");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert!(["low", "medium", "high", "critical"].contains(&header(&response, "x-semroute-complexity").as_str()));
    assert!(!header(&response, "x-semroute-task").is_empty());
    assert!((0.0..=1.0).contains(&header(&response, "x-semroute-confidence").parse::<f64>().unwrap()));
    assert!(header(&response, "x-semroute-reason").contains("cheap"));
    assert!(header(&response, "x-semroute-decision-id").starts_with("dec_"));
    assert!(header(&response, "x-semroute-overhead-ms").parse::<f64>().unwrap() > 0.0);
    assert_eq!(header(&response, "x-request-id").len(), 32);
}

#[tokio::test]
async fn a_model_by_name_is_not_classified() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&cheap_and_dear(upstream.base_url(), upstream.base_url())).await;
    let response = router.ask("dear").await;
    assert_eq!(header(&response, "x-semroute-model"), "dear");
    assert!(!response.headers().contains_key("x-semroute-task"));
}

#[tokio::test]
async fn an_unknown_price_is_shown_as_unknown() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let url = upstream.base_url();
    let config =
        format!("[[providers]]\nname = \"p\"\nbase_url = \"{url}\"\n[[models]]\nname = \"m\"\nprovider = \"p\"\n");
    let router = TestRouter::start(&config).await;
    assert_eq!(header(&router.ask("m").await, "x-semroute-cost-usd"), "unknown");
}

#[tokio::test]
async fn a_sane_request_id_is_the_clients_own() {
    let router = TestRouter::start(&model_at("m", &deserted_base_url(), 1.0, "")).await;
    for (sent, kept) in [("req_1-a", true), ("no good", false)] {
        let response = router.get("/v1/models").header("x-request-id", sent).send().await.unwrap();
        assert_eq!(header(&response, "x-request-id") == sent, kept);
    }
    let missing = router.get("/nothing").header("x-request-id", "req_2").send().await.unwrap();
    assert_eq!(header(&missing, "x-request-id"), "req_2", "errors carry it too");
}

#[tokio::test]
async fn headers_steer_the_decision() {
    let router = TestRouter::start(
        &(model_at("cheap", &deserted_base_url(), 1.0, "")
            + "quality = { default = 0.5, low = 0.5, medium = 0.5, high = 0.5, critical = 0.5 }\n"
            + &model_at("dear", &deserted_base_url(), 10.0, "")
            + "quality = { default = 0.9, low = 0.9, medium = 0.9, high = 0.9, critical = 0.9 }\n"),
    )
    .await;
    for (name, value, model) in [
        ("x-semroute-strategy", "cheapest", "cheap"),
        ("x-semroute-strategy", "best", "dear"),
        ("x-semroute-min-quality", "0.8", "dear"),
    ] {
        let response = router.post("/v1/route").header(name, value).body(r#"{"prompt":"Hello"}"#).send().await.unwrap();
        let row: Value = response.json().await.unwrap();
        assert_eq!(row["model"], model, "{name}: {value}");
    }
}

#[tokio::test]
async fn route_answers_with_a_decision_row_and_sends_nothing() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&cheap_and_dear(upstream.base_url(), upstream.base_url())).await;
    for (body, id) in [
        (json!({"prompt": "Hello", "id": 7}), Some(json!(7))),
        (json!({"prompt": "Hello", "model": "auto:best", "extra": true}), None),
        (json!({"messages": [{"role": "user", "content": "Hello"}]}), None),
        (json!({"model": "cheap", "messages": [{"role": "user", "content": "Hello"}]}), None),
    ] {
        let response = router.post("/v1/route").json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let row: Value = response.json().await.unwrap();
        let names: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = "id task task_confidence task_scores complexity complexity_score known novelty truncated tier artifact \
                        predicted_quality model chain strategy reason estimated_cost_usd";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
        assert!(row["id"].as_str().is_some_and(|id| id.starts_with("dec_")) || Some(&row["id"]) == id.as_ref());
        assert!(row["chain"].as_array().unwrap().contains(&row["model"]));
    }
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn models_are_listed_as_openai_lists_them() {
    let router = TestRouter::start(&cheap_and_dear(&deserted_base_url(), &deserted_base_url())).await;
    let list: Value = router.get("/v1/models").send().await.unwrap().json().await.unwrap();
    assert_eq!(list["object"], "list");
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    let strategies = "auto auto:cheapest auto:balanced auto:best auto:quality_gated auto:cost_weighted auto:semantic \
                      auto:round_robin auto:least_used auto:cascade auto:parallel";
    assert_eq!(ids, strategies.split(' ').chain(["cheap", "dear"]).collect::<Vec<_>>());
    let one: Value = router.get("/v1/models/dear").send().await.unwrap().json().await.unwrap();
    assert_eq!((one["id"].as_str(), one["owned_by"].as_str()), (Some("dear"), Some("dear-provider")));
}

/// The value of a series whose name and labels contain all of these.
fn series(metrics: &str, parts: &[&str]) -> Option<f64> {
    let line = metrics.lines().find(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn what_happened_is_measured() {
    // The recorder is the whole process's, so this test's models have names of their own.
    let upstream = Upstream::always(200, completion("Hi")).await;
    let config = model_at("measured-down", &deserted_base_url(), 1.0, "")
        + &model_at("measured-up", upstream.base_url(), 2.0, "");
    let router = TestRouter::start(&config).await;
    router.ask("auto:cheapest").await.text().await.unwrap();
    let metrics = router.get("/metrics").send().await.unwrap();
    assert!(header(&metrics, "content-type").starts_with("text/plain; version=0.0.4"));
    let metrics = metrics.text().await.unwrap();
    for (parts, expected) in [
        (
            &["semroute_decisions_total", "model=\"measured-down\"", "strategy=\"cheapest\"", "task=", "complexity="][..],
            1.0,
        ),
        (&["semroute_fallbacks_total", "from=\"measured-down\"", "to=\"measured-up\""], 1.0),
        (&["semroute_upstream_errors_total", "measured-down-provider", "status=\"connect\""], 1.0),
        (&["semroute_upstream_attempts_total", "measured-up-provider", "outcome=\"answered\""], 1.0),
        (&["semroute_answer_cost_usd_sum", "measured-up"], 0.0022),
        (&["gen_ai_client_token_usage_sum", "measured-up", "gen_ai_token_type=\"input\""], 1000.0),
        (&["gen_ai_client_token_usage_sum", "measured-up", "gen_ai_token_type=\"output\""], 100.0),
    ] {
        assert_eq!(series(&metrics, parts), Some(expected), "{parts:?} in\n{metrics}");
    }
    for parts in [
        &["semroute_decision_duration_seconds_bucket", "le=\"0.00005\""][..],
        &["semroute_decision_confidence_bucket"],
        &["semroute_overhead_seconds_count"],
        &["http_server_request_duration_seconds_bucket", "http_route=\"/v1/chat/completions\""],
    ] {
        assert!(series(&metrics, parts).is_some(), "{parts:?} in\n{metrics}");
    }
}

#[tokio::test]
async fn the_usage_of_a_stream_is_measured_when_it_says_so() {
    let (upstream, sender) = Upstream::streaming().await;
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":500,\"completion_tokens\":50}}\n\n";
    send(&sender, word("Hi") + &stop_event() + usage + DONE);
    drop(sender);
    let router = TestRouter::start(&model_at("streamed", upstream.base_url(), 2.0, "")).await;
    soon("the stream ends", router.ask_streaming("streamed").await.text()).await.unwrap();
    let metrics = router.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert_eq!(series(&metrics, &["semroute_answer_cost_usd_sum", "streamed"]), Some(0.0011));
    assert_eq!(series(&metrics, &["semroute_streams_total", "streamed", "end=\"complete\""]), Some(1.0));
}

#[tokio::test]
async fn a_server_told_to_stop_finishes_its_streams_first() {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let addr = router.addr();
    let mut response = router.ask_streaming("m").await;
    assert!(soon("the first chunk", response.chunk()).await.unwrap().is_some());
    let ended = router.stop();
    soon("new connections are refused", async {
        while tokio::net::TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!ended.is_finished());
    send(&sender, stop_event() + DONE);
    drop(sender);
    assert_eq!(soon("the stream ends", response.text()).await.unwrap(), stop_event() + DONE);
    soon("the server ends", ended).await.unwrap();
}

#[tokio::test]
async fn a_server_told_to_stop_says_that_it_is_not_ready_while_it_still_listens() {
    let config = format!("[server]\ndrain_delay_seconds = 3600\n{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let ready = || async { router.get("/health/ready").send().await.unwrap().status() };
    assert_eq!(ready().await, 200);
    router.begin_stop();
    soon("it is not ready", async { while ready().await == 200 {} }).await;
    assert_eq!(ready().await, 503);
}

#[tokio::test]
async fn a_server_told_to_stop_waits_no_longer_than_it_should() {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let config = format!("[server]\ndrain_seconds = 0\n{}", model_at("m", upstream.base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let mut response = router.ask_streaming("m").await;
    assert!(soon("the first chunk", response.chunk()).await.unwrap().is_some());
    soon("the server ends", router.stop()).await.unwrap();
    drop(sender);
}
