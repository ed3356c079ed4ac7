//! The encoder that ships inside the binary, in builds that carry it and in builds that do not: the built-in artifact works in both, and says which it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, root, rows_of};
use semroute::commands::parts;
use semroute::embedder::{BUILTIN, has_builtin_encoder};
use semroute::routing::Brain;
use serde_json::Value;

/// What the second tier adds to the share of held-out prompts whose task is found, at the least.
const LEAST_GAIN: f64 = 0.01;

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

/// On prompts that nothing was trained on. The first tier's figures are promised byte by byte elsewhere; the second's differ from processor to processor in their
/// last digits, so that what is promised of it is a bound.
#[test]
fn the_second_tier_is_better_on_the_prompts_that_were_held_out() {
    let brain = parts::open_brain(BUILTIN).unwrap();
    if brain.classifier().second.is_none() {
        return;
    }
    let rows: Vec<Value> = ["field.jsonl", "street.jsonl"]
        .into_iter()
        .flat_map(|file| rows_of(&std::fs::read(root().join("data/heldout").join(file)).unwrap()))
        .collect();
    let prompts: Vec<&str> = rows.iter().map(|row| row["prompt"].as_str().unwrap()).collect();
    let accuracy = |brain: &Brain| {
        let said = brain.classify_many(&prompts, &|_| {}).unwrap();
        let right = said
            .iter()
            .zip(&rows)
            .filter(|(said, row)| row["task"] == brain.task_labels()[said.classification.task.best()].as_str());
        (right.count() as f64 / rows.len() as f64, said.iter().filter(|said| said.by_second_tier).count())
    };
    let (first, _) = accuracy(&parts::open_brain_with(BUILTIN, BUILTIN, None).unwrap());
    let (cascade, asked) = accuracy(&brain);
    println!(
        "task accuracy on {} prompts: first tier {first:.3}; cascade {cascade:.3}, second tier asked {asked} times",
        rows.len()
    );
    assert!(cascade >= first + LEAST_GAIN, "{cascade} after {first}");
}
