//! Keys of the store and what keys are bound to, through the real router: who is recognised, how soon a change counts, and that no name, alias,
//! route, rule or plan leads out of a scope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::postgres::Postgres;
use common::router::{TestRouter, error_of, header, model_at, state_of};
use common::upstream::Upstream;
use common::{completion, deserted_base_url, soon};
use reqwest::Response;
use secrecy::ExposeSecret;
use semroute::config::Config;
use semroute::http::Server;
use semroute::limits::{IssuedKey, KeyRing, Refusal, StoredKeys};
use semroute::store::{ApiKeyRecord, KeyAdded, Store, StoreConfig};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

const LOCKED: &str = "[auth]\nrequired = true\n";
/// The one key of `bound_to`, which a test's variable holds.
const BOUND_KEY: &str = "sk-provider-secret";
const FAR_FUTURE: i64 = 4_000_000_000_000;

/// A store in a folder of its own, and the table that names it.
async fn store() -> (TempDir, Store, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("keys.db").display());
    let store = Store::open(&StoreConfig::new(&url)).await.unwrap();
    (folder, store, format!("[store]\nurl = \"{url}\"\n"))
}

/// Adds a key, which may be changed first; its text.
async fn make(store: &Store, name: &str, change: impl FnOnce(&mut ApiKeyRecord)) -> String {
    let key = IssuedKey::draw().unwrap();
    let secret_hash = key.hash.as_bytes().to_vec();
    let mut record = ApiKeyRecord { id: key.id, name: name.into(), secret_hash, ..ApiKeyRecord::default() };
    change(&mut record);
    assert_eq!(store.add_key(&record).await.unwrap(), KeyAdded::Added);
    key.text.expose_secret().to_owned()
}

async fn list_models(router: &TestRouter, key: &str) -> Response {
    router.get("/v1/models").bearer_auth(key).send().await.unwrap()
}

/// Waits until the key is answered so.
async fn until(router: &TestRouter, key: &str, status: u16) -> Response {
    let polling = async {
        loop {
            let response = list_models(router, key).await;
            if response.status() == status {
                return response;
            }
        }
    };
    soon(&format!("the key is answered {status}"), polling).await
}

