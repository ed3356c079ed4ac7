//! `semroute keys` through the real binary: what it prints, what it stores, how it exits, and that no secret stands anywhere but where it was
//! shown.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::binary::{serve_command, within_patience};
use common::postgres::Postgres;
use predicates::prelude::*;
use predicates::str::{contains, is_empty, starts_with};
use serde_json::Value;
use tempfile::TempDir;

const MODELS: &str = r#"
[auth]
required = true
[[auth.keys]]
name = "of-the-file"
key_env = "A_KEY"
[[providers]]
name = "p"
base_url = "http://127.0.0.1:9/v1"
[[models]]
name = "gpt-4o-mini"
provider = "p"
[[models]]
name = "claude"
provider = "p"
"#;

/// A folder with a configuration whose store is a file in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("semroute.db").display());
    std::fs::write(folder.path().join("semroute.toml"), format!("[store]\nurl = \"{url}\"\n{MODELS}")).unwrap();
    folder
}

fn keys(folder: &TempDir, args: &[&str]) -> Assert {
    Command::new(env!("CARGO_BIN_EXE_semroute")).current_dir(folder.path()).arg("keys").args(args).assert()
}

fn json_of(assert: Assert) -> Value {
    let output = assert.success().stderr(is_empty()).get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&output)))
}

#[test]
fn a_key_is_made_shown_once_listed_and_revoked() {
    let folder = folder();
    keys(&folder, &["list"]).success().stdout(contains("no keys yet"));
    assert_eq!(json_of(keys(&folder, &["list", "--json"])), Value::Array(Vec::new()));
    let made = keys(&folder, &["create", "--name", "alice"]).success().stdout(starts_with("sk-sr-"));
    let text = String::from_utf8(made.get_output().stdout.clone()).unwrap();
    let key = text.lines().next().unwrap();
    assert_eq!(key.len(), 57);
    assert!(key[6..].bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{key}");
    let (id, secret) = key[6..].split_once('-').unwrap();

    let all =
        ["--models", "gpt-4o-mini,semroute/builtin", "--strategies", "cheapest,cascade", "--endpoints", "/v1/models"];
    let limits =
        ["--rpm", "60", "--tpm", "100000", "--concurrent", "4", "--budget-usd-day", "1.5", "--budget-usd-month", "20"];
    let more = ["create", "--name", "team-b", "--expires", "2999-12-31T00:00:00Z", "--admin", "--json"];
    keys(&folder, &more).code(2).stderr(contains("more than a century away"));
    let more = ["create", "--name", "team-b", "--expires", "90d", "--admin", "--json"];
    let made = json_of(keys(&folder, &[&more[..], &all, &limits].concat()));
    assert!(made["key"].as_str().unwrap().starts_with(&format!("sk-sr-{}-", made["id"].as_str().unwrap())));
    let listed = json_of(keys(&folder, &["--json", "list"]));
    let mut without_key = made.clone();
    without_key.as_object_mut().unwrap().remove("key");
    let of_b = listed.as_array().unwrap().iter().find(|row| row["name"] == "team-b").unwrap();
    assert_eq!(*of_b, without_key);
    assert_eq!(
        (&of_b["admin"], &of_b["requests_per_minute"], &of_b["budget_usd_month"]),
        (&true.into(), &60.into(), &20.0.into())
    );
    assert_eq!(of_b["models"], serde_json::json!(["gpt-4o-mini", "semroute/builtin"]));

    let table = keys(&folder, &["list"])
        .success()
        .stdout(contains("alice").and(contains("team-b")).and(contains(secret).not()));
    let table = String::from_utf8(table.get_output().stdout.clone()).unwrap();
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");

    keys(&folder, &["revoke", id]).success().stdout(starts_with(format!("revoked alice ({id})")));
    keys(&folder, &["revoke", "alice"]).code(2).stderr(contains("was revoked already, at 20"));
    keys(&folder, &["create", "--name", "alice"]).success();
    assert_eq!(json_of(keys(&folder, &["revoke", "team-b", "--json"]))["state"], "revoked");
    let states: Vec<Value> = json_of(keys(&folder, &["list", "--json"]))
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].clone())
        .collect();
    assert_eq!(states, ["active", "revoked", "revoked"]);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_remedy_and_nothing_is_stored() {
    let folder = folder();
    let with =
        |more: &[&str]| keys(&folder, &[&["create", "--name", "a"][..], more].concat()).code(2).stdout(is_empty());
    for (more, expected) in [
        (
            &["--models", "gpt-4o-min"][..],
            "--models: \"gpt-4o-min\" is not a model; did you mean gpt-4o-mini? (there are: gpt-4o-mini, claude)",
        ),
        (&["--models", "x"], "--models: \"x\" is not a model (there are:"),
        (&["--models", ""], "--models: \"\" is not a model"),
        (&["--strategies", "cheap"], "did you mean cheapest?"),
        (&["--endpoints", "/v1/chat/completion"], "did you mean /v1/chat/completions?"),
        (&["--endpoints", "/health/live"], "--endpoints: \"/health/live\" is not an endpoint"),
        (&["--rpm", "0"], "--rpm: 0 would refuse every request"),
        (&["--rpm", "-1"], "unexpected argument"),
        (&["--rpm", "many"], "invalid value"),
        (&["--tpm", "0"], "--tpm: 0 would"),
        (&["--concurrent", "0"], "--concurrent: 0 would"),
        (&["--budget-usd-day", "0"], "--budget-usd-day: 0 is not a number of USD above 0"),
        (&["--budget-usd-month", "nan"], "--budget-usd-month: NaN is not"),
        (&["--expires", "yesterday"], "--expires \"yesterday\": expected a span such as 90d"),
        (&["--expires", "2020-01-01"], "is past already"),
        (&["--color", "red"], "unexpected argument"),
    ] {
        with(more).stderr(contains(expected));
    }
    for (name, expected) in [
        ("", "expected 1 to 64"),
        ("two words", "expected 1 to 64"),
        ("é", "expected 1 to 64"),
        (&*"n".repeat(65), "expected 1 to 64"),
        ("jwt:alice", "for the callers of tokens"),
        ("of-the-file", "is the name of an [[auth.keys]] entry"),
    ] {
        keys(&folder, &["create", "--name", name]).code(2).stderr(contains(expected));
    }
    keys(&folder, &["create"]).code(2).stderr(contains("--name"));
    assert_eq!(json_of(keys(&folder, &["list", "--json"])), Value::Array(Vec::new()));

    keys(&folder, &["create", "--name", "alice"]).success();
    keys(&folder, &["create", "--name", "alice"]).code(2).stderr(contains("there is a key of this name"));
    keys(&folder, &["revoke", "alic"]).code(2).stderr(contains("did you mean alice?"));
    keys(&folder, &["revoke", "sk-sr-aaaaaaaaaa-bbbb"])
        .code(2)
        .stderr(contains("the text of a key").and(contains("bbbb").not()));
    keys(&folder, &["revoke"]).code(2);
}

