//! Programs written against other people's clients, LangChain and OpenAI's package for Node, use the real binary once each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::binary::Binary;
use common::installation::{installed, or_skip, succeed, text_of};
use common::obliging_provider::obliging_provider;
use common::python::python;
use common::router::model_at;

/// Raised on purpose and with its changelog read.
const NODE_PACKAGE: &str = "openai@6.49.0";
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// The clients block a thread; the provider answers on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn langchain_finds_nothing_unusual() {
    let Some(python) = or_skip("LangChain", python()) else { return };
    let mut command = Command::new(python);
    // Wherever this machine sends its traces, these stay here.
    command
        .arg(format!("{CLIENTS}/langchain.py"))
        .envs([("LANGSMITH_TRACING", "false"), ("LANGCHAIN_TRACING_V2", "false")]);
    finds_nothing_unusual(command).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openai_package_for_node_finds_nothing_unusual() {
    let Some(program) = or_skip(&format!("{NODE_PACKAGE} for Node"), node_program()) else { return };
    let mut command = Command::new("node");
    command.arg(program);
    finds_nothing_unusual(command).await;
}

async fn finds_nothing_unusual(mut client: Command) {
    let upstream = obliging_provider().await;
    let binary = Binary::serve(&model_at("m", upstream.base_url(), 1.0, ""), &[]);
    let output = client.env("SEMROUTE_URL", binary.url()).output().unwrap();
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(text_of(&output).contains("all ok"));
}

/// The program beside the package that it imports, for Node looks for one only there and above.
fn node_program() -> Result<PathBuf, String> {
    let folder = installed("node-clients", NODE_PACKAGE, |folder| {
        succeed(Command::new("node").arg("--version"))?;
        let npm = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        succeed(Command::new("npm").args(npm).arg(folder).arg(NODE_PACKAGE))
    })?;
    let program = folder.join("openai_node.mjs");
    std::fs::copy(format!("{CLIENTS}/openai_node.mjs"), &program).map_err(|error| error.to_string())?;
    Ok(program)
}
