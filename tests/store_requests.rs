//! What the store remembers of chat requests: one row each, at its end, whatever the end; and what it never remembers.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, cheap_and_dear, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, word};
use semroute::store::{DecisionRecord, Outcome, Store, StoreConfig};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::oneshot;

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("semroute.db").display())
}

async fn remembering(folder: &TempDir, more: &str) -> TestRouter {
    TestRouter::start(&format!("[store]\nurl = {:?}\n{more}", url(folder))).await
}

/// The only row.
async fn row(router: &TestRouter) -> DecisionRecord {
    router.remembers(1).await.remove(0)
}

#[tokio::test]
async fn an_answer_leaves_its_decision_tokens_and_cost() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = remembering(&folder, &cheap_and_dear(&deserted_base_url(), upstream.base_url())).await;
    let response = router.ask("auto:cheapest").await;
    let header = |name: &str| common::router::header(&response, name);
    let row = row(&router).await;
    assert_eq!(row.id, header("x-semroute-decision-id"));
    assert_eq!(row.reason, header("x-semroute-reason"));
    assert_eq!((row.task, row.complexity), (Some(header("x-semroute-task")), Some(header("x-semroute-complexity"))));
    assert!(row.task_confidence.is_some() && row.complexity_score.is_some() && row.known.is_some());
    assert_eq!((row.model.as_deref(), row.provider.as_deref()), (Some("dear"), Some("dear-provider")));
    assert_eq!((row.outcome, row.status, row.stream, row.attempts), (Outcome::Answered, 200, false, 2));
    assert_eq!(row.strategy.as_deref(), Some("cheapest"));
    assert_eq!((row.input_tokens, row.cached_input_tokens, row.output_tokens), (Some(1000), Some(0), Some(100)));
    assert!((row.cost_usd.unwrap() - 0.011).abs() < 1e-12);
    assert!(row.overhead_ms > 0.0 && row.latency_ms >= row.overhead_ms);
}

#[tokio::test]
async fn a_stream_is_remembered_when_it_has_ended_and_not_before() {
    let folder = TempDir::new().unwrap();
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let router = remembering(&folder, &model_at("m", upstream.base_url(), 2.0, "")).await;
    let response = router.ask_streaming("m").await;
    router.remembers(0).await;
    send(
        &sender,
        stop_event() + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":500,\"completion_tokens\":50}}\n\n" + DONE,
    );
    drop(sender);
    soon("the stream ends", response.text()).await.unwrap();
    let row = row(&router).await;
    assert_eq!((row.outcome, row.status, row.stream), (Outcome::Answered, 200, true));
    assert_eq!((row.input_tokens, row.output_tokens), (Some(500), Some(50)));
    assert!((row.cost_usd.unwrap() - 0.0011).abs() < 1e-12);
    assert_eq!((row.strategy, row.task), (None, None), "the client named the model");
}

#[tokio::test]
async fn a_stream_without_token_counts_has_an_unknown_cost() {
    let folder = TempDir::new().unwrap();
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("Hi") + &stop_event() + DONE);
    drop(sender);
    let router = remembering(&folder, &model_at("m", upstream.base_url(), 2.0, "")).await;
    soon("the stream ends", router.ask_streaming("m").await.text()).await.unwrap();
    let row = row(&router).await;
    assert_eq!((row.outcome, row.cost_usd, row.output_tokens), (Outcome::Answered, None, None));
}

#[tokio::test]
async fn a_stream_that_breaks_is_remembered_as_broken() {
    let folder = TempDir::new().unwrap();
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let router = remembering(&folder, &model_at("m", upstream.base_url(), 1.0, "")).await;
    let response = router.ask_streaming("m").await;
    sender.send(Piece::Break).unwrap();
    soon("the stream ends", response.text()).await.unwrap();
    let row = row(&router).await;
    assert_eq!((row.outcome, row.status, row.model.as_deref()), (Outcome::Broken, 200, Some("m")));
}

