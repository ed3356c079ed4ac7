//! `semroute evaluate` on labelled rows, through the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

fn semroute() -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("semroute");
    command.arg("evaluate");
    command
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}

const ROWS: [(&str, &str, &str); 6] = [
    ("Translate into French: good morning, dear neighbour", "translation", "low"),
    ("Translate this sentence into German: the cat sleeps", "translation", "low"),
    ("Write a Python function that reverses a linked list", "code", "medium"),
    ("Fix the borrow checker error in this Rust function", "code", "medium"),
    ("What is 17 * 23?", "math", "low"),
    ("Prove that there are infinitely many primes of the form 4k+3", "math", "high"),
];

fn rows(folder: &TempDir, name: &str, rows: &[(&str, &str, &str)]) -> PathBuf {
    let path = folder.path().join(name);
    let lines: Vec<String> = rows
        .iter()
        .map(|(prompt, task, complexity)| {
            serde_json::json!({"prompt": prompt, "task": task, "complexity": complexity}).to_string()
        })
        .collect();
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn json(command: &mut Command) -> Value {
    let output = command.args(["--json", "-"]).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("standard output is JSON and nothing else")
}

#[test]
fn figures_stand_beside_every_baseline() {
    let folder = TempDir::new().unwrap();
    let labels = rows(&folder, "labels.jsonl", &ROWS);
    semroute()
        .arg("--labels")
        .arg(&labels)
        .arg("--baseline")
        .args([data("train/workshop.jsonl"), data("train/office.jsonl")])
        .assert()
        .success()
        .stdout(contains("Label: task"))
        .stdout(contains("Label: complexity"))
        .stdout(contains("hashed n-grams"))
        .stdout(contains("prompt length"))
        .stdout(contains("majority"))
        .stdout(contains("quadratic-weighted kappa"));
}

#[test]
fn json_agrees_with_itself() {
    let report = json(semroute().arg("--labels").arg(data("heldout/street.jsonl")));
    assert_eq!(report["format"], "semroute-evaluation/1");
    let task = &report["task"];
    let confusion: Vec<Vec<u64>> = serde_json::from_value(task["confusion"].clone()).unwrap();
    let total: u64 = confusion.iter().flatten().sum();
    let right: u64 = (0..confusion.len()).map(|label| confusion[label][label]).sum();
    assert_eq!(task["rows"], total);
    assert!((task["accuracy"].as_f64().unwrap() - right as f64 / total as f64).abs() < 1e-12);
    assert_eq!(task["labels"].as_array().unwrap().len(), confusion.len());
    let within_one = report["complexity"]["ordinal"]["within_one"].as_f64().unwrap();
    assert!(within_one >= report["complexity"]["accuracy"].as_f64().unwrap());
    // The router is better than guessing among fourteen tasks, or something is badly wrong.
    assert!(task["accuracy"].as_f64().unwrap() > 0.2, "{}", task["accuracy"]);
    assert!(report["latency"]["classify_us_p95"].as_f64() >= report["latency"]["classify_us_p50"].as_f64());
    assert_eq!(task["baselines"], serde_json::json!([]));
}

#[test]
fn files_are_whole_and_nothing_else_is_left() {
    let folder = TempDir::new().unwrap();
    let labels = rows(&folder, "labels.jsonl", &ROWS);
    let (json, html) = (folder.path().join("report.json"), folder.path().join("report.html"));
    semroute().arg("--labels").arg(&labels).arg("--json").arg(&json).arg("--html").arg(&html).assert().success();
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["task"]["rows"], ROWS.len());
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Confusion matrix"));
    assert!(!page.contains("<script") && !page.contains("http"), "the page needs nothing from elsewhere");
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["labels.jsonl", "report.html", "report.json"]);
}

