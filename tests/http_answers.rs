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
async fn a_request_without_a_word_of_a_user_is_served_and_goes_upward() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let stated = |name: &str, usd, quality: f64| {
        let quality = format!(
            "quality = {{ default = {quality}, low = {quality}, medium = {quality}, high = {quality}, critical = {quality} }}\n"
        );
        model_at(name, upstream.base_url(), usd, "") + &quality
    };
    let router = TestRouter::start(&(stated("cheap", 1.0, 0.85) + &stated("dear", 10.0, 0.9))).await;
    for messages in [
        json!([{"role": "user", "content": ""}]),
        json!([{"role": "user", "content": "  \n"}]),
        json!([{"role": "user", "content": null}]),
        json!([{"role": "user", "content": []}]),
        json!([{"role": "system", "content": "Translate what follows into French."}]),
        json!([{"role": "assistant", "content": "Shall I go on?"}]),
        json!([{"role": "tool", "tool_call_id": "a", "content": "18 C"}]),
    ] {
        let response = router.chat(json!({"model": "auto", "messages": messages})).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "x-semroute-model").as_str()),
            (200, "dear"),
            "{messages}"
        );
        let row: Value =
            router.post("/v1/route").json(&json!({"messages": messages})).send().await.unwrap().json().await.unwrap();
        assert_eq!((&row["known"], &row["model"]), (&json!(false), &json!("dear")), "{row}");
    }
    let asked: Value = router
        .post("/v1/route")
        .body(r#"{"prompt":"What is the capital of Portugal?"}"#)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((&asked["known"], &asked["model"]), (&json!(true), &json!("cheap")), "what is known need not go upward");
}

#[tokio::test]
async fn a_name_that_stands_for_another_is_served_as_that_and_says_so() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let tables = "[router.aliases]\n\"gpt-4o\" = \"dear\"\n\"claude-*\" = \"auto:cheapest\"\n\"claude-opus-*\" = \"deep\"\n\
                  [[routes]]\nname = \"deep\"\nmodels = [\"dear\"]\nstrategy = \"best\"\n";
    let router =
        TestRouter::start(&(tables.to_owned() + &cheap_and_dear(upstream.base_url(), upstream.base_url()))).await;
    for (asked, model, reason) in [
        ("gpt-4o", "dear", "gpt-4o is an alias of dear"),
        ("claude-haiku-4-5", "cheap", "claude-* is an alias of auto:cheapest: "),
        ("claude-opus-4-5", "dear", "claude-opus-* is an alias of deep: "),
        ("dear", "dear", "the client asked for dear"),
    ] {
        let response = router.ask(asked).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "x-semroute-model").as_str()),
            (200, model),
            "{asked}"
        );
        let told = header(&response, "x-semroute-reason");
        assert!(told.starts_with(reason), "{told}");
    }
    assert_eq!(upstream.received()[0].json()["model"], "upstream-dear", "the provider hears its own name of it");
    assert_eq!(router.ask("gpt-4").await.status(), 404, "a whole name is no beginning");
    let list: Value = router.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    let ids: Vec<&str> = ids.into_iter().filter(|id| !id.starts_with("auto") && !id.starts_with("semroute/")).collect();
    assert_eq!(ids, ["deep", "gpt-4o", "cheap", "dear"], "patterns are no names");
    assert_eq!(router.get("/v1/models/gpt-4o").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn models_are_listed_as_openai_lists_them() {
    let router = TestRouter::start(&cheap_and_dear(&deserted_base_url(), &deserted_base_url())).await;
    let list: Value = router.get("/v1/models").send().await.unwrap().json().await.unwrap();
    assert_eq!(list["object"], "list");
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    let strategies = "auto auto:cheapest auto:balanced auto:best auto:quality_gated auto:cost_weighted auto:semantic \
                      auto:round_robin auto:least_used auto:cascade auto:parallel";
    // Behind them stand the router's own embedders, of which a transformer is only there where it was pulled.
    let (own, ids): (Vec<&str>, Vec<&str>) = ids.into_iter().partition(|id| id.starts_with("semroute/"));
    assert_eq!(ids, strategies.split(' ').chain(["cheap", "dear"]).collect::<Vec<_>>());
    assert_eq!(own[0], "semroute/builtin");
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
