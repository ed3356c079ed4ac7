//! `semroute train --fine-tune --outcomes`, through the real binary on a tiny encoder with random weights: the quality of many models learnt by the encoder's own
//! heads, what the artifact says with and without it, what is left out, and what is refused and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use command_line::{Folder, root};
use metrics_exporter_prometheus::PrometheusBuilder;
use semroute::classifier::read_artifact;
use semroute::embedder::{BUILTIN, DeviceChoice, EmbeddingQueue, Precision, QueueLimits, Transformer, open};
use semroute::prompt::READER_VERSION;
use semroute::routing::{Brain, SECOND_TIER_SHED, Tier};
use serde_json::{Value, json};

const THINGS: [&str; 32] = [
    "book", "garden", "song", "letter", "river", "street", "window", "table", "stone", "tree", "house", "boat", "lamp",
    "cloud", "train", "apple", "chair", "door", "road", "hill", "lake", "cup", "box", "horse", "coat", "ring", "bell",
    "wall", "field", "bird", "fish", "ship",
];

fn base() -> String {
    root().join("tests/fixtures/transformers/bert-xlmr-vocabulary").display().to_string()
}

/// Words in two orders, which a bag of them does not tell apart: `forth` answers one, `back` the other. `half` saw every other thing, `rare` three prompts.
fn outcomes() -> Vec<Value> {
    let mut rows = Vec::new();
    for (at, thing) in THINGS.into_iter().enumerate() {
        for (is_back, prompt) in [(0, forth(thing)), (1, back(thing))] {
            let mut scores = json!({"back": is_back, "forth": 1 - is_back, "steady": 0.6});
            if at % 2 == 0 {
                scores["half"] = json!(is_back);
            }
            if rows.len() < 3 {
                scores["rare"] = json!(0.25);
            }
            rows.push(json!({"id": format!("o{}", rows.len()), "prompt": prompt, "scores": scores}));
        }
    }
    rows
}

fn forth(thing: &str) -> String {
    format!("French to German: {thing}")
}

fn back(thing: &str) -> String {
    format!("German to French: {thing}")
}

fn labels() -> Vec<Value> {
    let label = |row: Value| {
        let task = if row["scores"]["back"] == 1 { "to_french" } else { "to_german" };
        json!({"id": row["id"], "prompt": row["prompt"], "task": task})
    };
    outcomes().into_iter().map(label).collect()
}

fn with_rows() -> Folder {
    let folder = Folder::new();
    folder.write_rows("outcomes.jsonl", &outcomes());
    folder.write_rows("labels.jsonl", &labels());
    folder
}

const QUICK: [&str; 12] = [
    "--epochs",
    "7",
    "--batch",
    "8",
    "--max-tokens",
    "24",
    "--validation",
    "0.25",
    "--encoder-rate",
    "3e-3",
    "--head-rate",
    "1e-2",
];

fn arguments<'a>(out: &'a str, embedder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--fine-tune", "--out", out, "--embedder", embedder][..], &QUICK, more].concat()
}

fn train(folder: &Folder, out: &str, more: &[&str]) -> String {
    folder.output_of(&arguments(out, &base(), more))
}

fn quality(folder: &Folder, artifact: &str, prompt: &str) -> Value {
    let row: Value =
        serde_json::from_str(&folder.output_of(&["route", prompt, "--json", "--router", artifact])).unwrap();
    row["predicted_quality"].clone()
}

