//! `semroute train --fine-tune`, through the real binary on a tiny encoder with random weights: an artifact that carries its encoder, and what is refused and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::collections::BTreeSet;
use std::path::PathBuf;

use command_line::{Folder, root};
use serde_json::{Value, json};

const ENCODER_FILES: [&str; 8] = [
    "1_Pooling",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "semroute_encoder.json",
    "sentence_bert_config.json",
    "tokenizer.json",
];

fn base() -> PathBuf {
    root().join("tests/fixtures/transformers/bert-xlmr-vocabulary")
}

/// Rows of two tasks and four finer labels.
fn rows() -> Vec<Value> {
    let things = ["book", "garden", "song", "letter", "river", "street", "window", "table", "stone", "tree"];
    let mut rows = Vec::new();
    for (at, thing) in things.into_iter().enumerate() {
        let language = if at % 2 == 0 { "French" } else { "German" };
        rows.push(json!({"id": format!("t{at}"), "task": "translation", "finer": language,
            "prompt": format!("Translate the sentence about the {thing} into {language}.")}));
        let kind = if at % 2 == 0 { "bug" } else { "test" };
        rows.push(json!({"id": format!("c{at}"), "task": "code", "finer": kind,
            "prompt": format!("Write a function for the {thing} and fix the {kind} in it.")}));
    }
    rows
}

fn with_rows() -> Folder {
    let folder = Folder::new();
    folder.write_rows("rows.jsonl", &rows());
    folder
}

fn arguments<'a>(out: &'a str, embedder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let always = ["train", "--fine-tune", "--labels", "rows.jsonl", "--out", out, "--embedder", embedder];
    let quick =
        ["--epochs", "2", "--batch", "6", "--max-tokens", "24", "--validation", "0.25", "--encoder-rate", "1e-3"];
    [&always[..], &quick[..], more].concat()
}

