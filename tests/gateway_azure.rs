//! Azure OpenAI, which speaks OpenAI's API at other addresses, with its key in another header, and with one more chunk before the first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::plans::{assert_cost, chain, escalate, gateway_of, labels, rest, send as ask, stream};
use common::router::{TestRouter, error_of, model_at};
use common::upstream::{Received, Upstream, send};
use common::{DONE, completion, soon, stop_event, usage_event, word};
use semroute::config::Config;
use semroute::gateway::Gateway;
use semroute::routing::AnswerGate;
use serde_json::json;

const KEY: &str = "sk-provider-secret";

/// What comes first of a stream: what the filter thinks of the prompt.
fn prompt_filter() -> String {
    let safe = json!({"filtered": false, "severity": "safe"});
    let results = json!([{"prompt_index": 0, "content_filter_results": {"hate": safe, "violence": safe}}]);
    format!(
        "data: {}\n\n",
        json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": results})
    )
}

/// The request that reaches a provider configured so.
async fn received(more: &str, path_below_host: &str) -> Received {
    let upstream = Upstream::always(200, completion("Hello.")).await;
    let base_url = upstream.base_url().replace("/v1", path_below_host);
    let toml = model_at("m", &base_url, 1.0, &format!("api_key_env = \"PROVIDER_KEY\"\n{more}"));
    let toml = toml.replace("upstream-m", "gpt 4o/eu");
    let response = TestRouter::start(&toml).await.ask("m").await;
    assert_eq!(response.status(), 200);
    upstream.received().remove(0)
}

#[tokio::test]
async fn a_version_of_the_api_asks_the_deployment_by_its_path_with_the_key_in_its_own_header() {
    let received = received("api_version = \"2024-10-21\"", "").await;
    assert_eq!(received.path, "/openai/deployments/gpt%204o%2Feu/chat/completions");
    assert_eq!(received.query.as_deref(), Some("api-version=2024-10-21"));
    assert_eq!(received.headers["api-key"], KEY);
    assert!(!received.headers.contains_key("authorization"));
    assert_eq!(received.json()["messages"], json!([{"role": "user", "content": "Hello"}]));
}

#[tokio::test]
async fn a_version_of_the_api_takes_a_token_of_entra_where_that_is_said() {
    let received = received("api_version = \"2025-04-01-preview & more\"\nauth = \"bearer\"", "").await;
    assert_eq!(received.query.as_deref(), Some("api-version=2025-04-01-preview+%26+more"));
    assert_eq!(received.headers["authorization"], format!("Bearer {KEY}"));
    assert!(!received.headers.contains_key("api-key"));
}

#[tokio::test]
async fn the_api_without_versions_is_openais_but_for_the_header() {
    let received = received("auth = \"api-key\"", "/openai/v1").await;
    assert_eq!((received.path.as_str(), received.query), ("/openai/v1/chat/completions", None));
    assert_eq!(received.headers["api-key"], KEY);
    assert!(!received.headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_key_in_its_own_header_is_struck_out_of_refusals() {
    let body =
        json!({"error": {"code": "401", "message": format!("Access denied due to invalid subscription key {KEY}.")}});
    let upstream = Upstream::always(400, body).await;
    let toml = model_at("m", upstream.base_url(), 1.0, "api_key_env = \"PROVIDER_KEY\"\nauth = \"api-key\"");
    let response = TestRouter::start(&toml).await.ask("m").await;
    assert_eq!(response.status(), 400);
    assert!(response.headers().values().all(|value| !value.to_str().unwrap().contains(KEY)));
    let text = response.text().await.unwrap();
    assert!(text.contains("subscription key [redacted]."), "{text}");
}

#[tokio::test]
async fn a_refused_prompt_stays_refused_and_says_why() {
    let error = json!({"type": "invalid_request_error", "message": "The prompt was filtered.", "code": "content_filter", "param": "prompt", "status": 400});
    let upstream = Upstream::always(400, json!({"error": error})).await;
    let toml = model_at("m", upstream.base_url(), 1.0, "api_version = \"2024-10-21\"");
    let response = TestRouter::start(&toml).await.ask("m").await;
    assert_eq!(response.status(), 400);
    assert_eq!(error_of(response).await["code"], "content_filter");
}

#[tokio::test]
async fn a_stream_that_begins_with_the_filters_results_is_read_like_any_other() {
    let (upstream, sender) = Upstream::streaming().await;
    let said = prompt_filter() + &word("Hello") + &word(" you.") + &stop_event() + &usage_event(1000, 100) + DONE;
    send(&sender, said.clone());
    let gateway = gateway_of(&model_at("m", upstream.base_url(), 1.0, "auth = \"api-key\""));
    let counted = json!({"stream": true, "stream_options": {"include_usage": true}});
    let answer = ask(&gateway, &chain(&["m"]), counted).await.unwrap();
    let (events, mut receipt) = stream(answer);
    assert_eq!(rest(events).await, said, "untouched");
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}

#[tokio::test]
async fn a_cascade_waits_for_words_and_not_for_the_filters_results() {
    let refusal = [word("I'm sorry, but I can't"), word(" help with that."), stop_event(), DONE.to_owned()];
    for (pieces, label) in [(refusal.as_slice(), "gate_refusal"), (&[stop_event(), DONE.to_owned()], "gate_empty")] {
        let (upstream, sender) = Upstream::streaming().await;
        send(&sender, prompt_filter());
        pieces.iter().for_each(|piece| send(&sender, piece.clone()));
        let dear = Upstream::always(200, completion("good")).await;
        let gateway = gateway_of(
            &(model_at("azure", upstream.base_url(), 1.0, "") + &model_at("dear", dear.base_url(), 10.0, "")),
        );
        let plan = escalate(&["azure", "dear"], AnswerGate::default());
        let answer = soon("somebody answers", ask(&gateway, &plan, json!({"stream": true}))).await.unwrap();
        assert_eq!(labels(&answer), [format!("azure {label}"), "dear 200".into()]);
    }
}

#[test]
fn an_address_that_would_hold_the_path_twice_is_refused() {
    let toml = model_at("m", "https://r.openai.azure.com/openai/v1", 1.0, "api_version = \"2024-10-21\"");
    let config = Config::from_toml(&toml, "test").unwrap();
    let refused = Gateway::build(&config.providers, &config.build_registry("test").unwrap(), |_| None).err().unwrap();
    assert_eq!(refused.to_string(), "providers[0].base_url: beside api_version it must end before /openai");
    let unknown = Config::from_toml(&toml.replace("api_version = \"2024-10-21\"", "auth = \"basic\""), "test");
    assert!(unknown.unwrap_err().to_string().contains("providers[0].auth"), "an unknown way is named");
}
