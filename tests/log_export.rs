//! `semroute log export`, through the real binary: what is written, what is refused and why, and that features are read again as they were
//! kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;
mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use command_line::{Folder, MODELS, task_rows};
use common::postgres::Postgres;
use semroute::classifier::PackedFeatures;
use semroute::commands::parts;
use semroute::embedder::Precision;
use semroute::store::{DecisionRecord, Feedback, LogPrompts, Outcome, PlannedModel, Store, StoreConfig, Verdict};
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 3600 * 1000;

fn now_ms() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

fn decision(number: u32) -> DecisionRecord {
    DecisionRecord {
        id: format!("dec_{number:04}"),
        time_unix_ms: now_ms() - i64::from(number) * DAY_MS / 2,
        model: Some("small".into()),
        task: Some("code".into()),
        complexity: Some("medium".into()),
        known: Some(true),
        outcome: Outcome::Answered,
        chain: vec![PlannedModel { model: "small".into(), by_prediction: true, ..PlannedModel::default() }],
        cost_usd: Some(0.25),
        reason: "a test".into(),
        ..DecisionRecord::default()
    }
}

fn good() -> Feedback {
    Feedback { verdict: Verdict::Good, score: None, task: None, complexity: None }
}

/// A configuration with this store, and these rows in it, each with what was said of it.
async fn logged(folder: &Folder, url: &str, rows: &[(DecisionRecord, Option<Feedback>)]) {
    folder.write("semroute.toml", format!("[store]\nurl = {url:?}\n{MODELS}"));
    let config = StoreConfig { log_prompts: LogPrompts::Full, ..StoreConfig::new(url) };
    let store = Store::open(&config).await.unwrap();
    let recorder = store.recorder();
    for (record, _) in rows {
        recorder.record(record.clone());
    }
    recorder.close().await.unwrap();
    // After the rows: what is said of a decision that is not there is swept away.
    for (record, said) in rows {
        if let Some(said) = said {
            store.judge(&record.id, now_ms(), None, said).await.unwrap();
        }
    }
    assert_eq!(recorder.written(), rows.len() as u64);
    store.close().await;
}

fn sqlite(folder: &Folder) -> String {
    format!("sqlite://{}", folder.path("log.db").display())
}

fn with_prompt(number: u32) -> DecisionRecord {
    DecisionRecord { prompt: Some(format!("Fix test number {number}")), ..decision(number) }
}

/// As the built-in artifact's first tier would have read it.
fn with_features(number: u32, prompt: &str) -> DecisionRecord {
    let brain = parts::open_brain_with("builtin", "builtin", Precision::F32).unwrap();
    let features = brain.first_features_blocking(prompt).unwrap();
    let packed = PackedFeatures { features, prompt_chars: prompt.chars().count() as u64 };
    DecisionRecord {
        feature_space: Some(brain.feature_space().to_string()),
        features: Some(packed.to_bytes()),
        ..decision(number)
    }
}

async fn rows_go_out_as_they_were_asked_for(url: &str, folder: &Folder) {
    let rows: Vec<_> = (0..6).map(|number| (with_prompt(number), (number % 2 == 0).then(good))).collect();
    logged(folder, url, &rows).await;
    let ids = |arguments: &[&str]| -> Vec<String> {
        folder.output_of(&[&["log", "export", "--output", "out.jsonl"], arguments].concat());
        folder.read_rows("out.jsonl").iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]), ["dec_0005", "dec_0004", "dec_0003", "dec_0002", "dec_0001", "dec_0000"], "oldest first");
    assert_eq!(ids(&["--labels"]), ["dec_0004", "dec_0002", "dec_0000"]);
    assert_eq!(ids(&["--outcomes", "--since", "30h"]), ["dec_0002", "dec_0000"]);
    assert_eq!(ids(&["--since", "2000-01-01", "--until", "30h"]), ["dec_0005", "dec_0004", "dec_0003"]);
    let every = folder.output_of(&["log", "export", "--output", "all.jsonl", "--config", "semroute.toml"]);
    assert!(every.contains("6 decision row(s)"), "{every}");
    let row = &folder.read_rows("all.jsonl")[1];
    assert_eq!(
        (&row["outcome"], &row["cost_usd"], &row["prompt"]),
        (&json!("answered"), &json!(0.25), &json!("Fix test number 4"))
    );
    assert_eq!(row["feedback"], json!({"verdict": "good", "score": null, "task": null, "complexity": null}));
}

