//! `semroute demo` as a newcomer sees it: easy prompts go to the small model and hard ones to the large, whatever their length.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::binary::within_patience;

#[test]
fn easy_and_hard_prompts_go_to_different_models_and_it_keeps_serving() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_semroute"));
    let mut child = command.args(["demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let pid = child.id().to_string();
    // It is told to stop once it has shown everything; until then its output is read.
    let (lines, status) = within_patience("the demo shows its rows and ends when told to", move || {
        let mut lines = Vec::new();
        for line in stdout.lines() {
            lines.push(line.unwrap());
            if lines.last().is_some_and(|line| line.contains("print(answer.model")) {
                assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            }
        }
        (lines, child.wait().unwrap())
    });
    assert_eq!(status.code(), Some(0));
    let rows = |kind: &str| lines.iter().filter(|line| line.starts_with(kind)).cloned().collect::<Vec<_>>();
    for (kind, model) in [
        ("easy, short", "sim-small"),
        ("easy, long", "sim-small"),
        ("hard, short", "sim-large"),
        ("hard, long", "sim-large"),
    ] {
        let rows = rows(kind);
        assert!(!rows.is_empty(), "no row of {kind}: {lines:#?}");
        assert!(rows.iter().all(|row| row.contains(model)), "{kind} should go to {model}: {rows:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("curl -N http://127.0.0.1:")), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("This is a simulated answer from sim-")),
        "the stream is shown: {lines:#?}"
    );
}