#[test]
fn a_label_the_router_lacks_is_named_with_its_line() {
    let folder = TempDir::new().unwrap();
    let mut with_strangers = ROWS.to_vec();
    with_strangers.push(("Card declined in the supermarket", "card_declined", "low"));
    with_strangers.push(("asdkjh qwoeiu zxmnb", "oos", "low"));
    let labels = rows(&folder, "labels.jsonl", &with_strangers);
    let at_line = format!("{}:7: task \"card_declined\"", labels.display());
    semroute()
        .arg("--labels")
        .arg(&labels)
        .assert()
        .code(2)
        .stderr(contains(at_line.as_str()))
        .stderr(contains("card_declined, oos"))
        .stderr(contains("--unknown-label").and(contains("--folds")));

    with_strangers.remove(6);
    let labels = rows(&folder, "unknown.jsonl", &with_strangers);
    let report = json(semroute().arg("--labels").arg(&labels).args(["--unknown-label", "oos"]));
    assert_eq!(report["abstention"]["unknown_rows"], 1);
    assert_eq!(report["abstention"]["known_rows"], ROWS.len());
    assert_eq!(report["task"]["rows"], ROWS.len(), "rows of no known label do not count against the task");
    assert!(report["abstention"]["novelty_auroc"].is_f64());
}

#[test]
fn wrong_usage_names_flag_and_remedy() {
    let labels = data("heldout/street.jsonl");
    let labels = labels.to_str().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&[], "give --labels FILE, --outcomes FILE or --pairs FILE"),
        (&["--labels", labels, "--folds", "1"], "--folds 1: at least 2"),
        (&["--labels", labels, "--holdout", "1.5"], "--holdout 1.5: expected a share between 0 and 1"),
        (&["--labels", labels, "--holdout", "0.5", "--baseline", labels], "leave out --baseline"),
        (&["--labels", labels, "--json", "/nowhere/at/all.json"], "--json /nowhere/at/all.json"),
        (&["--labels", labels, "--unknown-label", "oos"], "no measured row has this label"),
    ];
    for (arguments, message) in cases {
        semroute().args(arguments).assert().code(2).stderr(contains(message));
    }
}

#[test]
fn a_bad_row_is_named_by_file_and_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bad.jsonl");
    fs::write(&path, "{\"prompt\": \"hello\", \"task\": \"chat\"}\n\n{\"prompt\": 5, \"task\": \"chat\"}\n").unwrap();
    let html = folder.path().join("report.html");
    let place = format!("{}:3: \"prompt\" must be a string", path.display());
    semroute().arg("--labels").arg(&path).arg("--html").arg(&html).assert().code(2).stderr(contains(place.as_str()));
    assert!(!html.exists());
}

#[test]
fn folds_train_on_labels_of_ones_own() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("own.jsonl");
    let mut lines = Vec::new();
    for number in 0..12 {
        for (intent, prompt) in [
            ("card", format!("my credit card number {number} was declined at the shop")),
            ("weather", format!("will it rain in the mountains on day {number} of the week")),
            ("music", format!("play song {number} from the jazz album")),
        ] {
            lines.push(serde_json::json!({"prompt": prompt, "intent": intent}).to_string());
        }
    }
    fs::write(&path, lines.join("\n")).unwrap();
    let run =
        || json(semroute().arg("--labels").arg(&path).args(["--label-field", "intent", "--folds", "3", "--seed", "4"]));
    let report = run();
    assert_eq!(report["protocol"]["kind"], "folds");
    assert_eq!(report["task"]["field"], "intent");
    assert_eq!(report["task"]["rows"], 36, "every row is measured once");
    assert!(report["task"]["accuracy"].as_f64().unwrap() > 0.8, "{}", report["task"]["accuracy"]);
    let names: Vec<&str> =
        report["task"]["baselines"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["majority", "prompt length", "hashed n-grams"]);
    let without_timings = |mut report: Value| {
        report["latency"] = Value::Null;
        report
    };
    assert_eq!(without_timings(report), without_timings(run()), "the same seed gives the same report");

    let held_out = json(semroute().arg("--labels").arg(&path).args([
        "--label-field",
        "intent",
        "--holdout",
        "0.25",
        "--seed",
        "4",
    ]));
    assert_eq!(held_out["task"]["rows"], 9, "a quarter of each label is measured");
}
