//! `POST /v1/feedback`: whose decisions may be judged, by which words, and what stands in the log afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, error_of, header, model_at};
use common::upstream::{Upstream, send};
use common::{DONE, completion, soon, stop_event, word};
use reqwest::Response;
use semroute::store::{Feedback, LogReading, Store, StoreConfig, Verdict};
use serde_json::{Value, json};
use tempfile::TempDir;

const KEYS: &str = "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n\
    [[auth.keys]]\nname = \"operator\"\nkey_env = \"OTHER_PROVIDER_KEY\"\nadmin = true\n";
const ADMIN: &str = "sk-other-secret";

fn store_of(folder: &TempDir) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}", folder.path().join("semroute.db").display()))
}

async fn remembering(folder: &TempDir, base_url: &str, more: &str) -> TestRouter {
    let model = model_at("m", base_url, 1.0, "");
    TestRouter::start(&format!("[store]\nurl = {:?}\n{more}{model}", store_of(folder).url)).await
}

/// Asks something; the decision's id.
async fn ask_as(router: &TestRouter, key: &str) -> String {
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Why do cats purr?"}]});
    let request = router.post("/v1/chat/completions").bearer_auth(key).json(&body);
    header(&soon("an answer", request.send()).await.unwrap(), "x-semroute-decision-id")
}

async fn judge(router: &TestRouter, key: &str, body: &Value) -> Response {
    soon("an answer", router.post("/v1/feedback").bearer_auth(key).json(body).send()).await.unwrap()
}

/// What stands in the log, by decision.
async fn said(folder: &TempDir) -> Vec<(String, Feedback)> {
    let store = Store::open(&store_of(folder)).await.unwrap();
    let page = store.read_on(&mut LogReading::new(0, i64::MAX, true)).await.unwrap();
    page.into_iter().map(|judged| (judged.decision.id, judged.feedback.unwrap())).collect()
}

#[tokio::test]
async fn the_last_word_counts_and_the_same_word_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = remembering(&folder, upstream.base_url(), "").await;
    let id = ask_as(&router, "nobody asks").await;
    let first = json!({"decision_id": id, "verdict": "underpowered", "score": 0.5, "task": "simple_qa"});
    for _ in 0..2 {
        let response = judge(&router, "", &first).await;
        assert_eq!(response.status(), 200);
        let taken: Value = response.json().await.unwrap();
        let expected = json!({"object": "feedback", "decision_id": id, "verdict": "underpowered", "score": 0.5,
            "task": "simple_qa", "complexity": null});
        assert_eq!(taken, expected);
        let stands = Feedback {
            verdict: Verdict::Underpowered,
            score: Some(0.5),
            task: Some("simple_qa".into()),
            complexity: None,
        };
        assert_eq!(said(&folder).await, [(id.clone(), stands)]);
    }
    let second = json!({"decision_id": id, "verdict": "good", "complexity": "low"});
    assert_eq!(judge(&router, "", &second).await.status(), 200);
    let stands = Feedback { verdict: Verdict::Good, score: None, task: None, complexity: Some("low".into()) };
    assert_eq!(said(&folder).await, [(id, stands)], "nothing of the first word is left");
}

#[tokio::test]
async fn an_answer_can_be_judged_as_soon_as_it_is_there() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = remembering(&folder, upstream.base_url(), "").await;
    for _ in 0..50 {
        let id = ask_as(&router, "").await;
        let response = judge(&router, "", &json!({"decision_id": id, "verdict": "good"})).await;
        assert_eq!(response.status(), 200);
    }
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("Because") + &stop_event() + DONE);
    drop(sender);
    let folder = TempDir::new().unwrap();
    let router = remembering(&folder, upstream.base_url(), "").await;
    let stream = router.ask_streaming("auto").await;
    let id = header(&stream, "x-semroute-decision-id");
    soon("the stream ends", stream.text()).await.unwrap();
    assert_eq!(judge(&router, "", &json!({"decision_id": id, "verdict": "failed"})).await.status(), 200);
}