#[tokio::test]
async fn a_new_key_opens_and_a_revoked_one_does_not_without_a_restart() {
    let (_folder, store, table) = store().await;
    let config = format!("{LOCKED}{table}{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let key = make(&store, "alice", |_| {}).await;
    until(&router, &key, 200).await;
    let by_other_header = router.get("/v1/models").header("x-api-key", &key).send().await.unwrap();
    assert_eq!(by_other_header.status(), 200);

    let revoked = store.revoke_key("alice", 1).await.unwrap().unwrap();
    let refused = until(&router, &key, 401).await;
    assert_eq!(header(&refused, "www-authenticate"), "Bearer");
    assert_eq!(error_of(refused).await["code"], "revoked_api_key");
    assert_eq!(store.revoke_key(&revoked.id, 2).await.unwrap(), None, "once is enough");

    // The name is free again, and the old key stays what it is.
    let again = make(&store, "alice", |_| {}).await;
    until(&router, &again, 200).await;
    assert_eq!(error_of(list_models(&router, &key).await).await["code"], "revoked_api_key");
}

#[tokio::test]
async fn a_refusal_says_why_only_to_whoever_has_the_secret() {
    let (_folder, store, table) = store().await;
    let good = make(&store, "good", |key| key.expires_unix_ms = Some(FAR_FUTURE)).await;
    let expired = make(&store, "expired", |key| key.expires_unix_ms = Some(1)).await;
    let revoked = make(&store, "revoked", |key| key.revoked_unix_ms = Some(1)).await;
    let config = format!("{LOCKED}{table}{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    assert_eq!(list_models(&router, &good).await.status(), 200);
    let with_other_end = |key: &str| format!("{}{}", &key[..key.len() - 1], if key.ends_with('a') { 'b' } else { 'a' });
    let with_other_id = |key: &str| key.replacen(&key[6..16], "aaaaaaaaaa", 1);
    for (key, code) in [
        (expired.clone(), "expired_api_key"),
        (revoked.clone(), "revoked_api_key"),
        (with_other_end(&good), "invalid_api_key"),
        (with_other_end(&expired), "invalid_api_key"),
        (with_other_end(&revoked), "invalid_api_key"),
        (with_other_id(&good), "invalid_api_key"),
        (good.to_uppercase(), "invalid_api_key"),
        (format!("{good} "), "good"),
        ("sk-sr-".into(), "invalid_api_key"),
        ("sk-sr-aaaaaaaaaa-".into(), "invalid_api_key"),
        ("é".into(), "invalid_api_key"),
    ] {
        let response = list_models(&router, &key).await;
        if code == "good" {
            assert_eq!(response.status(), 200);
            continue;
        }
        assert_eq!(response.status(), 401, "{key}");
        let error = error_of(response).await;
        assert_eq!(error["code"], code, "{key}");
        assert!(!error.to_string().contains(&good[17..]), "{error}");
    }
}

#[tokio::test]
async fn with_keys_in_a_store_alone_it_may_listen_to_others() {
    let (_folder, _store, table) = store().await;
    let model = model_at("m", &deserted_base_url(), 1.0, "");
    let locked = Config::from_toml(&format!("{LOCKED}{table}{model}"), "test").unwrap();
    assert!(Server::bind("0.0.0.0:0", state_of(&locked)).await.is_ok());
    let open = Config::from_toml(&format!("{table}{model}"), "test").unwrap();
    let refused = Server::bind("0.0.0.0:0", state_of(&open)).await.err().unwrap().to_string();
    assert!(refused.contains("without keys"), "{refused}");
}

/// `[auth]` with one key that is bound to this.
fn bound_to(scopes: &str) -> String {
    format!("{LOCKED}[[auth.keys]]\nname = \"bound\"\nkey_env = \"PROVIDER_KEY\"\n{scopes}\n")
}

async fn post(router: &TestRouter, path: &str, body: Value) -> Response {
    soon("the router answers", router.post(path).bearer_auth(BOUND_KEY).json(&body).send()).await.unwrap()
}

async fn ask(router: &TestRouter, model: &str) -> Response {
    post(router, "/v1/chat/completions", chat(model)).await
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
}

/// A refusal by scope that names this.
async fn assert_out_of_scope(response: Response, names: &str) {
    assert_eq!(response.status(), 403);
    let error = error_of(response).await;
    assert_eq!(
        (error["type"].as_str(), error["code"].as_str()),
        (Some("permission_error"), Some("key_scope")),
        "{error}"
    );
    assert!(error["message"].as_str().unwrap().contains(names), "{error} should name {names}");
}

#[tokio::test]
async fn a_key_that_is_bound_to_endpoints_opens_those_alone() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let scopes = "endpoints = [\"/v1/chat/completions\", \"/v1/models\"]";
    let router = TestRouter::start(&(bound_to(scopes) + &model_at("m", upstream.base_url(), 1.0, ""))).await;
    assert_eq!(ask(&router, "m").await.status(), 200);
    for path in ["/v1/models", "/v1/models/m"] {
        assert_eq!(router.get(path).bearer_auth(BOUND_KEY).send().await.unwrap().status(), 200, "{path}");
    }
    for path in ["/metrics", "/openapi.json", "/nothing", "/v1/modelsx", "/v1/models/../../metrics"] {
        let response = router.get(path).bearer_auth(BOUND_KEY).send().await.unwrap();
        assert_out_of_scope(response, &format!("GET {}", path.trim_start_matches("/v1/models/../.."))).await;
    }
    for path in ["/v1/embeddings", "/v1/route", "/v1/responses", "/v1/completions"] {
        assert_out_of_scope(post(&router, path, json!({})).await, path).await;
    }
    let anthropic = post(&router, "/v1/messages", json!({})).await;
    assert_eq!(anthropic.status(), 403, "in the shape of that API");
    assert_eq!(upstream.calls(), 1);
    assert_eq!(router.get("/health/live").bearer_auth(BOUND_KEY).send().await.unwrap().status(), 200);
}

/// `small` and `big` at one provider each; `small` falls back to `big`.
fn small_and_big(small_url: &str, big_url: &str) -> String {
    let [small, big] =
        [("small", small_url, 1.0, 0.6), ("big", big_url, 10.0, 0.95)].map(|(name, url, usd, quality)| {
            model_at(name, url, usd, "breaker = { failures = 0 }") + &format!("quality = {{ default = {quality} }}\n")
        });
    small + "fallbacks = [\"big\"]\n" + &big
}

const ROUTES: &str = r#"
[router]
unknown_model = "big"
[router.aliases]
"gpt-*" = "big"
other = "small"
[router.parallel]
pick = "judge"
judge = "big"
[[routes]]
name = "only-big"
models = ["big"]
[[routes]]
name = "dear"
strategy = "best"
"#;

#[tokio::test]
async fn nothing_leads_a_key_to_a_model_outside_its_scope() {
    let small = Upstream::always(500, json!({"error": {"message": "down"}})).await;
    let big = Upstream::always(200, completion("Hi")).await;
    let models = small_and_big(small.base_url(), big.base_url());
    let router = TestRouter::start(&(bound_to("models = [\"small\"]") + ROUTES + &models)).await;
    for name in ["big", "gpt-9", "unknown"] {
        let response = ask(&router, name).await;
        assert_out_of_scope(response, "the model big").await;
    }
    // Fallbacks of the named model, of the choice, of a cascade and of a race, and its judge.
    for name in ["small", "other", "auto", "auto:best", "auto:cascade", "auto:parallel", "auto:round_robin", "dear"] {
        let response = ask(&router, name).await;
        assert_eq!(response.status(), 502, "{name}");
    }
    let refused = ask(&router, "only-big").await;
    assert_eq!(refused.status(), 400, "a route that leads nowhere has no candidate");
    assert!(!error_of(refused).await["message"].as_str().unwrap().contains("big"));
    assert!(small.calls() >= 8);
    assert_eq!(big.calls(), 0, "it was never asked, not even as a judge");

    let listed: Value = list_models(&router, BOUND_KEY).await.json().await.unwrap();
    let names: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    for (name, is_listed) in [
        ("auto", true),
        ("auto:best", true),
        ("small", true),
        ("other", true),
        ("dear", true),
        ("big", false),
        ("only-big", false),
        ("semroute/builtin", false),
    ] {
        assert_eq!(names.contains(&name), is_listed, "{name} in {names:?}");
    }
    assert_eq!(router.get("/v1/models/big").bearer_auth(BOUND_KEY).send().await.unwrap().status(), 404);
    let row: Value = post(&router, "/v1/route", json!({"prompt": "Hello"})).await.json().await.unwrap();
    assert_eq!(row["chain"], json!(["small"]));
}

#[tokio::test]
async fn other_apis_and_embeddings_keep_to_the_scope_too() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let models = small_and_big(upstream.base_url(), upstream.base_url());
    let embeds = model_at("vectors", upstream.base_url(), 1.0, "")
        .replace("[\"tools\", \"vision\", \"json\"]", "[\"embeddings\"]");
    let router = TestRouter::start(&(bound_to("models = [\"small\"]") + &models + &embeds)).await;
    let turn = json!([{"role": "user", "content": "Hello"}]);
    let response = post(&router, "/v1/messages", json!({"model": "big", "max_tokens": 9, "messages": turn})).await;
    assert_eq!(response.status(), 403);
    assert_out_of_scope(post(&router, "/v1/responses", json!({"model": "big", "input": "Hello"})).await, "big").await;
    for model in ["vectors", "semroute/builtin"] {
        let response = post(&router, "/v1/embeddings", json!({"model": model, "input": "Hello"})).await;
        assert_out_of_scope(response, model).await;
    }
    assert_out_of_scope(
        post(&router, "/v1/embeddings", json!({"model": "auto", "input": "Hello"})).await,
        "semroute/builtin",
    )
    .await;
    assert_eq!(upstream.calls(), 0);

    let with_vectors = bound_to("models = [\"semroute/builtin\"]") + &models;
    let router = TestRouter::start(&with_vectors).await;
    let response = post(&router, "/v1/embeddings", json!({"model": "auto", "input": "Hello"})).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_rule_does_not_widen_a_key() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let rules = r#"
[[rules]]
name = "to the house"
words = ["secret"]
bypass = "big"
[[rules]]
name = "with care"
words = ["careful"]
strategy = "best"
[[rules]]
name = "big alone"
words = ["great"]
models = ["big"]
"#;
    let scopes = "models = [\"small\"]\nstrategies = [\"cheapest\"]";
    let models = small_and_big(upstream.base_url(), upstream.base_url());
    let router = TestRouter::start(&(bound_to(scopes) + rules + &models)).await;
    let say = async |words: &str| {
        let messages = json!([{"role": "user", "content": words}]);
        post(&router, "/v1/chat/completions", json!({"model": "small", "messages": messages})).await
    };
    assert_out_of_scope(say("a secret matter").await, "the rule \"to the house\" applies").await;
    assert_out_of_scope(say("be careful").await, "the rule \"with care\" applies").await;
    assert_eq!(say("a great matter").await.status(), 400, "the bounds of both leave nobody");
    assert_eq!(upstream.calls(), 0);
    assert_eq!(say("nothing of the kind").await.status(), 200);
}