#[tokio::test]
async fn rows_go_out_of_sqlite() {
    let folder = Folder::new();
    rows_go_out_as_they_were_asked_for(&sqlite(&folder), &folder).await;
}

#[tokio::test]
async fn rows_go_out_of_postgres() {
    let Some(postgres) = Postgres::start("the export from Postgres") else { return };
    rows_go_out_as_they_were_asked_for(&postgres.url(), &Folder::new()).await;
}

#[tokio::test]
async fn a_log_longer_than_a_page_goes_out_whole() {
    let folder = Folder::new();
    // Many of the same millisecond: a page may end among them.
    let time_unix_ms = now_ms();
    let rows: Vec<_> = (0..1203).map(|number| (DecisionRecord { time_unix_ms, ..decision(number) }, None)).collect();
    logged(&folder, &sqlite(&folder), &rows).await;
    folder.output_of(&["log", "export", "--output", "out.jsonl"]);
    let ids: std::collections::BTreeSet<String> =
        folder.read_rows("out.jsonl").iter().map(|row| row["id"].to_string()).collect();
    assert_eq!(ids.len(), rows.len());
}

#[tokio::test]
async fn an_export_that_would_teach_nothing_is_refused_with_the_remedy() {
    let folder = Folder::new();
    let export = ["log", "export", "--output", "out.jsonl", "--labels"];
    logged(&folder, &sqlite(&folder), &[(decision(0), None)]).await;
    folder.refuses(&export, &["nothing was said of any decision", "/v1/feedback"]);
    let folder = Folder::new();
    logged(&folder, &sqlite(&folder), &[(decision(0), Some(good())), (decision(1), Some(good()))]).await;
    folder.refuses(&export, &["2 decision(s) have feedback", "log_prompts = \"features\" or \"full\"", "from then on"]);
    let folder = Folder::new();
    let elsewhere = DecisionRecord {
        feature_space: Some(format!("reader-2.ngrams-1.{}", "0".repeat(16))),
        ..with_features(0, "Fix it")
    };
    logged(&folder, &sqlite(&folder), &[(elsewhere, Some(good()))]).await;
    folder.refuses(&export, &["1: their features belong to another space", "embedder builtin"]);
    for (arguments, expected) in [
        (&["--since", "yesterday"][..], "--since yesterday: expected a date"),
        (&["--since", "1h", "--until", "2h"], "--since is not before --until"),
        (&["--config", "nowhere.toml"], "nowhere.toml"),
        (&["--outcomes"], "cannot be used with"),
    ] {
        let message = folder.refusal_of(&[&export[..], arguments].concat());
        assert!(message.contains(expected), "{message}");
    }
    folder.write("semroute.toml", MODELS);
    folder.expect_refusal(&export, &["semroute.toml: there is no [store]"]);
}