#[test]
fn outcomes_alone_teach_the_encoder_and_its_own_heads_are_asked() {
    let folder = with_rows();
    let said = train(&folder, "mine", &["--outcomes", "outcomes.jsonl"]);
    assert!(said.contains("the encoder's own heads count"), "{said}");
    let manifest = folder.read_json("mine/router.json");
    let names: Vec<&Value> = manifest["embedders"].as_array().unwrap().iter().map(|record| &record["name"]).collect();
    assert_eq!(names, ["builtin", "bert-xlmr-vocabulary-tuned"]);
    assert_eq!((&manifest["quality"]["embedder"], &manifest["quality"]["network_embedder"]), (&json!(0), &json!(1)));
    assert!(manifest["task"]["origin"].as_str().unwrap().starts_with("router@"), "tasks are inherited");
    let metrics = &manifest["card"]["metrics"];
    assert_eq!(metrics["fine_tuning"]["rows_learnt"], 48);
    let network = &metrics["quality_network"];
    assert_eq!((&network["rows_kept_from_the_encoder"], &network["models_without"]), (&json!(16), &json!(["rare"])));
    assert!(network["share"].as_f64().unwrap() > 0.0, "{network}");
    let losses: Vec<f64> = metrics["fine_tuning"]["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|look| {
            assert_eq!(look["score"].as_f64(), look["quality_loss"].as_f64().map(|loss| -loss), "{look}");
            look["quality_loss"].as_f64().unwrap()
        })
        .collect();
    let least = losses.iter().copied().fold(f64::MAX, f64::min);
    assert_eq!(metrics["fine_tuning"]["kept"]["quality_loss"], json!(least), "{losses:?}");

    let [forth, back] = [forth("mountain"), back("mountain")].map(|prompt| quality(&folder, "mine", &prompt));
    for (model, said) in [("forth", &forth), ("back", &back), ("half", &back)] {
        assert!(said[model].as_f64().unwrap() > 0.75, "{model}: {said}");
    }
    for (model, said) in [("forth", &back), ("back", &forth), ("half", &forth)] {
        assert!(said[model].as_f64().unwrap() < 0.25, "{model}: {said}");
    }
    assert!((back["rare"].as_f64().unwrap() - 0.25).abs() < 0.05, "{back}");

    let report = ["evaluate", "--router", "mine", "--outcomes", "outcomes.jsonl", "--strong", "steady", "--weak"];
    let report: Value =
        serde_json::from_str(&folder.output_of(&[&report[..], &["forth", "--json", "-"]].concat())).unwrap();
    let apgr = report["outcomes"]["two_model"]["router"]["apgr"].as_f64();
    assert!(apgr.unwrap() > 0.9, "{}", report["outcomes"]["two_model"]);
}

/// A switched-off or busy encoder costs its part of the prediction and nothing else.
#[test]
fn without_its_encoder_the_other_parts_predict() {
    let prompt = back("mountain");
    let prompt = prompt.as_str();
    let folder = with_rows();
    train(&folder, "mine", &["--outcomes", "outcomes.jsonl"]);
    let (manifest, classifier) = read_artifact(&folder.path("mine"), READER_VERSION).unwrap();
    let alone = classifier.first_tier_alone();
    let encoder = folder.path("mine/encoder");
    let transformer = Arc::new(Transformer::from_folder("tuned", &encoder, DeviceChoice::Cpu, Precision::F32).unwrap());
    let limits = QueueLimits { wait: Duration::ZERO, ..QueueLimits::default() };
    let queue = EmbeddingQueue::start(Arc::clone(&transformer), limits).unwrap();
    let table = Tier::start(open(BUILTIN, None, Precision::F32).unwrap()).unwrap();
    let tiers = vec![table, Tier::Transformer(transformer, queue)];
    let brain = Brain::new(&manifest, Arc::new(classifier), tiers).unwrap();
    let without = alone.classify(&brain.first_features_blocking(prompt).unwrap()).predicted_quality;

    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let all = metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            // How fast the model is, nobody knows before its first pass.
            brain.classify(prompt).await.unwrap();
            futures_util::future::join_all((0..200).map(|_| brain.classify(prompt))).await
        })
    });
    let all: Vec<_> = all.into_iter().map(|classified| classified.unwrap().classification.predicted_quality).collect();
    let shed = all.iter().filter(|quality| **quality == without).count();
    assert!((1..200).contains(&shed), "{shed} of 200 without the encoder");
    let metrics = recorder.handle().render();
    assert!(metrics.contains(&format!("{SECOND_TIER_SHED} {shed}")), "{shed} without the encoder: {metrics}");

    std::fs::remove_dir_all(&encoder).unwrap();
    let route = ["route", prompt, "--json", "--config", "semroute.toml"];
    let config = |embedder: &str| {
        format!(
            "[router]\nartifact = \"mine\"\nembedder = \"{embedder}\"\n\
             [[providers]]\nname = \"p\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
             [[models]]\nname = \"back\"\nprovider = \"p\"\n[[models]]\nname = \"forth\"\nprovider = \"p\"\n"
        )
    };
    folder.write("semroute.toml", config("cascade"));
    folder.expect_refusal(&route, &["the artifact's own encoder"]);
    folder.write("semroute.toml", config("builtin"));
    let row: Value = serde_json::from_str(&folder.output_of(&route)).unwrap();
    let said = row["predicted_quality"]["back"].as_f64().unwrap();
    assert!((said - without.get("back").unwrap()).abs() < 1e-6, "{row}");
}

