//! The real `openai` Python package against the real binary. The package is installed once, into the build folder; where that
//! cannot be done the test says so loudly, and fails in CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::binary::Binary;
use common::router::model_at;
use common::upstream::{Piece, Reply, Upstream};
use common::{DONE, completion, stop_event, word};
use serde_json::json;
use tokio::sync::mpsc;

/// Raised on purpose and with its changelog read.
const PACKAGE: &str = "openai==3.52.0";

/// The client blocks its thread; the provider answers on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openai_package_finds_nothing_unusual() {
    let python = match python_with_openai() {
        Ok(python) => python,
        Err(reason) if std::env::var_os("CI").is_some() => panic!("cannot install {PACKAGE}: {reason}"),
        Err(reason) => {
            // Not `println!`: that is only shown for tests that fail.
            writeln!(
                std::io::stderr(),
                "SKIPPED: the OpenAI SDK was NOT tested, because {PACKAGE} cannot be installed: {reason}"
            )
            .unwrap();
            return;
        }
    };
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

/// The interpreter of a virtual environment that has the package.
fn python_with_openai() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
    let python = folder.join("bin/python");
    let installed = folder.join("installed");
    if !installed.is_file() {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
        succeed(Command::new(&python).args(pip))?;
        // Written last: an installation that was interrupted is made anew.
        std::fs::write(&installed, PACKAGE).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(text_of(&output)) }
}

fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
