//! `semroute route "PROMPT"`, through the real binary: what is printed, what is refused, and with which exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, MODELS, keys_of};
use serde_json::Value;

/// The interface: DESIGN's fields in DESIGN's order.
const FIELDS: [&str; 17] = [
    "id",
    "task",
    "task_confidence",
    "task_scores",
    "complexity",
    "complexity_score",
    "known",
    "novelty",
    "truncated",
    "tier",
    "artifact",
    "predicted_quality",
    "model",
    "chain",
    "strategy",
    "reason",
    "estimated_cost_usd",
];

fn with_models() -> Folder {
    let folder = Folder::new();
    folder.write("models.toml", MODELS);
    folder
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let output = folder.output_of(arguments);
    assert_eq!(output.matches('\n').count(), 1, "one row on one line and nothing else: {output}");
    serde_json::from_str(&output).unwrap()
}

#[test]
fn a_json_row_has_every_field_in_order() {
    let folder = with_models();
    let row = json(&folder, &["route", "What is the capital of Peru?", "--json", "--config", "models.toml"]);
    assert_eq!(keys_of(&row), FIELDS);
    assert_eq!(row["task"], "simple_qa");
    assert_eq!(row["known"], true);
    assert_eq!(row["truncated"], false);
    assert_eq!(row["tier"], "builtin");
    assert_eq!(row["strategy"], "balanced");
    for share in ["task_confidence", "complexity_score", "novelty"] {
        assert!(row[share].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)), "{share}: {row}");
    }
    let scores = row["task_scores"].as_object().unwrap();
    assert_eq!(scores.len(), 14);
    let sum: f64 = scores.values().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    let best = scores.values().map(|p| p.as_f64().unwrap()).fold(0.0, f64::max);
    assert!(row["task_confidence"].as_f64() == Some(best) && scores["simple_qa"].as_f64() == Some(best), "{row}");
    let qualities = row["predicted_quality"].as_object().unwrap();
    assert_eq!(qualities.keys().collect::<Vec<_>>(), ["large", "medium", "small", "unpriced"]);
    assert_eq!(row["chain"][0], row["model"]);
    assert!(row["estimated_cost_usd"].as_f64().is_some_and(|usd| usd > 0.0 && usd < 0.1), "{row}");
    assert!(row["reason"].as_str().unwrap().contains(row["model"].as_str().unwrap()), "{row}");
}

#[test]
fn without_models_the_prompt_is_classified_and_no_model_is_named() {
    let folder = Folder::new();
    let row = json(&folder, &["route", "What is the capital of Peru?", "--json"]);
    assert_eq!(keys_of(&row), FIELDS);
    assert_eq!(
        (&row["model"], &row["strategy"], &row["estimated_cost_usd"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(row["chain"], serde_json::json!([]));
    assert!(row["reason"].as_str().unwrap().contains("--config"), "{row}");
}

#[test]
fn the_configuration_of_the_current_folder_is_read() {
    let folder = Folder::new();
    folder.write("semroute.toml", MODELS);
    assert!(json(&folder, &["route", "Hello there", "--json"])["model"].is_string());
    folder.write("semroute.toml", MODELS.replace("name = \"large\"", "name = \"small\""));
    folder.expect_refusal(&["route", "Hello there"], &["semroute.toml", "models[2].name", "\"small\""]);
}

#[test]
fn the_human_form_says_what_was_read_and_what_is_chosen() {
    let folder = with_models();
    let text = folder.output_of(&["route", "What is the capital of Peru?", "--config", "models.toml"]);
    let starts: Vec<&str> = text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(starts, ["task", "complexity", "known", "model", "because"], "{text}");
    assert!(text.contains("simple_qa") && text.contains(" -> "), "{text}");
    assert!(serde_json::from_str::<Value>(&text).is_err());
}

#[test]
fn an_explanation_adds_scores_neighbours_and_models() {
    let folder = with_models();
    let short = folder.output_of(&["route", "Translate good morning into French", "--config", "models.toml"]);
    let long =
        folder.output_of(&["route", "Translate good morning into French", "--config", "models.toml", "--explain"]);
    assert!(long.starts_with(&short), "{long}");
    for part in [
        "score  confidence",
        "before calibration",
        "what made it translation and not ",
        "\"translate\"",
        "what the text means, by builtin",
        "novelty ",
        "nearest labelled prompts",
        "models in the order of trial",
        "price unknown",
    ] {
        assert!(long.contains(part), "no {part:?} in {long}");
    }
    for model in ["small", "medium", "large", "unpriced"] {
        assert!(long.contains(&format!(" {model} (")), "{model} is not explained: {long}");
    }
    let row = json(&folder, &["route", "Translate good morning into French", "--explain", "--json"]);
    assert_eq!(keys_of(&row), FIELDS, "--json stays one row");
}

#[test]
fn what_was_never_seen_is_routed_upward() {
    let folder = with_models();
    let unseen = "\u{16a0}\u{16a2}\u{16a6}\u{16a8}\u{16b1}\u{16b2}";
    let row = json(&folder, &["route", unseen, "--json", "--config", "models.toml"]);
    assert_eq!(row["known"], false, "{row}");
    assert_eq!(row["model"], "large");
    assert!(row["reason"].as_str().unwrap().contains("routed upward"), "{row}");
}

#[test]
fn the_same_prompt_is_decided_the_same_way() {
    let folder = with_models();
    let arguments = ["route", "Prove that the square root of 2 is irrational", "--json", "--config", "models.toml"];
    let (mut first, mut second) = (json(&folder, &arguments), json(&folder, &arguments));
    assert_ne!(first["id"].take(), second["id"].take(), "ids are unique");
    assert_eq!(first, second);
}

#[test]
fn wrong_use_is_refused_by_name() {
    let folder = with_models();
    folder.write("rows.jsonl", "{\"id\": 1, \"prompt\": \"hi\"}\n");
    let cases: [(&[&str], &[&str]); 9] = [
        (&["route"], &["PROMPT", "--input"]),
        (&["route", ""], &["PROMPT is empty"]),
        (&["route", " \n\t"], &["PROMPT is empty"]),
        (&["route", "hi", "--frobnicate"], &["--frobnicate"]),
        (&["route", "hi", "--input", "rows.jsonl"], &["--input"]),
        (&["route", "hi", "--output", "out.jsonl"], &["--input"]),
        (&["route", "--input", "rows.jsonl", "--explain"], &["--explain"]),
        (&["route", "hi", "--config", "absent.toml"], &["absent.toml", "No such file"]),
        (&["route", "hi", "--router", "absent"], &["absent/router.json", "No such file"]),
    ];
    for (arguments, expected) in cases {
        folder.expect_refusal(arguments, expected);
    }
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let folder = with_models();
    for arguments in [&["route", "hi"][..], &["route", "hi", "--json"], &["route", "hi", "--explain"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_semroute"));
        command.current_dir(folder.path("")).args(arguments).stdout(writer).stderr(std::process::Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && message.is_empty(), "{arguments:?}: {} {message}", output.status);
    }
}
