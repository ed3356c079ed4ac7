//! Models that are one upstream model with other settings: their fields stand in the body whichever way they are asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::plans::{chain, escalate, gateway, race, send as ask};
use common::router::{TestRouter, model_at};
use common::upstream::Upstream;
use common::{completion, deserted_base_url};
use semroute::routing::{AnswerGate, Pick};
use serde_json::json;

const HIGH: &str = "settings = { reasoning_effort = \"high\", top_p = 0.5 }";
const LOW: &str = "settings = { reasoning_effort = \"low\", logprobs = false }";

#[tokio::test]
async fn every_plan_sets_them_in_place_of_the_clients() {
    let (high, low) = (Upstream::always(200, completion("")).await, Upstream::always(200, completion("")).await);
    let gateway = gateway(&[("high", high.base_url(), HIGH), ("low", low.base_url(), LOW)]);
    let gate = AnswerGate { min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let judge = || Pick::Judge("high".into());
    for decision in [chain(&["high"]), escalate(&["low", "high"], gate), race(&["low", "high"], 2, judge())] {
        ask(&gateway, &decision, json!({"reasoning_effort": "medium", "seed": 7})).await.unwrap();
    }
    for (upstream, effort) in [(&high, "high"), (&low, "low")] {
        for received in upstream.received() {
            let body = received.json();
            assert_eq!(body["reasoning_effort"], effort, "{body}");
        }
    }
    let text = String::from_utf8(high.received()[0].body.to_vec()).unwrap();
    assert_eq!(
        text,
        r#"{"model":"upstream-high","messages":[{"role":"user","content":"Hello"}],"reasoning_effort":"high","seed":7,"top_p":0.5}"#
    );
    assert!(low.received().iter().all(|received| received.json()["logprobs"] == false), "the operator's word stands");
}

#[tokio::test]
async fn a_model_asked_by_name_and_its_fallback_have_theirs() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let toml = model_at("arm", &deserted_base_url(), 1.0, "")
        + "fallbacks = [\"other\"]\n"
        + &model_at("other", upstream.base_url(), 1.0, "")
        + HIGH
        + "\n";
    let router = TestRouter::start(&toml).await;
    for name in ["arm", "other"] {
        assert_eq!(router.ask(name).await.status(), 200);
        assert_eq!(upstream.received().last().unwrap().json()["reasoning_effort"], "high");
    }
}

#[tokio::test]
async fn the_cap_on_the_answer_is_one_field_under_either_name() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let names = ["max_tokens", "max_completion_tokens"];
    for fixed in names {
        let gateway = gateway(&[("m", upstream.base_url(), &format!("settings = {{ {fixed} = 64 }}"))]);
        for asked in names {
            ask(&gateway, &chain(&["m"]), json!({asked: 4096})).await.unwrap();
            let body = upstream.received().last().unwrap().json();
            let sent: Vec<_> = names.iter().filter_map(|name| Some((*name, body.get(name)?.clone()))).collect();
            assert_eq!(sent, [(fixed, json!(64))], "asked for by {asked}");
        }
    }
}
