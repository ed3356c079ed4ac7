//! `semroute serve` as a process: what it says when it cannot start, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::binary::{Binary, failure_of, serve_command};
use common::router::model_at;
use common::upstream::{Upstream, send};
use common::{DONE, deserted_base_url, soon, stop_event, word};
use semroute::store::{Outcome, Store, StoreConfig};

/// A `serve` that must not start: exit with 2 and say all of this.
fn refuses(toml: &str, flags: &[&str], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve_command(&folder, toml);
    command.env_remove("SEMROUTE_TEST_A").env_remove("SEMROUTE_TEST_B").args(flags);
    let output = failure_of(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    for part in expected {
        assert!(said.contains(part), "should contain {part:?}: {said}");
    }
}

#[test]
fn all_missing_variables_are_named_at_once() {
    let url = deserted_base_url();
    let config = model_at("a", &url, 1.0, "api_key_env = \"SEMROUTE_TEST_A\"")
        + &model_at("b", &url, 1.0, "api_key_env = \"SEMROUTE_TEST_B\"");
    let expected = [
        "SEMROUTE_TEST_A (the key of provider \"a-provider\")",
        "SEMROUTE_TEST_B (the key of provider \"b-provider\")",
    ];
    refuses(&config, &[], &expected);
}

#[test]
fn a_door_that_cannot_be_locked_is_not_opened() {
    let model = model_at("a", &deserted_base_url(), 1.0, "");
    refuses(&format!("[auth]\nrequired = true\n{model}"), &[], &["auth.required", "auth.keys_env"]);
    refuses(&format!("[server]\nlisten = \"0.0.0.0:0\"\n{model}"), &[], &["without keys", "[auth] required = true"]);
    refuses(&model, &["--listen", "0.0.0.0:0"], &["without keys"]);
}

#[test]
fn a_configuration_without_models_is_refused() {
    refuses("[server]\n", &[], &["semroute.toml: models: there is none; add a [[models]] table"]);
}

#[test]
fn limits_that_let_nothing_through_are_refused() {
    let config = format!("[server]\nmax_in_flight = 0\n{}", model_at("a", &deserted_base_url(), 1.0, ""));
    refuses(&config, &[], &["server.max_in_flight: 0 would turn every request away"]);
}

#[test]
fn a_port_in_use_is_said_to_be() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve_command(&folder, &model_at("a", &deserted_base_url(), 1.0, ""));
    command.args(["--listen", &addr]);
    let output = failure_of(command);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(&format!("cannot listen on {addr}: the address is already in use; choose another")),
        "{said}"
    );
}

#[test]
fn a_missing_configuration_is_answered_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_semroute"));
    command.arg("serve").current_dir(&folder);
    let output = failure_of(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in ["semroute.toml: there is no such file", "--config", "semroute demo"] {
        assert!(said.contains(part), "should contain {part:?}: {said}");
    }
}

#[test]
fn a_store_that_cannot_be_is_refused_without_showing_its_address() {
    let model = model_at("a", &deserted_base_url(), 1.0, "");
    let store = |table: &str| format!("[store]\n{table}\n{model}");
    refuses(&store("url = \"mysql://u:hunter2@h/d\""), &[], &["semroute.toml: store.url: its scheme is not known"]);
    refuses(&store("url = \"semroute.db\""), &[], &["semroute.toml: store.url: it has no scheme", "sqlite://FILE"]);
    refuses(&store("url = \"sqlite://a.db\"\nkeep_days = 0"), &[], &["semroute.toml: store.keep_days: 0"]);
    refuses(&store("url = \"sqlite://a.db\"\nkeep = 1"), &[], &["store", "keep_days"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/a.db");
    let output = failure_of(serve_command(&folder, &store(&format!("url = \"sqlite://{}\"", path.display()))));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = format!("semroute.toml: store.url: cannot open {}: ", path.display());
    assert!(said.contains(&expected) && said.contains("check that it is there"), "{said}");
}

#[tokio::test]
async fn told_to_stop_it_finishes_its_stream_and_leaves_its_store_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let store = format!("[store]\nurl = \"sqlite://{}\"\n", path.display());
    let binary = Binary::serve(&(store + &model_at("m", upstream.base_url(), 1.0, "")), &[]);
    let client = semroute::gateway::loopback_client().unwrap();
    let body = serde_json::json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let request = client.post(format!("{}/v1/chat/completions", binary.url())).json(&body).send();
    let mut response = soon("an answer", request).await.unwrap();
    assert!(soon("the first chunk", response.chunk()).await.unwrap().is_some());
    let address = binary.url().trim_start_matches("http://").to_owned();
    let ended = tokio::task::spawn_blocking(|| binary.terminate());
    soon("new connections are refused", async { while tokio::net::TcpStream::connect(&address).await.is_ok() {} })
        .await;
    send(&sender, stop_event() + DONE);
    drop(sender);
    assert_eq!(soon("the stream ends", response.text()).await.unwrap(), stop_event() + DONE);
    assert_eq!(soon("it ends", ended).await.unwrap().code(), Some(0));
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(files, ["a.db"], "the write-ahead log is folded in");
    let config = StoreConfig::new(format!("sqlite://{}", path.display()));
    let rows = Store::open(&config).await.unwrap().recent(10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.outcome).collect::<Vec<_>>(), [Outcome::Answered]);
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let binary = Binary::serve(&model_at("a", &deserted_base_url(), 1.0, ""), &[]);
    let client = semroute::gateway::loopback_client().unwrap();
    let ready = client.get(format!("{}/health/ready", binary.url())).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(binary.terminate().code(), Some(0));
}
