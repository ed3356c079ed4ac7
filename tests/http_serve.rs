//! `semroute serve` as a process: what it says when it cannot start, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::binary::{Binary, failure_of, serve_command};
use common::deserted_base_url;
use common::router::model_at;

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

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let binary = Binary::serve(&model_at("a", &deserted_base_url(), 1.0, ""), &[]);
    let client = semroute::gateway::loopback_client().unwrap();
    let ready = client.get(format!("{}/health/ready", binary.url())).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(binary.terminate().code(), Some(0));
}
