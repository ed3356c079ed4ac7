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

/// The two models with prices, and qualities that do not depend on the prompt.
fn config(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("semroute.toml");
    fs::write(
        &path,
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
    let ends = |interval: &Value| (interval[0].as_f64().unwrap(), interval[1].as_f64().unwrap());
    for figure in ["apgr", "cpt50", "cpt80", "apgr_above_prompt_length"] {
        let (low, high) = ends(&two["router"][format!("{figure}_interval")]);
        let estimate = two["router"][figure].as_f64().unwrap();
        assert!(low <= estimate && estimate <= high, "{figure}: {estimate} beside {low} to {high}");
    }

    let many = &report["outcomes"]["many_model"];
    let aiq = |name: &str| many[name]["aiq"].as_f64().unwrap();
    assert!(aiq("router") > aiq("zero_router") && aiq("oracle") >= aiq("router"));
    assert_eq!(many["router"]["points"].as_array().unwrap().len(), 201);
    for (interval, estimate) in [
        (&many["router"]["aiq_interval"], &many["router"]["aiq"]),
        (&many["aiq_above_zero_router_interval"], &many["aiq_above_zero_router"]),
        (&many["single_models"][1]["quality_interval"], &many["single_models"][1]["quality"]),
    ] {
        let ((low, high), estimate) = (ends(interval), estimate.as_f64().unwrap());
        assert!(low <= estimate && estimate <= high, "{estimate} beside {low} to {high}");
    }
    let again = json_of(semroute().arg("--outcomes").arg(&path).args(["--holdout", "0.4"]));
    assert_eq!(report["outcomes"], again["outcomes"], "the same rows have the same intervals");
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
    let config = config(&folder);
    let report = json_of(
        semroute().arg("--pairs").arg(&pairs).arg("--outcomes").arg(outcomes(&folder)).arg("--config").arg(&config),
    );
    assert_eq!(report["pairs"]["pairs"], 2);
    assert_eq!(report["pairs"]["task_flip_rate"], 0.5, "the same words never flip, other words do");
    let flips = report["pairs"]["model_flip_rate"].as_f64().unwrap();
    assert_eq!(report["pairs"]["robustness"].as_f64(), Some(1.0 - flips));
    assert_eq!(report["pairs"]["chosen_by"], "strategy balanced");
    let chosen = &report["chosen_models"];
    assert_eq!(chosen["prompts"], 60);
    let counted: u64 =
        chosen["models"].as_array().unwrap().iter().map(|model| model["prompts"].as_u64().unwrap()).sum();
    assert_eq!(counted, 60);
    assert!(chosen["mean_expected_cost_usd"].as_f64().unwrap() > 0.0);
    let configured = &report["outcomes"]["many_model"]["configured"];
    assert_eq!(configured["name"], "configured (balanced)");
    let cost_usd = configured["cost_usd"].as_f64().unwrap();
    assert!((0.001..=0.01).contains(&cost_usd));
    let interval = &configured["cost_usd_interval"];
    assert!(interval[0].as_f64().unwrap() <= cost_usd && cost_usd <= interval[1].as_f64().unwrap(), "{interval}");
}

/// `choice_flip_rate` of every kind of change.
fn choice_flips(report: &Value) -> Vec<Option<f64>> {
    report["robustness"]["flips"].as_array().unwrap().iter().map(|flips| flips["choice_flip_rate"].as_f64()).collect()
}

#[test]
fn robustness_of_the_choice_follows_the_strategy() {
    let folder = TempDir::new().unwrap();
    let path = outcomes(&folder);
    let balanced = json_of(semroute().arg("--outcomes").arg(&path).arg("--config").arg(config(&folder)));
    let flips: Vec<f64> = choice_flips(&balanced).into_iter().map(Option::unwrap).collect();
    assert_eq!(flips.len(), 6);
    let mean = flips.iter().sum::<f64>() / 6.0;
    let robustness = balanced["robustness"]["robustness"].as_f64().unwrap();
    assert!((robustness - (1.0 - mean)).abs() < 1e-12, "{robustness} beside {flips:?}");
    assert_eq!(balanced["robustness"]["chosen_by"], "strategy balanced");

    // The cheapest model stays the cheapest, whatever a prompt looks like.
    let cheapest = folder.path().join("cheapest.toml");
    let text = fs::read_to_string(config(&folder)).unwrap();
    fs::write(&cheapest, format!("[router]\nstrategy = \"cheapest\"\n{text}")).unwrap();
    let html = folder.path().join("report.html");
    let report =
        json_of(semroute().arg("--outcomes").arg(&path).arg("--config").arg(&cheapest).arg("--html").arg(&html));
    assert_eq!(choice_flips(&report), [Some(0.0); 6]);
    assert_eq!(report["robustness"]["robustness"], 1.0);
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("the chosen model (strategy cheapest) changes in 0.0% of all changed prompts"));
    assert!(page.contains("aria-label=\"Cost and quality") && page.contains("aria-label=\"Quality and share of"));
}

#[test]
fn without_a_configuration_the_artifact_chooses_by_the_outcomes_it_learnt() {
    let folder = TempDir::new().unwrap();
    let path = outcomes(&folder);
    let bare = json_of(semroute().arg("--outcomes").arg(&path));
    assert_eq!(bare["robustness"], Value::Null, "the built-in router knows no models to choose between");

    let labels = folder.path().join("labels.jsonl");
    fs::write(&labels, json!({"prompt": "translate this: good morning", "task": "translation"}).to_string()).unwrap();
    let labelled = json_of(semroute().arg("--labels").arg(&labels));
    assert_eq!(choice_flips(&labelled), [None; 6]);
    assert_eq!(labelled["robustness"]["robustness"], Value::Null);

    let artifact = folder.path().join("artifact");
    assert_cmd::cargo::cargo_bin_cmd!("semroute")
        .args(["train", "--outcomes"])
        .arg(&path)
        .arg("--out")
        .arg(&artifact)
        .assert()
        .success();
    let learnt = json_of(semroute().arg("--router").arg(&artifact).arg("--outcomes").arg(&path));
    assert_eq!(learnt["robustness"]["chosen_by"], "best predicted quality");
    assert!(choice_flips(&learnt).iter().all(Option::is_some));
}
