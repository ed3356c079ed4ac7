//! A transformer's folder through the real binary: distil a table from it, train on it, route and evaluate with it. And what a router does when
//! such a model has more to do than it can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

#[path = "common/tiny_bert.rs"]
mod tiny_bert;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use metrics_exporter_prometheus::PrometheusBuilder;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use semroute::classifier::{read_artifact, write_artifact};
use semroute::embedder::{
    BUILTIN, DeviceChoice, Embedder, EmbeddingQueue, OpenedEmbedder, Precision, QueueLimits, Transformer, open,
};
use semroute::prompt::READER_VERSION;
use semroute::routing::{Brain, SECOND_TIER_SHED, Tier};
use serde_json::{Value, json};
use tempfile::TempDir;
use tiny_bert::{Layers, TinyBert, VOCABULARY, id_of, weights};

const ROWS: [(&str, &str, &str); 15] = [
    ("translate the sentence to french", "translation", "low"),
    ("translate this word to german", "translation", "low"),
    ("translate to spanish please", "translation", "low"),
    ("the french word translate to german", "translation", "low"),
    ("please translate this letter to french", "translation", "low"),
    ("write a python function", "code", "medium"),
    ("fix the bug in this rust code", "code", "medium"),
    ("write a loop in rust", "code", "medium"),
    ("test the python function", "code", "medium"),
    ("fix this loop in the python list", "code", "medium"),
    ("solve the equation", "math", "high"),
    ("prove the sum is a prime number", "math", "high"),
    ("what is the square root of the number", "math", "high"),
    ("the sum of the angle is what number", "math", "high"),
    ("solve this sum, prove the root is prime", "math", "high"),
];

/// In a folder of its own, where no configuration stands.
fn semroute(folder: &TempDir) -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("semroute");
    command.current_dir(folder.path());
    command
}

fn write_labels(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("labels.jsonl");
    let row = |(prompt, task, complexity): &(&str, &str, &str)| {
        json!({"prompt": prompt, "task": task, "complexity": complexity}).to_string()
    };
    fs::write(&path, ROWS.iter().map(row).collect::<Vec<_>>().join("\n")).unwrap();
    path
}

/// Trains on the tiny model; the artifact's folder.
fn train(folder: &TempDir, tiny: &TinyBert) -> PathBuf {
    let out = folder.path().join("router");
    semroute(folder)
        .args(["train", "--labels"])
        .arg(write_labels(folder))
        .arg("--embedder")
        .arg(tiny.path())
        .arg("--out")
        .arg(&out)
        .assert()
        .success();
    out
}