#[tokio::test]
async fn a_caller_judges_its_own_decisions_and_an_administrator_all() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = remembering(&folder, upstream.base_url(), KEYS).await;
    let id = ask_as(&router, "first-key").await;
    let body = json!({"decision_id": id, "verdict": "failed"});
    let response = judge(&router, "second-key", &body).await;
    assert_eq!(response.status(), 404);
    let of_another = error_of(response).await;
    assert_eq!((&of_another["code"], &of_another["param"]), (&json!("decision_not_found"), &json!("decision_id")));
    assert_eq!(said(&folder).await, []);
    for (key, verdict) in [("first-key", Verdict::Failed), (ADMIN, Verdict::Good)] {
        let body = json!({"decision_id": id, "verdict": verdict});
        assert_eq!(judge(&router, key, &body).await.status(), 200, "{key}");
        assert_eq!(said(&folder).await[0].1.verdict, verdict);
    }
    // What does not exist is answered in the same words as what is another's.
    let (unknown, made_up) = (uuid_of_now(), "dec_whatever".to_owned());
    for unknown in [unknown, made_up, "x".repeat(5000), String::new()] {
        let response = judge(&router, "second-key", &json!({"decision_id": unknown, "verdict": "good"})).await;
        assert_eq!(response.status(), 404);
        let error = error_of(response).await;
        let shown: String = unknown.chars().take(60).collect();
        let same = of_another["message"].as_str().unwrap().replace(&id, &shown);
        assert_eq!((error["message"].as_str().unwrap(), &error["code"]), (same.as_str(), &of_another["code"]));
    }
}

fn uuid_of_now() -> String {
    semroute::routing::Decision::new_id()
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_its_name() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = remembering(&folder, upstream.base_url(), "").await;
    let id = ask_as(&router, "").await;
    for (more, param, expected) in [
        (json!({"verdict": "meh"}), Some("verdict"), "`good`"),
        (json!({"verdict": null}), Some("verdict"), ""),
        (json!({}), None, "verdict"),
        (json!({"verdict": "good", "score": 1.5}), Some("score"), "from 0 to 1"),
        (json!({"verdict": "good", "score": "high"}), Some("score"), ""),
        (json!({"verdict": "good", "task": "poetry"}), Some("task"), "creative_writing"),
        (json!({"verdict": "good", "complexity": "very"}), Some("complexity"), "low, medium, high, critical"),
        (json!({"verdict": "good", "complexty": "low"}), Some("complexty"), "complexty"),
    ] {
        let mut body = json!({"decision_id": id});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = judge(&router, "", &body).await;
        assert_eq!(response.status(), 400, "{body}");
        let error = error_of(response).await;
        assert_eq!(error["param"].as_str(), param, "{error}");
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
    for body in ["", "[1]", "{\"decision_id\": \"a\", \"verdict\": \"good\"} {}", "\u{1f600}"] {
        let response = soon("an answer", router.post("/v1/feedback").body(body).send()).await.unwrap();
        assert_eq!(response.status(), 400, "{body:?}");
        error_of(response).await;
    }
    assert_eq!(said(&folder).await, []);
}

#[tokio::test]
async fn without_a_log_there_is_nothing_to_judge() {
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let id = ask_as(&router, "").await;
    let response = judge(&router, "", &json!({"decision_id": id, "verdict": "good"})).await;
    assert_eq!(response.status(), 404);
    let error = error_of(response).await;
    assert!(error["code"] == "no_store" && error["message"].as_str().unwrap().contains("[store]"), "{error}");
}

/// A key of its own limits, which nobody has used yet.
async fn limited(folder: &TempDir, base_url: &str, limit: &str) -> TestRouter {
    remembering(folder, base_url, &KEYS.replace("admin = true", limit)).await
}

#[tokio::test]
async fn feedback_counts_against_the_limits_of_its_key() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = limited(&folder, upstream.base_url(), "requests_per_minute = 3").await;
    let id = ask_as(&router, ADMIN).await;
    assert_eq!(judge(&router, ADMIN, &json!({"decision_id": id, "verdict": "good"})).await.status(), 200);
    let unknown = json!({"decision_id": uuid_of_now(), "verdict": "good"});
    assert_eq!(judge(&router, ADMIN, &unknown).await.status(), 404);
    let refused = judge(&router, ADMIN, &unknown).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "x-ratelimit-remaining-requests").as_str()), (429, "0"));
    assert_eq!(error_of(refused).await["code"], "rate_limit_exceeded");

    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("Because"));
    let folder = TempDir::new().unwrap();
    let router = limited(&folder, upstream.base_url(), "concurrent = 1").await;
    let body = json!({"model": "auto", "stream": true, "messages": [{"role": "user", "content": "Why do cats purr?"}]});
    let asking = router.post("/v1/chat/completions").bearer_auth(ADMIN).json(&body).send();
    let stream = soon("a stream", asking).await.unwrap();
    assert_eq!(judge(&router, ADMIN, &unknown).await.status(), 429, "its one place is the stream's");
    drop(stream);
}