#[test]
fn labels_and_outcomes_are_learnt_together_and_prompts_of_both_stand_on_one_side() {
    let folder = with_rows();
    let both = ["--outcomes", "outcomes.jsonl", "--labels", "labels.jsonl", "--method", "centroid"];
    train(&folder, "mine", &both);
    let manifest = folder.read_json("mine/router.json");
    let names: Vec<&Value> = manifest["embedders"].as_array().unwrap().iter().map(|record| &record["name"]).collect();
    assert_eq!(names, ["bert-xlmr-vocabulary-tuned", "builtin"], "tables and neighbours read what learns of nobody");
    assert_eq!(manifest["quality"]["embedder"], 1);
    let told = &manifest["card"]["metrics"]["fine_tuning"];
    assert_eq!((&told["rows_learnt"], &told["rows_kept"]), (&json!(96), &json!(32)), "{told}");
    let network = &manifest["card"]["metrics"]["quality_network"];
    assert_eq!(network["rows_kept_from_the_encoder"], 16, "the prompts whose labels are kept");
    let last = told["history"].as_array().unwrap().last().unwrap().clone();
    let of = |name: &str| last[name].as_f64().unwrap();
    let expected = (of("task_accuracy") + of("task_macro_f1")) / 2.0 - of("quality_loss");
    assert!((of("score") - expected).abs() < 1e-9, "{last}");
    for (prompt, task, model) in [(forth("mountain"), "to_german", "forth"), (back("mountain"), "to_french", "back")] {
        let route = ["route", &prompt, "--json", "--router", "mine"];
        let row: Value = serde_json::from_str(&folder.output_of(&route)).unwrap();
        assert_eq!(row["task"], task);
        assert!(row["predicted_quality"][model].as_f64().unwrap() > 0.75, "{row}");
    }
    // In a cascade the encoder is asked for unsure prompts alone, for quality as for tasks.
    let cascade = format!("cascade:{}", base());
    folder.output_of(&arguments("both", &cascade, &both));
    let manifest = folder.read_json("both/router.json");
    assert_eq!((&manifest["embedders"][0]["name"], &manifest["quality"]["embedder"]), (&json!("builtin"), &json!(0)));
    assert_eq!((&manifest["quality"]["network_embedder"], manifest["second_tier"].is_object()), (&json!(1), true));
    assert!(quality(&folder, "both", &back("mountain"))["back"].is_f64());
}