#[tokio::test]
async fn a_client_that_leaves_its_stream_is_remembered_as_gone() {
    let folder = TempDir::new().unwrap();
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let router = remembering(&folder, &model_at("m", upstream.base_url(), 1.0, "")).await;
    drop(router.ask_streaming("m").await);
    let row = row(&router).await;
    assert_eq!((row.outcome, row.status, row.model.as_deref()), (Outcome::ClientLeft, 200, Some("m")));
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_remembered_as_gone() {
    let folder = TempDir::new().unwrap();
    let (gone, _caller_gone) = oneshot::channel();
    let (arrived, arrives) = oneshot::channel();
    let mut once = Some((gone, arrived));
    let upstream = Upstream::start(move |_| {
        let (gone, arrived) = once.take().unwrap();
        arrived.send(()).unwrap();
        Reply::Silence(gone)
    })
    .await;
    let router = remembering(&folder, &model_at("m", upstream.base_url(), 1.0, "")).await;
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]});
    let client = tokio::spawn(router.post("/v1/chat/completions").json(&body).send());
    soon("the request arrives", arrives).await.unwrap();
    client.abort();
    let row = row(&router).await;
    assert_eq!((row.outcome, row.status, row.model), (Outcome::ClientLeft, 499, None));
    assert!(row.task.is_some(), "the decision had been made");
}

#[tokio::test]
async fn a_stream_that_the_server_cuts_off_is_broken_and_still_written() {
    let folder = TempDir::new().unwrap();
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let more = format!("[server]\ndrain_seconds = 0\n{}", model_at("m", upstream.base_url(), 1.0, ""));
    let router = remembering(&folder, &more).await;
    let mut response = router.ask_streaming("m").await;
    assert!(soon("the first chunk", response.chunk()).await.unwrap().is_some());
    soon("the server ends", router.stop()).await.unwrap();
    let rows = Store::open(&StoreConfig::new(url(&folder))).await.unwrap().recent(10).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.outcome, row.status)).collect::<Vec<_>>(), [(Outcome::Broken, 200)]);
}

#[tokio::test]
async fn what_fails_or_is_refused_is_remembered_too() {
    let folder = TempDir::new().unwrap();
    let failing = Upstream::always(500, json!({})).await;
    let refusing = Upstream::always(422, json!({"error": {"message": "no", "type": "x"}})).await;
    let models = model_at("failing", failing.base_url(), 1.0, "") + &model_at("refusing", refusing.base_url(), 2.0, "");
    let router = remembering(&folder, &models).await;
    let audio = json!([{"type": "input_audio", "input_audio": {}}, {"type": "text", "text": "What is said?"}]);
    for (model, content, outcome, status, served_by, attempts) in [
        ("failing", json!("Hello"), Outcome::Failed, 502, None, 1),
        ("refusing", json!("Hello"), Outcome::Refused, 422, Some("refusing"), 1),
        ("sk-pasted-by-mistake", json!("Hello"), Outcome::Refused, 404, None, 0),
        ("auto", audio, Outcome::Refused, 400, None, 0),
    ] {
        let before = router.remembered().await;
        let response = router.chat(json!({"model": model, "messages": [{"role": "user", "content": content}]})).await;
        assert_eq!(response.status(), status);
        let row = router.remembers(before + 1).await.remove(0);
        assert_eq!((row.outcome, row.status, row.model.as_deref()), (outcome, status, served_by), "{model}");
        assert_eq!(row.attempts, attempts, "{model}");
        assert!(!row.reason.is_empty() && !row.reason.contains("pasted"), "{}", row.reason);
    }
}

#[tokio::test]
async fn no_prompt_no_answer_and_no_key_is_written() {
    let folder = TempDir::new().unwrap();
    let (prompt, answer) = ("my landlord is called Zebedee", "zebedee is a fine name");
    let upstream = Upstream::always(200, completion(answer)).await;
    let failing = Upstream::always(500, json!({"error": {"message": answer}})).await;
    let more = String::from("[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n")
        + &model_at("m", upstream.base_url(), 1.0, "api_key_env = \"PROVIDER_KEY\"")
        + &model_at("failing", failing.base_url(), 2.0, "api_key_env = \"PROVIDER_KEY\"");
    let router = remembering(&folder, &more).await;
    for model in ["auto:cheapest", "auto:best", "m", "failing", prompt] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}], "user": prompt});
        let request = router.post("/v1/chat/completions").bearer_auth("first-key").header("x-request-id", "zebedee");
        soon("an answer", request.json(&body).send()).await.unwrap();
    }
    router.remembers(5).await;
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    assert!(text.contains("the client asked for"), "the rows are in what is searched");
    for secret in ["zebedee", "landlord", "sk-provider-secret", "first-key"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_store_that_fails_costs_rows_and_no_request() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = remembering(&folder, &model_at("m", upstream.base_url(), 1.0, "")).await;
    let options = SqliteConnectOptions::new().filename(folder.path().join("semroute.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("ALTER TABLE decisions RENAME TO elsewhere").execute(&mut other).await.unwrap();
    for _ in 0..20 {
        assert_eq!(router.ask("m").await.status(), 200);
    }
    soon("the server ends", router.stop()).await.unwrap();
}