#[tokio::test]
async fn what_is_left_out_is_counted_and_told() {
    let folder = Folder::new();
    let foreign = DecisionRecord {
        feature_space: Some("reader-1.ngrams-1.aaaaaaaaaaaaaaaa".into()),
        ..with_features(2, "Fix it")
    };
    let failed = Feedback { verdict: Verdict::Failed, ..good() };
    let rows = [
        (with_prompt(0), Some(good())),
        (decision(1), Some(good())),
        (foreign, Some(good())),
        (with_prompt(3), Some(failed)),
    ];
    logged(&folder, &sqlite(&folder), &rows).await;
    let said = folder.output_of(&["log", "export", "--output", "out.jsonl", "--labels"]);
    for expected in [
        "with 1 label row(s)",
        "left out 1: neither the prompt nor its features were kept",
        "left out 1: their features belong to another space: its prompt reader is version 1",
        "left out 1: what was said of them states no label",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let row = json!({"id": "dec_0000", "prompt": "Fix test number 0", "task": "code", "complexity": "medium", "source": "feedback_implied"});
    assert_eq!(folder.read_rows("out.jsonl"), [row]);
}

/// The rows of `task_rows`, as a log that keeps features would give them.
fn as_features(rows: &[Value]) -> Vec<Value> {
    let feature_row = |row: &Value| {
        let kept = with_features(0, row["prompt"].as_str().unwrap());
        let features = BASE64_STANDARD.encode(kept.features.unwrap());
        let mut row = row.clone();
        row.as_object_mut().unwrap().remove("prompt");
        row["feature_space"] = json!(kept.feature_space);
        row["features"] = json!(features);
        row
    };
    rows.iter().map(feature_row).collect()
}

#[test]
fn features_train_and_measure_as_their_words_do() {
    let folder = Folder::new();
    folder.write_rows("words.jsonl", &task_rows());
    folder.write_rows("features.jsonl", &as_features(&task_rows()));
    folder.output_of(&["train", "--labels", "features.jsonl", "--out", "mine"]);
    let route = |prompt: &str| -> Value {
        serde_json::from_str(&folder.output_of(&["route", prompt, "--json", "--router", "mine"])).unwrap()
    };
    assert_eq!(route("Translate windows into French")["task"], "translation");
    assert_eq!(route("Debug this windows program please")["task"], "code");
    let accuracy = |rows: &str, more: &[&str]| {
        folder.output_of(&[&["evaluate", "--labels", rows, "--json", "report.json"], more].concat());
        let report = folder.read_json("report.json");
        (report["task"]["accuracy"].as_f64(), report["warnings"].to_string().contains("features in place of words"))
    };
    let (of_words, of_features) =
        (accuracy("words.jsonl", &["--router", "mine"]), accuracy("features.jsonl", &["--router", "mine"]));
    assert!(of_words.0.is_some() && of_words.0 == of_features.0, "{of_words:?} {of_features:?}");
    assert_eq!((of_words.1, of_features.1), (false, true));
    assert!(accuracy("features.jsonl", &["--holdout", "0.3"]).0.is_some_and(|accuracy| accuracy > 0.5));
}

#[test]
fn features_that_cannot_be_used_are_named_by_file_line_and_field() {
    let folder = Folder::new();
    let rows = as_features(&task_rows());
    for (field, value, expected) in [
        ("feature_space", json!("reader-9.ngrams-1.aaaaaaaaaaaaaaaa"), "feature_space: its prompt reader is version 9"),
        (
            "feature_space",
            json!("reader-2.ngrams-1.aaaaaaaaaaaaaaaa"),
            "features: there is no vector of the embedder builtin",
        ),
        ("feature_space", json!("somewhere"), "feature_space: \"somewhere\" is no name of a space"),
        ("feature_space", json!(null), "\"feature_space\" must be a string"),
        ("features", json!("AAAA"), "features: they are of format 0"),
        ("features", json!("not base64"), "\"features\" must be base64"),
        ("features", json!(7), "\"features\" must be a string"),
    ] {
        let mut wrong = rows.clone();
        wrong[3][field] = value;
        folder.write_rows("rows.jsonl", &wrong);
        for command in [
            &["train", "--labels", "rows.jsonl", "--out", "mine"][..],
            &["evaluate", "--labels", "rows.jsonl", "--folds", "2"],
        ] {
            folder.expect_refusal(command, &["rows.jsonl:4: ", expected]);
        }
    }
    folder.write_rows("rows.jsonl", &rows);
    folder
        .expect_refusal(&["route", "--input", "rows.jsonl"], &["rows.jsonl:1: features: ", "give rows with a prompt"]);
}

impl Folder {
    /// Fails unless it is refused in these words; a database may change, and no file may come.
    fn refuses(&self, arguments: &[&str], expected: &[&str]) {
        let output = self.semroute(arguments).assert().code(2).get_output().clone();
        let message = String::from_utf8(output.stderr).unwrap();
        for part in expected {
            assert!(message.contains(part), "{arguments:?} said {message:?}, which should hold {part:?}");
        }
        assert!(!self.path("out.jsonl").exists() && self.names().iter().all(|name| !name.starts_with(".semroute")));
    }
}