/// An encoder that tells nothing is not carried about.
#[test]
fn heads_that_gain_nothing_are_left_out_with_their_encoder() {
    let folder = Folder::new();
    let rows: Vec<Value> = outcomes()
        .into_iter()
        .map(|row| json!({"prompt": row["prompt"], "scores": {"one": 0.5, "other": 0.75}}))
        .collect();
    folder.write_rows("outcomes.jsonl", &rows);
    let said = train(&folder, "mine", &["--outcomes", "outcomes.jsonl"]);
    assert!(said.contains("gained nothing sure and are left out"), "{said}");
    let manifest = folder.read_json("mine/router.json");
    assert_eq!(manifest["embedders"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["card"]["metrics"]["quality_network"]["share"], 0.0);
    assert!(!folder.path("mine/encoder").exists());
    let said = quality(&folder, "mine", &back("mountain"));
    assert!(
        (said["one"].as_f64().unwrap() - 0.5).abs() < 1e-6 && (said["other"].as_f64().unwrap() - 0.75).abs() < 1e-6
    );
}

#[test]
fn a_run_that_was_killed_ends_with_the_same_artifact() {
    let folder = with_rows();
    let base = base();
    let run = ["--outcomes", "outcomes.jsonl", "--checkpoint", "run.safetensors", "--checkpoint-steps", "1"];
    let arguments = |out| arguments(out, &base, &run);
    folder.output_of(&arguments("whole/mine"));
    assert!(!folder.path("run.safetensors").exists(), "the run is over");

    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("semroute"))
        .current_dir(folder.path("."))
        .args(arguments("cut/mine"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut look = || lines.find(|line| line.as_ref().unwrap().contains("held-out quality loss")).unwrap().unwrap();
    // When the second is told, the step of the first is in the checkpoint.
    let (first_look, _) = (look(), look());
    child.kill().unwrap();
    child.wait().unwrap();
    // Without the time that is left.
    let first_look = first_look.rsplit_once(", ").unwrap().0;
    assert!(folder.path("run.safetensors").exists() && !folder.path("cut/mine").exists(), "{first_look}");

    folder.expect_refusal(&arguments("cut/mine"), &["run.safetensors", "resume it"]);
    let resumed = [&arguments("cut/mine")[..], &["--resume"]].concat();
    let output = folder.semroute(&resumed).assert().success().get_output().stderr.clone();
    assert!(!String::from_utf8(output).unwrap().contains(first_look), "it went on and did not begin anew");
    for file in ["router.json", "weights.safetensors", "encoder/model.safetensors"] {
        let [whole, cut] = ["whole", "cut"].map(|run| folder.read(&format!("{run}/mine/{file}")));
        assert!(whole == cut, "{file} differs");
    }
    folder.write_rows("outcomes.jsonl", &outcomes()[1..]);
    std::fs::copy(folder.path("whole/mine/weights.safetensors"), folder.path("run.safetensors")).unwrap();
    folder.expect_refusal(&[&arguments("cut/mine")[..], &["--resume"]].concat(), &["run.safetensors"]);
}

#[test]
fn what_cannot_be_learnt_from_is_named() {
    let folder = with_rows();
    let base = base();
    let refused = |more: &[&str], expected: &[&str]| {
        folder.expect_refusal(&[&arguments("mine", &base, more)[..], &["--outcomes", "rows.jsonl"]].concat(), expected);
    };
    let row = |at: usize, scores: Value| json!({"prompt": format!("what is {at} and {at}"), "scores": scores});
    folder.write_rows("rows.jsonl", &[row(1, json!({"m": 1})), row(2, json!({"m": 2}))]);
    refused(&[], &["rows.jsonl:2: ", "\"scores.m\""]);
    folder.write_rows("rows.jsonl", &(0..3).map(|at| row(at, json!({"m": 1}))).collect::<Vec<_>>());
    refused(&[], &["--validation 0.25: of 3 rows of outcomes 1 would be kept", "raise it, or give more"]);
    // One prompt, however often it was answered, is learnt or kept.
    let again: Vec<Value> = (0..40).map(|at| row(1, json!({format!("m{at}"): 1}))).collect();
    folder.write_rows("rows.jsonl", &again);
    refused(&[], &["0 row(s) are left to fine-tune on"]);
    folder.write_rows("rows.jsonl", &(0..40).map(|at| row(at, json!({"m": 1}))).collect::<Vec<_>>());
    refused(&["--auxiliary-field", "finer"], &["--auxiliary-field finer: no row has this field"]);
    let none = ["train", "--fine-tune", "--out", "mine", "--embedder", &base];
    folder.expect_refusal(&none, &["give --labels FILE, --outcomes FILE"]);
    let looks = [&arguments("mine", &base, &["--outcomes", "rows.jsonl"])[..], &["--looks-per-epoch", "0"]].concat();
    folder.expect_refusal(&looks, &["evaluations per epoch is 0"]);
    let file: PathBuf = folder.path("mine");
    assert!(!file.exists());
}
