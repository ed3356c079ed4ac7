//! The real `openai` Python package against the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::process::Command;

use common::binary::Binary;
use common::installation::{or_skip, text_of};
use common::python::python;
use common::router::model_at;
use common::upstream::{Piece, Reply, Upstream};
use common::{DONE, completion, stop_event, word};
use serde_json::json;
use tokio::sync::mpsc;

/// The client blocks its thread; the provider answers on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openai_package_finds_nothing_unusual() {
    let Some(python) = or_skip("the OpenAI SDK", python()) else { return };
    let upstream = Upstream::start(|received| match received.json()["model"].as_str().unwrap() {
        "upstream-streaming" => stream([word("one "), word("two "), word("three"), stop_event(), DONE.into()]),
        // Without its last chunk it was cut off.
        "upstream-breaking" => stream([word("one ")]),
        "upstream-limited" => Reply::Raw { status: 429, headers: vec![("retry-after", "9".into())], body: Vec::new() },
        "upstream-failing" => Reply::Json(500, json!({})),
        "upstream-refusing" => {
            Reply::Json(422, json!({"error": {"message": "no", "type": "x", "param": null, "code": null}}))
        }
        _ => Reply::Json(200, completion("Hello yourself")),
    })
    .await;
    let config = config(upstream.base_url());
    let binary = Binary::serve(&config, &[("SDK_KEYS", "sdk-key")]);
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openai_sdk/client.py");
    let output = Command::new(python)
        .arg(client)
        .env("SEMROUTE_BASE_URL", format!("{}/v1", binary.url()))
        .env("SEMROUTE_KEY", "sdk-key")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(text_of(&output).contains("all ok"));
    assert_eq!(binary.terminate().code(), Some(0), "SIGTERM ends it well");
}

fn config(base_url: &str) -> String {
    let good = model_at("good", base_url, 1.0, "").replace("good-provider", "provider");
    let others = ["streaming", "breaking", "limited", "failing", "refusing"].map(|name| {
        format!("[[models]]\nname = \"{name}\"\nprovider = \"provider\"\nupstream_name = \"upstream-{name}\"\nquality = {{ default = 0.1 }}\n")
    });
    format!(
        "[router]\nstrategy = \"cheapest\"\n[auth]\nrequired = true\nkeys_env = \"SDK_KEYS\"\n{good}{}",
        others.concat()
    )
}

fn stream(events: impl IntoIterator<Item = String>) -> Reply {
    let (sender, receiver) = mpsc::unbounded_channel();
    events.into_iter().map(Piece::Bytes).for_each(|piece| sender.send(piece).unwrap());
    Reply::Stream(receiver)
}