#[tokio::test]
async fn a_flood_of_unknown_ids_is_answered_and_leaves_room_for_the_known() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let router = remembering(&folder, upstream.base_url(), "").await;
    let id = ask_as(&router, "").await;
    router.remembers(1).await;
    let unknown: Vec<Value> = (0..40).map(|_| json!({"decision_id": uuid_of_now(), "verdict": "good"})).collect();
    let flood = futures_util::future::join_all(unknown.iter().map(|body| judge(&router, "", body)));
    let known = json!({"decision_id": id, "verdict": "good"});
    let (flood, known) = tokio::join!(flood, judge(&router, "", &known));
    assert!(flood.iter().all(|response| response.status() == 404));
    assert_eq!(known.status(), 200);
}

/// What a complexity may be learnt from: `export` looks at nothing else to know whether the choice was prediction's.
#[tokio::test]
async fn the_log_says_whether_prediction_alone_chose() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Because they can")).await;
    let other = model_at("n", upstream.base_url(), 2.0, "");
    let rule = "[[rules]]\nname = \"cooks\"\nwords = [\"soup\"]\nmodels = [\"m\", \"n\"]\n";
    let router = remembering(&folder, upstream.base_url(), &(rule.to_owned() + &other)).await;
    let (cats, soup) = ("Why do cats purr?", "What is in a soup?");
    let first = json!([{"role": "user", "content": cats}]);
    let later = json!([{"role": "user", "content": cats}, {"role": "assistant", "content": "Because they can"},
        {"role": "user", "content": "Translate that into French"}]);
    let by_rule = json!([{"role": "user", "content": soup}]);
    let cases = [
        ("auto:balanced", &first, None, true),
        ("auto:quality_gated", &first, None, true),
        ("auto:cost_weighted", &first, None, true),
        ("auto:cascade", &first, None, true),
        ("auto:best", &first, None, false),
        ("auto:cheapest", &first, None, false),
        ("auto:round_robin", &first, None, false),
        ("m", &first, None, false),
        ("auto:balanced", &first, Some(("x-semroute-quality", "0.9")), false),
        ("auto:balanced", &first, Some(("x-semroute-providers", "m-provider")), false),
        ("auto:balanced", &first, Some(("x-semroute-max-cost-usd", "5")), true),
        ("auto:balanced", &later, None, false),
        ("auto:balanced", &by_rule, None, false),
    ];
    for (row, (model, messages, asked, expected)) in cases.into_iter().enumerate() {
        let mut request = router.post("/v1/chat/completions").json(&json!({"model": model, "messages": messages}));
        if let Some((name, value)) = asked {
            request = request.header(name, value);
        }
        assert_eq!(soon("an answer", request.send()).await.unwrap().status(), 200, "{model} {asked:?}");
        let chain = router.remembers(row + 1).await.remove(0).chain;
        assert_eq!(chain[0].by_prediction, expected, "{model} {messages} {asked:?}: {chain:?}");
        assert!(chain[1..].iter().all(|planned| !planned.by_prediction), "{chain:?}");
    }
}