#[tokio::test]
async fn strategies_outside_the_scope_are_refused_and_the_usual_one_gives_way() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let models = small_and_big(upstream.base_url(), upstream.base_url());
    let config = bound_to("strategies = [\"cheapest\", \"cascade\"]") + ROUTES + &models;
    let router = TestRouter::start(&config.replace("unknown_model", "strategy = \"best\"\nunknown_model")).await;
    let by_default: Value = post(&router, "/v1/route", json!({"prompt": "Hello"})).await.json().await.unwrap();
    assert_eq!(by_default["strategy"], "cheapest");
    assert_eq!(ask(&router, "auto").await.status(), 200);
    assert_eq!(ask(&router, "auto:cascade").await.status(), 200);
    for name in ["auto:best", "auto:parallel", "dear"] {
        assert_out_of_scope(ask(&router, name).await, "this key may not use the strategy").await;
    }
    for (header, value) in [("x-semroute-strategy", "best"), ("x-semroute-quality", "0.9")] {
        let asking =
            router.post("/v1/chat/completions").bearer_auth(BOUND_KEY).header(header, value).json(&chat("auto"));
        assert_out_of_scope(asking.send().await.unwrap(), "it may use cheapest, cascade").await;
    }
    let listed = list_models(&router, BOUND_KEY).await.text().await.unwrap();
    assert!(
        listed.contains("\"auto:cascade\"") && !listed.contains("\"auto:best\"") && !listed.contains("\"dear\""),
        "{listed}"
    );
}