fn route(folder: &TempDir, router: &Path, prompt: &str) -> Value {
    let mut command = semroute(folder);
    let output = command.args(["route", prompt, "--json", "--router"]).arg(router).assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

/// The same artifact with another uncertain band.
fn with_band(router: &Path, (from, to): (f64, f64)) {
    let (mut manifest, classifier) = read_artifact(router, READER_VERSION).unwrap();
    let second = manifest.second_tier.as_mut().unwrap();
    (second.from, second.to) = (from, to);
    write_artifact(router, manifest, &classifier).unwrap();
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The transformer's vectors of single words, less their mean over all words: what a table holds.
fn centred_words(tiny: &TinyBert, words: &[&str]) -> Vec<Vec<f32>> {
    let transformer = Transformer::from_folder("tiny", tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap();
    let vector = |word: &str| {
        let tokens = transformer.wrap_token(id_of(word)).unwrap();
        transformer.forward(&[&tokens]).unwrap().remove(0).vector
    };
    let all: Vec<Vec<f32>> =
        VOCABULARY.iter().filter(|token| !token.starts_with('[')).map(|token| vector(token)).collect();
    let mean = |dim: usize| all.iter().map(|row| row[dim]).sum::<f32>() / all.len() as f32;
    words.iter().map(|word| vector(word).iter().enumerate().map(|(dim, x)| x - mean(dim)).collect()).collect()
}

#[test]
fn a_distilled_table_stands_for_the_transformer() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    let out = folder.path().join("table");
    for _again in 0..2 {
        let mut command = semroute(&folder);
        command.arg("distill").arg("--from").arg(tiny.path()).arg("--out").arg(&out);
        // More columns are asked for by default than the transformer has.
        command.assert().success().stdout(contains("62 tokens x 32 dimensions"));
    }
    let opened = open("table", Some(&out), Precision::F32).unwrap();
    let OpenedEmbedder::Static(table) = &opened else { panic!("not a static table") };
    assert_eq!(table.identity().dims, 32);
    let words = ["house", "river", "python", "equation", "french", "##ing"];
    let expected = centred_words(&tiny, &words[..5]);
    let found: Vec<Vec<f32>> = words[..5].iter().map(|word| table.embed_one(word).unwrap().vector).collect();
    for a in 0..5 {
        for b in a + 1..5 {
            let (expected, found) = (cosine(&expected[a], &expected[b]), cosine(&found[a], &found[b]));
            assert!((expected - found).abs() < 0.03, "{} and {}: {found}, not {expected}", words[a], words[b]);
        }
    }
    // Words that neither knows have no vector.
    assert!(table.embed_one("zzz").unwrap().vector.iter().all(|x| *x == 0.0));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2, "only the table and its vocabulary");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn distilling_refuses_what_is_no_transformer() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    let out = folder.path().join("table");
    let distill = |from: &Path, out: &Path| {
        let mut command = semroute(&folder);
        command.arg("distill").arg("--from").arg(from).arg("--out").arg(out);
        command.assert()
    };
    distill(tiny.path(), &out).success();
    distill(&out, &folder.path().join("other")).code(2).stderr(contains("already a static table"));
    distill(tiny.path(), tiny.path()).code(2).stderr(contains("--out"));
    assert!(tiny.file("model.safetensors").is_file(), "the model is untouched");
    distill(&folder.path().join("nowhere"), &folder.path().join("other")).code(2).stderr(contains("nowhere"));
    assert!(!folder.path().join("other").exists());
}

#[test]
fn a_router_trained_on_a_transformer_routes_and_is_measured() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    let router = train(&folder, &tiny);
    let manifest: Value = serde_json::from_slice(&fs::read(router.join("router.json")).unwrap()).unwrap();
    let transformer = Transformer::from_folder("tiny", tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap();
    let recorded = manifest["embedders"].as_array().unwrap();
    assert_eq!(recorded.len(), 1, "both heads are trained, so nothing of the built-in artifact is inherited");
    assert_eq!(recorded[0]["fingerprint"], transformer.identity().fingerprint.as_str());
    assert_eq!(recorded[0]["dims"], 32);

    for (prompt, task) in [
        ("please translate the letter to spanish", "translation"),
        ("fix the bug in this python function", "code"),
        ("prove the number is prime", "math"),
    ] {
        let row = route(&folder, &router, prompt);
        assert_eq!(row["task"], task, "{row}");
        assert_eq!(row["tier"], tiny.path().to_str().unwrap());
        assert_eq!(row["truncated"], false);
        assert_eq!(route(&folder, &router, prompt)["task_scores"], row["task_scores"], "the same again");
    }
    // 30 words are more than the 16 tokens that the model reads.
    assert_eq!(route(&folder, &router, &"house tree river ".repeat(10))["truncated"], true);

    let output = semroute(&folder)
        .args(["evaluate", "--json", "-", "--labels", "labels.jsonl", "--router"])
        .arg(&router)
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(report["task"]["rows"], ROWS.len());
    assert!(report["task"]["accuracy"].as_f64().unwrap() > 0.8, "{}", report["task"]["accuracy"]);
}

#[test]
fn a_cascade_is_trained_routes_and_is_measured() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    write_labels(&folder);
    let cascade = format!("cascade:{}", tiny.path().display());
    let train = ["train", "--labels", "labels.jsonl", "--method", "head", "--embedder", &cascade, "--out", "router"];
    semroute(&folder).args(train).assert().success().stdout(contains("second tier"));
    let manifest: Value = serde_json::from_slice(&fs::read(folder.path().join("router/router.json")).unwrap()).unwrap();
    assert_eq!(manifest["embedders"].as_array().unwrap().len(), 2);
    assert_eq!(manifest["task"]["embedders"], json!([0]), "the first tier never waits for the transformer");
    assert_eq!(manifest["second_tier"]["task"]["embedders"], json!([0, 1]));

    let evaluate = ["evaluate", "--json", "-", "--labels", "labels.jsonl", "--router", "router"];
    let output = semroute(&folder).args(evaluate).assert().success();
    let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let cascade = &report["cascade"];
    assert_eq!(cascade["first_name"], "builtin");
    assert_eq!(cascade["second_name"], tiny.path().to_str().unwrap());
    let share = cascade["second_tier_share"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&share), "{cascade}");

    // A band of every lead asks the transformer for every prompt, one of none for no prompt.
    for (band, tier) in [((0.0, 1.01), tiny.path().to_str().unwrap()), ((0.0, 0.0), "builtin")] {
        with_band(&folder.path().join("router"), band);
        let row = route(&folder, &folder.path().join("router"), "fix the bug in this python function");
        assert_eq!((row["task"].as_str(), row["tier"].as_str()), (Some("code"), Some(tier)), "{row}");
    }
}