#[test]
fn the_artifact_carries_its_encoder_and_is_read_with_it() {
    let folder = with_rows();
    let base = base();
    let before = std::fs::read(base.join("model.safetensors")).unwrap();
    let embedder = base.to_str().unwrap();
    let train = |out: &str| folder.output_of(&arguments(out, embedder, &["--auxiliary-field", "finer"]));
    let said = train("first/mine");
    assert!(said.contains("network"), "{said}");
    assert_eq!(before, std::fs::read(base.join("model.safetensors")).unwrap(), "the base stays as it was");

    let inside = |path: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder.path(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(inside("first"), ["mine".to_owned()].into(), "nothing is left beside it");
    assert_eq!(inside("first/mine/encoder"), ENCODER_FILES.map(str::to_owned).into());
    // It wants what its base wants before every text, and says nothing of where that one came from.
    let [prompts, of_base] = [folder.path("first/mine/encoder"), base.clone()].map(|folder| {
        let text = std::fs::read_to_string(folder.join("config_sentence_transformers.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["prompts"]["query"].clone()
    });
    assert!(prompts.is_string() && prompts == of_base, "{prompts} is not {of_base}");
    let config = folder.read_json("first/mine/encoder/config.json");
    assert_eq!((config.get("_name_or_path"), config.get("transformers_version")), (None, None));
    assert_eq!(config["hidden_size"], 32);
    let manifest = folder.read_json("first/mine/router.json");
    let record = &manifest["embedders"][0];
    assert_eq!((&record["name"], &record["folder"]), (&json!("bert-xlmr-vocabulary-tuned"), &json!("encoder")));
    let told = &manifest["card"]["metrics"]["fine_tuning"];
    assert_eq!((&told["rows_learnt"], &told["rows_kept"]), (&json!(15), &json!(5)), "{told}");
    assert_eq!(told["history"].as_array().unwrap().len(), 2);
    assert_eq!(manifest["card"]["metrics"]["task"]["folds_of"], "rows kept from the encoder");

    let route = ["route", "Translate the sentence about the tree into French.", "--json", "--router", "first/mine"];
    let row: Value = serde_json::from_str(&folder.output_of(&route)).unwrap();
    assert_eq!(row["task_scores"].as_object().unwrap().len(), 2, "{row}");
    let evaluated = folder.output_of(&["evaluate", "--router", "first/mine", "--labels", "rows.jsonl"]);
    assert!(evaluated.contains("accuracy"), "{evaluated}");

    // What a run left that was killed between its encoder and its heads.
    std::fs::create_dir_all(folder.path("second/.mine.encoder/encoder")).unwrap();
    folder.write("second/.mine.encoder/encoder/model.safetensors", "half of it");
    train("second/mine");
    assert_eq!(inside("second"), ["mine".to_owned()].into(), "the next run sweeps it");
    let bytes = |path: &str| {
        ["router.json", "weights.safetensors", "encoder/model.safetensors"]
            .map(|file| folder.read(&format!("{path}/{file}")))
    };
    assert_eq!(bytes("first/mine"), bytes("second/mine"), "the same rows and seed give the same bytes");
}

/// Of many files whole ones are kept, so that what is measured was written by somebody else; and the encoder may learn from noisy copies, which nothing is measured on.
#[test]
fn whole_files_are_kept_from_it_and_noisy_copies_are_learnt_from() {
    let folder = Folder::new();
    let files: Vec<String> = (0..7).map(|file| format!("rows{file}.jsonl")).collect();
    for (file, of_file) in files.iter().zip(rows().chunks(2)) {
        folder.write_rows(file, of_file);
    }
    let base = base();
    let train = |out: &str, more: &[&str]| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let tail = &arguments(out, base.to_str().unwrap(), more)[4..];
        folder.output_of(&[&["train", "--fine-tune", "--labels"], &files[..], tail].concat());
        folder.read_json(&format!("{out}/router.json"))["card"]["metrics"]["fine_tuning"].clone()
    };
    let plain = train("plain", &[]);
    assert_eq!((&plain["rows_learnt"], &plain["rows_kept"]), (&json!(10), &json!(4)), "two files of seven");
    let noisy = train("noisy", &["--noisy-copies", "2"]);
    assert_eq!((&noisy["rows_learnt"], &noisy["noisy_copies"]), (&json!(10), &json!(2)));
    let weights = |out: &str| folder.read(&format!("{out}/encoder/model.safetensors"));
    assert_ne!(weights("plain"), weights("noisy"));
    // The largest file of all, and still none that is kept.
    let extra: Vec<Value> =
        (0..30).map(|at| json!({"prompt": format!("Debug loop number {at} of the program"), "task": "code"})).collect();
    folder.write_rows("extra.jsonl", &extra);
    let widened = train("widened", &["--extra-labels", "extra.jsonl"]);
    assert_eq!((&widened["rows_learnt"], &widened["rows_kept"]), (&json!(40), &json!(4)));
    assert_ne!(weights("plain"), weights("widened"));
}

#[test]
fn an_encoder_that_was_changed_or_is_gone_is_refused_by_name() {
    let folder = with_rows();
    let base = base();
    folder.output_of(&arguments("mine", base.to_str().unwrap(), &[]));
    let route = ["route", "Translate this.", "--router", "mine"];
    let path = folder.path("mine/encoder/model.safetensors");
    let mut weights = std::fs::read(&path).unwrap();
    let last = weights.len() - 1;
    weights[last] ^= 1;
    std::fs::write(&path, &weights).unwrap();
    folder.expect_refusal(&route, &["bert-xlmr-vocabulary-tuned"]);
    std::fs::remove_file(&path).unwrap();
    folder.expect_refusal(&route, &["the artifact's own encoder", "encoder/model.safetensors"]);
    // Another training in its place leaves no old encoder behind.
    folder.output_of(&["train", "--labels", "rows.jsonl", "--out", "mine"]);
    assert!(!folder.path("mine/encoder").exists());
    folder.output_of(&route);
}

#[test]
fn it_goes_second_in_a_cascade() {
    let folder = with_rows();
    let embedder = format!("cascade:{}", base().display());
    folder.output_of(&arguments("mine", &embedder, &["--checkpoint", "run.safetensors", "--resume"]));
    let manifest = folder.read_json("mine/router.json");
    let names: Vec<&Value> = manifest["embedders"].as_array().unwrap().iter().map(|record| &record["name"]).collect();
    assert_eq!(names, ["builtin", "bert-xlmr-vocabulary-tuned"]);
    assert!(manifest["embedders"][0].get("folder").is_none());
    assert!(!folder.path("run.safetensors").exists(), "the run is over");
    folder.output_of(&["route", "Translate this.", "--router", "mine"]);
}

#[test]
fn what_cannot_be_fine_tuned_is_refused_before_anything_is_written() {
    let folder = with_rows();
    let base = base();
    let embedder = base.to_str().unwrap();
    let refused =
        |more: &[&str], expected: &[&str]| folder.expect_refusal(&arguments("mine", embedder, more), expected);
    refused(&["--auxiliary-field", "nothing"], &["--auxiliary-field nothing: no row has this field"]);
    folder.expect_refusal(&["train", "--labels", "rows.jsonl", "--out", "mine", "--epochs", "3"], &["--fine-tune"]);
    folder.expect_refusal(&arguments("mine", "no/such/folder", &[]), &["no/such/folder"]);
    for shipped in ["builtin-encoder", "cascade:builtin-encoder"] {
        let expected = ["--embedder builtin-encoder: its weights are bytes", "all-MiniLM-L6-v2"];
        folder.expect_refusal(&arguments("mine", shipped, &[]), &expected);
    }
    let only = |more: [&str; 2], expected: &str| {
        let always = ["train", "--fine-tune", "--labels", "rows.jsonl", "--out", "mine", "--embedder", embedder];
        folder.expect_refusal(&[&always[..], &more[..]].concat(), &[expected]);
    };
    only(["--validation", "0.9"], "--validation 0.9: a share above 0 and up to 0.5");
    only(["--encoder-rate", "7"], "encoder rate is 7");
    if !cfg!(feature = "cuda") {
        only(["--device", "cuda"], "device cuda: this semroute was built without it");
    }
}
