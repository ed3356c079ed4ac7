//! Every conversation of `tests/fixtures/conversations`, with an agent's harness around it and without, goes through the real router: the
//! same task, the same complexity.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::fs;
use std::path::Path;

use semroute::chat::ChatRequest;
use semroute::commands::parts;
use semroute::embedder::BUILTIN;
use serde_json::Value;

#[tokio::test]
async fn a_harness_changes_neither_task_nor_complexity() {
    let router = parts::build_router_without_models(BUILTIN).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conversations");
    let mut pairs = 0;
    let mut moved = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for pair in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
            let mut said = Vec::new();
            for side in ["plain", "harnessed"] {
                let request = ChatRequest::from_messages(&pair[side]).unwrap();
                let signals = router.read(&request).await.unwrap();
                said.push((signals.task, signals.complexity));
            }
            pairs += 1;
            if said[0] != said[1] {
                moved.push(format!("{}: {:?} became {:?}", pair["name"], said[0], said[1]));
            }
        }
    }
    assert!(pairs >= 40, "only {pairs} pairs");
    assert!(moved.is_empty(), "{} of {pairs} pairs route differently:\n{}", moved.len(), moved.join("\n"));
}