#[test]
fn a_second_tier_with_too_much_to_do_leaves_decisions_to_the_first_and_counts_them() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    write_labels(&folder);
    let cascade = format!("cascade:{}", tiny.path().display());
    let train = ["train", "--labels", "labels.jsonl", "--method", "head", "--embedder", &cascade, "--out", "router"];
    semroute(&folder).args(train).assert().success();
    let router = folder.path().join("router");
    with_band(&router, (0.0, 1.01));
    let (manifest, classifier) = read_artifact(&router, READER_VERSION).unwrap();
    // The router's own limit is a quarter of a second, which this model would never come to.
    let limits = QueueLimits { wait: Duration::ZERO, ..QueueLimits::default() };
    let path = tiny.path().to_str().unwrap();
    let transformer = Arc::new(Transformer::from_folder(path, tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap());
    let queue = EmbeddingQueue::start(Arc::clone(&transformer), limits).unwrap();
    let table = Tier::start(open(BUILTIN, None, Precision::F32).unwrap()).unwrap();
    let brain =
        Brain::new(&manifest, Arc::new(classifier), vec![table, Tier::Transformer(transformer, queue)]).unwrap();

    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let all = metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            // How fast the model is, nobody knows before its first pass.
            assert!(brain.classify("fix this loop").await.unwrap().by_second_tier);
            futures_util::future::join_all((0..200).map(|_| brain.classify("fix the bug in this python function")))
                .await
        })
    });
    let by_second = all.into_iter().map(Result::unwrap).filter(|classified| classified.by_second_tier).count();
    let metrics = recorder.handle().render();
    assert!((1..200).contains(&by_second), "{by_second} of 200 by the second tier");
    assert!(
        metrics.contains(&format!("{SECOND_TIER_SHED} {}", 200 - by_second)),
        "{by_second} by the second: {metrics}"
    );
}

#[test]
fn rows_of_a_file_are_decided_as_one_by_one() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    let router = train(&folder, &tiny);
    let prompts: Vec<String> = ROWS.iter().cycle().take(70).map(|(prompt, ..)| (*prompt).to_owned()).collect();
    let rows: Vec<String> =
        prompts.iter().enumerate().map(|(id, prompt)| json!({"id": id, "prompt": prompt}).to_string()).collect();
    fs::write(folder.path().join("prompts.jsonl"), rows.join("\n")).unwrap();
    let mut command = semroute(&folder);
    command.args(["route", "--input", "prompts.jsonl", "--output", "decisions.jsonl", "--router"]).arg(&router);
    command.assert().success();
    let decisions: Vec<Value> = fs::read_to_string(folder.path().join("decisions.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(decisions.len(), prompts.len());
    for id in [0, 12, 69] {
        let single = route(&folder, &router, &prompts[id]);
        assert_eq!(decisions[id]["id"], id);
        assert_eq!(decisions[id]["task"], single["task"]);
        let confidence = |row: &Value| row["task_confidence"].as_f64().unwrap();
        assert!((confidence(&decisions[id]) - confidence(&single)).abs() < 1e-4, "{id}");
    }
}

#[test]
fn another_model_in_the_same_folder_is_refused_by_its_fingerprint() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    let router = train(&folder, &tiny);
    route(&folder, &router, "write a python function");
    tiny.write_weights(&weights(2, Layers::Mixing));
    let found = Transformer::from_folder("tiny", tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap();
    let refused = || contains("fingerprint").and(contains(found.identity().fingerprint.clone()));
    let commands: [&[&str]; 2] = [&["route", "write a python function"], &["evaluate", "--labels", "labels.jsonl"]];
    for arguments in commands {
        let mut command = semroute(&folder);
        let run = command.args(arguments).arg("--router").arg(&router).assert();
        run.code(2).stdout("").stderr(refused());
    }
    tiny.write_weights(&weights(1, Layers::Mixing));
    route(&folder, &router, "write a python function");
}

#[test]
fn a_broken_model_stops_training_and_is_named() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    fs::remove_file(tiny.file("tokenizer.json")).unwrap();
    let mut command = semroute(&folder);
    command.args(["train", "--labels"]).arg(write_labels(&folder)).args(["--out", "router", "--embedder"]);
    command.arg(tiny.path()).assert().failure().stderr(contains("tokenizer.json"));
    assert!(!folder.path().join("router").exists(), "no artifact without a model");
}