#[tokio::test]
async fn what_a_stored_key_is_bound_to_holds_as_well() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let (_folder, store, table) = store().await;
    let key = make(&store, "alice", |key| {
        key.models = Some(vec!["small".into()]);
        key.endpoints = Some(vec!["/v1/chat/completions".into()]);
    })
    .await;
    // A later version's list that cannot be read allows nothing.
    let config = format!("{LOCKED}{table}{}", small_and_big(upstream.base_url(), upstream.base_url()));
    let router = TestRouter::start(&config).await;
    let ask =
        async |model| router.post("/v1/chat/completions").bearer_auth(&key).json(&chat(model)).send().await.unwrap();
    assert_eq!(ask("small").await.status(), 200);
    assert_out_of_scope(ask("big").await, "the model big").await;
    assert_out_of_scope(list_models(&router, &key).await, "GET /v1/models").await;
    let rows = router.remembers(2).await;
    assert!(rows.iter().all(|row| row.caller.as_deref() == Some("alice")), "{rows:#?}");
    assert!(rows.iter().all(|row| row.caller_id.as_deref() == Some(&key[6..16])), "{rows:#?}");
}

#[tokio::test]
async fn while_the_store_is_down_known_keys_hold_and_unread_ones_are_told_to_wait() {
    let Some(mut postgres) = Postgres::start("keys while Postgres is down") else { return };
    let store = Store::open(&StoreConfig::new(postgres.url())).await.unwrap();
    let key = make(&store, "alice", |_| {}).await;
    let config = toml::from_str("required = true").unwrap();
    let ring =
        |stored: &Arc<StoredKeys>| KeyRing::build(&config, true, |_| None).unwrap().with_stored(Arc::clone(stored));
    let (read, unread) = (Arc::new(StoredKeys::unread(store.clone())), Arc::new(StoredKeys::unread(store.clone())));
    assert!(read.refresh().await.unwrap() && !read.refresh().await.unwrap());
    let unread_ring = ring(&unread);
    assert_eq!(unread_ring.recognise(Some(key.as_bytes())).await, Err(Refusal::KeysUnread));
    assert_eq!(unread_ring.recognise(Some(b"something else")).await, Err(Refusal::UnknownKey));

    postgres.stop();
    assert!(read.refresh().await.is_err(), "it is down");
    let known = ring(&read).recognise(Some(key.as_bytes())).await.unwrap().unwrap();
    assert_eq!(known.name.as_deref(), Some("alice"));

    postgres.restart();
    let fresh = async {
        while unread_ring.recognise(Some(key.as_bytes())).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        never = unread_ring.keep_fresh() => match never {},
        () = soon("the keys are picked up", fresh) => {}
    }
    store.revoke_key("alice", 1).await.unwrap().unwrap();
    assert!(unread.refresh().await.unwrap());
    assert_eq!(unread_ring.recognise(Some(key.as_bytes())).await, Err(Refusal::RevokedKey));
}
