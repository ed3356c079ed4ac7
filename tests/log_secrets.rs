//! With `log_prompts = "off"`, which is the default, nobody finds a prompt, an answer or a key in anything that the real binary leaves behind: the
//! store, what it writes at the most talkative log level, the metrics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::fs::File;

use common::binary::Binary;
use common::databases::Database;
use common::postgres::Postgres;
use common::router::model_at;
use common::upstream::{Piece, Reply, Upstream};
use common::{DONE, completion, soon, stop_event, word};
use semroute::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

const PROMPT: &str = "Explain quokkaphobia to zebedee.woodhouse@example.org, whose card is 4111 1111 1111 1111";
const ANSWER: &str = "Quokkaphobia is the fear of vombatid smiles";
const PROVIDER_KEY: &str = "sk-provider-Wq8ZxT4mLr0v";
const CALLER_KEY: &str = "caller-Hn3KpY7uBs2d";
const WRONG_KEY: &str = "wrong-Jd5RcV9wEa6f";

/// In lower case, parts of the texts above that are too long to come about by chance; a list for each setting of `log_prompts` can follow.
const NEVER: [&str; 8] =
    ["quokkaphobia", "zebedee", "woodhouse", "4111 1111", "vombatid", "wq8zxt4mlr0v", "hn3kpy7ubs2d", "jd5rcv9wea6f"];

/// Answers that repeat the question and the key, whole, streamed, and as an error.
async fn talkative_provider() -> Upstream {
    Upstream::start(|received| {
        let request = received.json();
        let key = received.headers.get("authorization").map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default();
        if request["model"] == "upstream-failing" {
            let message = format!("no place for {PROMPT} with {key}");
            return Reply::Json(500, json!({"error": {"message": message, "type": "server_error"}}));
        }
        if request["stream"] != true {
            return Reply::Json(200, completion(ANSWER));
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        for event in [word(ANSWER), stop_event(), DONE.to_owned()] {
            sender.send(Piece::Bytes(event)).unwrap();
        }
        Reply::Stream(receiver)
    })
    .await
}

/// Asks in every way, and returns what a scrape of the metrics shows.
async fn ask_in_every_way(url: &str) -> String {
    let client = semroute::gateway::loopback_client().unwrap();
    let post = async |path: &str, key: &str, body: &Value| {
        let sending = client.post(format!("{url}{path}")).bearer_auth(key).json(body).send();
        let response = soon("an answer", sending).await.unwrap();
        (response.status().as_u16(), soon("its end", response.text()).await.unwrap())
    };
    let turn = json!([{"role": "user", "content": PROMPT}]);
    for (model, stream, status) in [("auto", false, 200), ("m", false, 200), ("m", true, 200), ("failing", false, 502)]
    {
        let body = json!({"model": model, "stream": stream, "messages": turn, "user": "zebedee", "metadata": {"for": "zebedee"}});
        let (answered, text) = post("/v1/chat/completions", CALLER_KEY, &body).await;
        assert_eq!(answered, status, "{text}");
    }
    let body = json!({"model": "auto", "messages": turn});
    assert_eq!(post("/v1/chat/completions", WRONG_KEY, &body).await.0, 401);
    assert_eq!(post("/v1/route", CALLER_KEY, &body).await.0, 200);
    assert_eq!(post("/v1/chat/completions", CALLER_KEY, &json!({"model": PROMPT, "messages": turn})).await.0, 404);
    let anthropic = json!({"model": "m", "max_tokens": 50, "system": PROMPT, "messages": turn});
    assert_eq!(post("/v1/messages", CALLER_KEY, &anthropic).await.0, 200);
    assert_eq!(post("/v1/responses", CALLER_KEY, &json!({"model": "m", "input": PROMPT})).await.0, 200);
    let scraping = client.get(format!("{url}/metrics")).bearer_auth(CALLER_KEY).send();
    soon("the metrics", scraping).await.unwrap().text().await.unwrap()
}

fn is_clean(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for secret in NEVER {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [secret, hex.as_str()] {
            if let Some(at) = text.find(form) {
                let around: String = text[..at].chars().rev().take(200).collect::<String>().chars().rev().collect();
                panic!("{secret:?} stands in {place}, after: {around}");
            }
        }
    }
}

async fn nothing_is_left_behind(database: &Database) {
    let upstream = talkative_provider().await;
    let own_key = "api_key_env = \"SECRET_PROVIDER_KEY\"";
    let config = format!(
        "[store]\nurl = {:?}\n[auth]\nrequired = true\n[[auth.keys]]\nname = \"caller\"\nkey_env = \"SECRET_CALLER_KEYS\"\nadmin = true\n",
        database.url()
    ) + &model_at("m", upstream.base_url(), 1.0, own_key)
        + &model_at("failing", upstream.base_url(), 100.0, own_key);
    let logs = TempDir::new().unwrap();
    let log = logs.path().join("log");
    let variables = [("SECRET_PROVIDER_KEY", PROVIDER_KEY), ("SECRET_CALLER_KEYS", CALLER_KEY)];
    let binary = Binary::serve_with(&config, &variables, |command| {
        command.args(["--log", "trace"]).stderr(File::create(&log).unwrap());
    });
    let metrics = ask_in_every_way(binary.url()).await;
    assert!(metrics.contains("semroute_decisions_total"), "{metrics}");
    is_clean("/metrics", metrics.as_bytes());
    let ended = spawn_blocking(|| binary.terminate());
    assert_eq!(soon("it ends", ended).await.unwrap().code(), Some(0));
    let said = std::fs::read(&log).unwrap();
    assert!(String::from_utf8_lossy(&said).contains("TRACE"), "the log is as talkative as it can be");
    is_clean("the log", &said);
    let rows = Store::open(&database.config()).await.unwrap().recent(100).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    let of_the_store: Vec<&str> =
        said.lines().filter(|line| line.contains("semroute::store") || line.contains("panicked")).collect();
    assert!(rows.len() >= 7, "{rows:?}\n{}", of_the_store.join("\n"));
    let contents = database.contents().await;
    let text = String::from_utf8_lossy(&contents);
    assert!(rows.iter().all(|row| text.contains(&row.id)), "the rows are in what is searched");
    is_clean("the store", &contents);
}

#[tokio::test]
async fn nothing_is_left_behind_in_sqlite() {
    nothing_is_left_behind(&Database::in_sqlite()).await;
}

#[tokio::test]
async fn nothing_is_left_behind_in_postgres() {
    let Some(server) = Postgres::start("what Postgres keeps of prompts and keys") else { return };
    nothing_is_left_behind(&Database::in_postgres(&server).await).await;
}
