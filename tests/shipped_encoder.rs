//! The encoder that ships inside the binary, in builds that carry it and in builds that do not: the built-in artifact works in both, and says which it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, root};
use semroute::commands::parts;
use semroute::embedder::{BUILTIN, has_builtin_encoder};
use serde_json::Value;

fn manifest() -> Value {
    serde_json::from_slice(&std::fs::read(root().join("models/router/router.json")).unwrap()).unwrap()
}

#[test]
fn the_built_in_artifact_has_as_many_tiers_as_the_build() {
    assert_eq!(has_builtin_encoder(), cfg!(feature = "encoder"));
    let brain = parts::open_brain(BUILTIN).unwrap();
    let tiers = if has_builtin_encoder() { manifest()["embedders"].as_array().unwrap().len() } else { 1 };
    assert_eq!(brain.embedders().len(), tiers);
    assert_eq!(brain.classifier().second.is_some(), tiers == 2);
    let folder = Folder::new();
    let listed = folder.output_of(&["models", "list"]);
    assert_eq!(listed.lines().filter(|line| line.ends_with("inside the binary")).count(), tiers, "{listed}");
    // Whatever the build, a prompt is routed, and the first tier alone can be had.
    let row: Value =
        serde_json::from_str(&folder.output_of(&["route", "Fix the bug in this loop.", "--json"])).unwrap();
    assert_eq!(row["task_scores"].as_object().unwrap().len(), brain.task_labels().len(), "{row}");
    assert_eq!(parts::open_brain_with(BUILTIN, BUILTIN, None).unwrap().embedders().len(), 1);
}
