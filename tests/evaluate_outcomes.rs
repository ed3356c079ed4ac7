//! `semroute evaluate` on outcome rows, paraphrases and a configuration, through the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use predicates::str::contains;
use serde_json::{Value, json};
use tempfile::TempDir;

fn semroute() -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("semroute");
    command.arg("evaluate");
    command
}

fn json_of(command: &mut Command) -> Value {
    let output = command.args(["--json", "-"]).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("standard output is JSON and nothing else")
}

/// Greetings that both models answer, proofs that only the large one does.
fn outcomes(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("outcomes.jsonl");
    let mut lines = Vec::new();
    for number in 0..30 {
        for (prompt, small) in [
            (format!("hello there, how was day {number} for you"), 1.0),
            (format!("prove rigorously that every group of order {number} squared is abelian"), 0.0),
        ] {
            lines.push(
                json!({
                    "prompt": prompt,
                    "scores": {"large": 1.0, "small": small},
                    "cost_usd": {"large": 0.01, "small": 0.001},
                })
                .to_string(),
            );
        }
    }
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn a_trained_router_beats_random_on_what_it_has_not_seen() {
    let folder = TempDir::new().unwrap();
    let path = outcomes(&folder);
    let report = json_of(semroute().arg("--outcomes").arg(&path).args(["--holdout", "0.4"]));
    let two = &report["outcomes"]["two_model"];
    assert_eq!((two["strong"].as_str(), two["weak"].as_str()), (Some("large"), Some("small")));
    assert_eq!(two["score"], "predicted_quality");
    assert_eq!(two["rows"], 24);
    assert!(two["router"]["apgr"].as_f64().unwrap() > 0.6, "{}", two["router"]["apgr"]);
    let names: Vec<&str> =
        two["baselines"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["random", "prompt length", "best single", "always strong", "always weak", "oracle"]);
    assert_eq!(two["baselines"][0]["apgr"], 0.5);

    let many = &report["outcomes"]["many_model"];
    let aiq = |name: &str| many[name]["aiq"].as_f64().unwrap();
    assert!(aiq("router") > aiq("zero_router") && aiq("oracle") >= aiq("router"));
    assert_eq!(many["router"]["points"].as_array().unwrap().len(), 201);
    assert_eq!(many["single_models"][0]["name"], "large");
    let calibrated: Vec<&str> = report["outcomes"]["predicted_quality"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["model"].as_str().unwrap())
        .collect();
    assert_eq!(calibrated, ["large", "small"]);
}

#[test]
fn a_router_without_these_models_says_so() {
    let folder = TempDir::new().unwrap();
    semroute()
        .arg("--outcomes")
        .arg(outcomes(&folder))
        .assert()
        .success()
        .stdout(contains("warning: outcomes: the router has no outcomes of both large and small"))
        .stdout(contains("zero router"))
        .stdout(contains("best single: large"))
        .stdout(contains("prompts ranked by complexity"));
}

#[test]
fn a_model_that_is_not_in_the_file_is_named() {
    let folder = TempDir::new().unwrap();
    let path = outcomes(&folder);
    semroute()
        .arg("--outcomes")
        .arg(&path)
        .args(["--strong", "huge", "--weak", "small"])
        .assert()
        .code(2)
        .stderr(contains("--strong huge: no row has a score of it; the files have large, small"));
    semroute().arg("--outcomes").arg(&path).args(["--strong", "large", "--weak", "large"]).assert().code(2);
    fs::write(&path, "{\"prompt\": \"x\", \"scores\": {\"a\": 2}}\n").unwrap();
    let place = format!("{}:1: \"scores.a\" must be a number between 0 and 1", path.display());
    semroute().arg("--outcomes").arg(&path).assert().code(2).stderr(contains(place.as_str()));
}

#[test]
fn paraphrases_and_chosen_models_are_counted() {
    let folder = TempDir::new().unwrap();
    let pairs = folder.path().join("pairs.jsonl");
    let lines = [
        json!({"prompt": "hi there", "paraphrase": "hi there"}),
        json!({
            "prompt": "translate into french: good morning",
            "paraphrase": "prove that the square root of two is irrational, with every step",
        }),
    ];
    fs::write(&pairs, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let config = folder.path().join("semroute.toml");
    fs::write(
        &config,
        r#"
[[providers]]
name = "local"
kind = "openai"
base_url = "http://127.0.0.1:9/v1"

[[models]]
name = "large"
provider = "local"
input_usd_per_mtok = 5.0
output_usd_per_mtok = 15.0
quality = { default = 0.9 }

[[models]]
name = "small"
provider = "local"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
quality = { default = 0.6 }
"#,
    )
    .unwrap();
    let report = json_of(
        semroute().arg("--pairs").arg(&pairs).arg("--outcomes").arg(outcomes(&folder)).arg("--config").arg(&config),
    );
    assert_eq!(report["pairs"]["pairs"], 2);
    assert_eq!(report["pairs"]["task_flip_rate"], 0.5, "the same words never flip, other words do");
    let flips = report["pairs"]["model_flip_rate"].as_f64().unwrap();
    assert_eq!(report["pairs"]["robustness"].as_f64(), Some(1.0 - flips));
    let chosen = &report["chosen_models"];
    assert_eq!(chosen["prompts"], 60);
    let counted: u64 =
        chosen["models"].as_array().unwrap().iter().map(|model| model["prompts"].as_u64().unwrap()).sum();
    assert_eq!(counted, 60);
    assert!(chosen["mean_expected_cost_usd"].as_f64().unwrap() > 0.0);
    let configured = &report["outcomes"]["many_model"]["configured"];
    assert_eq!(configured["name"], "configured (balanced)");
    assert!((0.001..=0.01).contains(&configured["cost_usd"].as_f64().unwrap()));
}
