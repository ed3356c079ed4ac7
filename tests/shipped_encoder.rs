//! The encoder that ships inside the binary, in builds that carry it and in builds that do not: the built-in artifact works in both, and says which it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, root, rows_of};
use semroute::commands::parts;
use semroute::embedder::{BUILTIN, BUILTIN_ENCODER, has_builtin_encoder};
use semroute::routing::Brain;
use serde_json::{Value, json};

/// How far from its card the cascade's accuracy may be on another kind of processor: the encoder's numbers differ there in their last digits, and five of 522 prompts lie
/// between two labels.
const MOST_OFF: f64 = 0.01;

/// Prompts that nothing was trained on.
fn held_out() -> Vec<Value> {
    let files = ["field.jsonl", "street.jsonl"].into_iter();
    files.flat_map(|file| rows_of(&std::fs::read(root().join("data/heldout").join(file)).unwrap())).collect()
}

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

/// The accuracy that the card of `models/router` tells in the row of this name.
fn on_the_card(row: &str) -> f64 {
    let card = std::fs::read_to_string(root().join("models/router/README.md")).unwrap();
    let cells = card.lines().find_map(|line| line.strip_prefix(&format!("| {row} | "))).unwrap();
    cells.split(" | ").next().unwrap().parse().unwrap()
}

/// The first tier computes the same bits on every processor, so that its figure is the card's or the artifact no longer fits the code.
#[test]
fn both_tiers_find_as_many_tasks_of_held_out_prompts_as_their_card_says() {
    let rows = held_out();
    let prompts: Vec<&str> = rows.iter().map(|row| row["prompt"].as_str().unwrap()).collect();
    let accuracy = |brain: &Brain| {
        let said = brain.classify_many(&prompts, &|_| {}).unwrap();
        let right = said
            .iter()
            .zip(&rows)
            .filter(|(said, row)| row["task"] == brain.task_labels()[said.classification.task.best()].as_str());
        right.count() as f64 / rows.len() as f64
    };
    let first = accuracy(&parts::open_brain_with(BUILTIN, BUILTIN, None).unwrap());
    assert!((first - on_the_card("task, first tier alone")).abs() < 0.0006, "{first}");
    let brain = parts::open_brain(BUILTIN).unwrap();
    if brain.classifier().second.is_some() {
        let cascade = accuracy(&brain);
        assert!((cascade - on_the_card("task")).abs() < MOST_OFF, "{cascade}");
        assert!(cascade > first, "{cascade} after {first}");
    }
}

/// Who trains on outcomes alone keeps what the built-in artifact knows of tasks, both tiers of it, and carries no copy of the encoder.
#[test]
fn outcomes_alone_inherit_as_many_tiers_as_the_build_has() {
    let folder = Folder::new();
    let rows = held_out();
    let outcomes: Vec<Value> = rows
        .iter()
        .step_by(9)
        .enumerate()
        .map(|(at, row)| json!({"id": at, "prompt": row["prompt"], "scores": {"small": f64::from(at % 3 == 0), "large": 1.0}}))
        .collect();
    folder.write_rows("outcomes.jsonl", &outcomes);
    folder.output_of(&["train", "--outcomes", "outcomes.jsonl", "--out", "mine"]);
    let names: Vec<Value> = folder.read_json("mine/router.json")["embedders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["name"].clone())
        .collect();
    let builtin = parts::open_brain(BUILTIN).unwrap();
    assert_eq!(names, [BUILTIN, BUILTIN_ENCODER][..builtin.embedders().len()]);
    assert!(!folder.path("mine/encoder").exists());

    let mine = parts::open_brain(folder.path("mine").to_str().unwrap()).unwrap();
    let prompts: Vec<&str> = rows.iter().step_by(5).map(|row| row["prompt"].as_str().unwrap()).collect();
    let said = |brain: &Brain| -> Vec<(Vec<f64>, bool)> {
        let said = brain.classify_many(&prompts, &|_| {}).unwrap();
        said.into_iter().map(|said| (said.classification.task.probabilities, said.by_second_tier)).collect()
    };
    assert_eq!(said(&mine), said(&builtin));
}