#[test]
fn without_a_store_it_says_where_keys_live() {
    let folder = tempfile::tempdir().unwrap();
    keys(&folder, &["list"]).code(2).stderr(contains("there is no semroute.toml here; name one with --config"));
    std::fs::write(folder.path().join("semroute.toml"), MODELS).unwrap();
    keys(&folder, &["list"]).code(2).stderr(contains("semroute.toml: store: keys live in a store, and there is none"));
    keys(&folder, &["list", "--config", "nothing.toml"]).code(2).stderr(contains("nothing.toml"));
}

/// Whether any file of the folder holds these bytes.
fn stands_in(folder: &Path, needle: &str) -> bool {
    let holds =
        |path: &Path| std::fs::read(path).unwrap().windows(needle.len()).any(|bytes| bytes == needle.as_bytes());
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| path.is_file() && holds(&path))
}

#[test]
fn no_secret_stands_in_the_store_the_log_or_the_list() {
    let folder = folder();
    keys(&folder, &["--log", "trace", "create", "--name", "alice", "--json"]).success();
    keys(&folder, &["revoke", "alice"]).success();
    let made = keys(&folder, &["--log", "trace", "create", "--name", "alice", "--json"]).success();
    let row: Value = serde_json::from_slice(&made.get_output().stdout).unwrap();
    let key = row["key"].as_str().unwrap().to_owned();
    let secret = key[17..].to_owned();
    assert!(!String::from_utf8_lossy(&made.get_output().stderr).contains(&secret));

    // The real server with everything that it would ever log.
    let config = std::fs::read_to_string(folder.path().join("semroute.toml")).unwrap();
    let mut command = serve_command(&folder, &config);
    command.args(["--listen", "127.0.0.1:0", "--log", "trace"]).env("A_KEY", "key-of-the-file");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let log = std::thread::spawn(move || {
        let mut log = Vec::new();
        stderr.read_to_end(&mut log).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    });
    let url = within_patience("the address is printed", move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        line.trim_end().strip_prefix("semroute listens on ").unwrap().to_owned()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = semroute::gateway::loopback_client().unwrap();
    let status = |key: String| {
        let sending = client.get(format!("{url}/v1/models")).bearer_auth(key).send();
        runtime.block_on(sending).unwrap().status().as_u16()
    };
    assert_eq!(status(key.clone()), 200);
    assert_eq!(status(format!("{key}a")), 401);
    // By the real command, and without a restart.
    keys(&folder, &["revoke", "alice"]).success();
    within_patience_poll(|| status(key.clone()) == 401);
    let stopped = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success() && child.wait().unwrap().success());

    let log = log.join().unwrap();
    assert!(log.contains("keys were read from the store"), "the log was read: {log}");
    let list = keys(&folder, &["list", "--json"]).success().get_output().stdout.clone();
    assert!(!log.contains(&secret) && !String::from_utf8_lossy(&list).contains(&secret));
    assert!(stands_in(folder.path(), &key[6..16]), "the public id is there, so the store was read");
    assert!(!stands_in(folder.path(), &secret));
}

fn within_patience_poll(is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < common::PATIENCE, "the key is refused");
    }
}

#[test]
fn postgres_holds_keys_the_same_way() {
    let Some(postgres) = Postgres::start("semroute keys with Postgres") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = format!("[store]\nurl = \"{}\"\n{MODELS}", postgres.url());
    std::fs::write(folder.path().join("semroute.toml"), config).unwrap();
    let made = json_of(keys(&folder, &["create", "--name", "alice", "--rpm", "5", "--models", "claude", "--json"]));
    keys(&folder, &["create", "--name", "alice"]).code(2).stderr(contains("there is a key of this name"));
    let listed = json_of(keys(&folder, &["list", "--json"]));
    assert_eq!((&listed[0]["id"], &listed[0]["requests_per_minute"]), (&made["id"], &5.into()));
    assert_eq!(listed[0]["models"], serde_json::json!(["claude"]));
    keys(&folder, &["revoke", "alice"]).success();
    keys(&folder, &["create", "--name", "alice"]).success();
}
