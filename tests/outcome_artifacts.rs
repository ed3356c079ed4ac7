//! What an artifact that was trained on outcomes keeps and says: answer lengths, held-out predictions and the curve of cost against
//! quality that follows from them, difficulty. Through the real binary and the library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::sync::Arc;

use command_line::{Folder, task_rows};
use semroute::classifier::{Classification, Classifier, builtin_difficulty, read_artifact};
use semroute::commands::parts;
use semroute::embedder::BUILTIN;
use semroute::prompt::READER_VERSION;
use serde_json::{Value, json};

const TRAIN: [&str; 5] = ["train", "--outcomes", "outcomes.jsonl", "--out", "mine"];

/// Greetings that both models answer, proofs that only the dear one does, at ten times the cost.
fn rows_with_costs(count: usize) -> Vec<Value> {
    (0..count)
        .map(|at| {
            let (prompt, small) = match at % 2 {
                0 => (format!("hello there, how was day {at} for you"), 1.0),
                _ => (format!("prove rigorously that every group of order {at} squared is abelian"), 0.0),
            };
            json!({
                "prompt": prompt,
                "scores": {"large": 1.0, "small": small},
                "cost_usd": {"large": 0.01, "small": 0.001},
            })
        })
        .collect()
}

fn classify(artifact: &str, prompts: &[&str]) -> Vec<Classification> {
    let brain = parts::open_brain(artifact).unwrap();
    let classified = brain.classify_many(prompts, &|_| ()).unwrap();
    classified.into_iter().map(|classified| classified.classification).collect()
}

fn classifier(folder: &Folder) -> Classifier {
    read_artifact(&folder.path("mine"), READER_VERSION).unwrap().1
}

#[test]
fn outcomes_with_costs_tell_what_keeping_most_of_the_quality_saves() {
    let folder = Folder::new();
    folder.write_rows("outcomes.jsonl", &rows_with_costs(120));
    let said = folder.output_of(&TRAIN);
    let expected = "keeping 90% of the best predicted quality gave 100% of large's quality at 55% of its cost on 120 held-out rows";
    assert!(said.contains(expected), "{said}");
    let curve = &folder.read_json("mine/router.json")["card"]["metrics"]["cost_quality_curve"];
    assert_eq!((curve["best_single"].as_str(), curve["rows"].as_u64()), (Some("large"), Some(120)));
    assert_eq!(curve["models"], json!(["large", "small"]));
    let points = curve["points"].as_array().unwrap();
    assert_eq!(points.len(), 21);
    assert_eq!(points[0]["kept"], 0.0);
    assert!((points[0]["quality_share"].as_f64().unwrap() - 0.5).abs() < 1e-6, "{}", points[0]);
    assert!((points[0]["cost_share"].as_f64().unwrap() - 0.1).abs() < 1e-6, "{}", points[0]);
    // Whoever reads the artifact can compute it again, and at other prices.
    let outcomes = classifier(&folder).validation_outcomes().unwrap();
    assert_eq!(&serde_json::to_value(outcomes.curve().unwrap()).unwrap(), curve);
    let dear_small = outcomes.curve_at(&[0, 1], |_, model| Some([0.001, 0.01][model])).unwrap();
    assert!(dear_small.points.iter().all(|point| (point.cost_share - 1.0).abs() < 1e-9));
    assert_eq!(outcomes.input_tokens.len(), 120);
    assert!(outcomes.output_tokens.iter().all(Option::is_none));
    let cost = classify(&folder.path("mine").display().to_string(), &["hello there"])[0].predicted_cost_usd();
    assert!((cost.get("small").unwrap() - 0.001).abs() < 1e-6 && (cost.get("large").unwrap() - 0.01).abs() < 1e-6);
}

#[test]
fn outcomes_without_costs_have_predictions_and_no_curve() {
    let folder = Folder::new();
    let mut rows = rows_with_costs(30);
    rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("cost_usd")));
    rows[3]["scores"]["small"] = Value::Null;
    folder.write_rows("outcomes.jsonl", &rows);
    let said = folder.output_of(&TRAIN);
    assert!(!said.contains("keeping"), "{said}");
    assert_eq!(folder.read_json("mine/router.json")["card"]["metrics"].get("cost_quality_curve"), None);
    let outcomes = classifier(&folder).validation_outcomes().unwrap();
    assert_eq!((outcomes.rows, outcomes.models.len(), outcomes.predicted.len()), (30, 2, 60));
    assert_eq!(outcomes.curve(), None);
    let unknown: Vec<usize> = (0..60).filter(|at| outcomes.predicted[*at].is_none()).collect();
    assert_eq!(unknown, [7], "no score, no held-out prediction");
    assert!(classify(&folder.path("mine").display().to_string(), &["hello"])[0].predicted_cost_usd().is_empty());
}

#[test]
fn answer_lengths_are_learnt_by_task_and_tokens_go_before_characters() {
    let folder = Folder::new();
    let rows: Vec<Value> = (0..5)
        .flat_map(|_| task_rows())
        .map(|row| {
            let tokens = if row["task"] == "code" { 800 } else { 40 };
            json!({
                "prompt": row["prompt"],
                "scores": {"counted": 0.5, "measured": 0.5, "silent": 0.5},
                "output_tokens": {"counted": tokens},
                "output_chars": {"counted": 1, "measured": 4 * tokens},
            })
        })
        .collect();
    folder.write_rows("outcomes.jsonl", &rows);
    folder.output_of(&TRAIN);
    let artifact = folder.path("mine").display().to_string();
    let said = classify(&artifact, &["Write a Python function for windows", "Translate windows into French"]);
    for model in ["counted", "measured"] {
        let [code, translation] = [0, 1].map(|at: usize| *said[at].predicted_output_tokens.get(model).unwrap());
        assert!(code > 2.0 * translation && (40.0..=800.0).contains(&translation), "{model}: {code} {translation}");
    }
    assert_eq!(said[0].predicted_output_tokens.get("silent"), None);
    let outcomes = classifier(&folder).validation_outcomes().unwrap();
    let first: Vec<Option<f32>> = outcomes.output_tokens[..3].to_vec();
    assert!(first[0].is_some() && first[0] == first[1] && first[2].is_none(), "{first:?}");
    let mean = &folder.read_json("mine/router.json")["outcomes"]["counted"]["output_tokens"];
    assert!((mean.as_f64().unwrap() - 420.0).abs() < 1e-6, "{mean}");
}

#[test]
fn lengths_that_are_no_counts_are_named() {
    let folder = Folder::new();
    for field in ["output_tokens", "output_chars"] {
        for bad in ["-3", "2.5", "\"many\"", "true", "[1]"] {
            let row = |length: &str| {
                format!("{{\"prompt\": \"Hi\", \"scores\": {{\"m\": 1}}, \"{field}\": {{\"m\": {length}}}}}")
            };
            folder.write("outcomes.jsonl", format!("{}\n{}\n{}\n", row("12"), row("null"), row(bad)));
            let message = format!("\"{field}.m\" must be a whole number, zero or more");
            folder.expect_refusal(&TRAIN, &["outcomes.jsonl:3: ", &message]);
        }
        folder.write(
            "outcomes.jsonl",
            format!("{{\"prompt\": \"Hi\", \"scores\": {{\"m\": 1}}, \"{field}\": {{\"m\": NaN}}}}"),
        );
        folder.expect_refusal(&TRAIN, &["outcomes.jsonl:1: ", "not valid JSON"]);
        folder.write("outcomes.jsonl", format!("{{\"prompt\": \"Hi\", \"scores\": {{\"m\": 1}}, \"{field}\": 7}}"));
        folder.expect_refusal(&TRAIN, &["outcomes.jsonl:1: ", "must be an object, found a number"]);
    }
}

#[test]
fn an_artifact_of_another_difficulty_prior_is_refused_by_name() {
    let folder = Folder::new();
    folder.write_rows("outcomes.jsonl", &rows_with_costs(30));
    folder.output_of(&TRAIN);
    let mut manifest = folder.read_json("mine/router.json");
    let ours = builtin_difficulty(READER_VERSION).unwrap().fingerprint.clone();
    assert_eq!(manifest["quality"]["difficulty"], ours.as_str());
    let other = "0".repeat(64);
    manifest["quality"]["difficulty"] = json!(other);
    manifest["seal"] = json!("");
    let text = manifest.to_string();
    let seal = blake3::hash(text.as_bytes()).to_hex();
    folder.write("mine/router.json", text.replacen("\"seal\":\"\"", &format!("\"seal\":\"{seal}\""), 1));
    let route = ["route", "Hello", "--router", "mine"];
    folder.expect_refusal(&route, &["mine", "difficulty prior", &other, &ours, "train it anew"]);
}

/// The built-in router has no outcomes, and says it all the same.
#[test]
fn every_router_says_how_hard_a_prompt_looks() {
    let hard = "A particle in a one-dimensional infinite potential well is perturbed by a weak delta potential at the centre. \
                Calculate the first-order correction to the energies of all stationary states.";
    let said = classify(BUILTIN, &["What colour is the sky?", hard]);
    let [easy, hard] = [0, 1].map(|at: usize| said[at].difficulty.unwrap());
    assert!((0.0..=1.0).contains(&easy) && (0.0..=1.0).contains(&hard) && hard > easy + 0.1, "{easy} {hard}");
    let difficulty = builtin_difficulty(READER_VERSION).unwrap();
    assert!(Arc::ptr_eq(&difficulty, &builtin_difficulty(READER_VERSION).unwrap()), "read once");
}

fn difficulty_rows(count: usize) -> Vec<Value> {
    let row = |at: usize| {
        let easy = at.is_multiple_of(2);
        let prompt =
            if easy { format!("Say hello to guest {at}") } else { format!("Integrate x to the {at} by parts") };
        let score = |right: bool| f64::from(u8::from(right));
        json!({"prompt": prompt, "scores": {"a": score(easy), "b": score(easy), "c": score(easy && !at.is_multiple_of(3))}})
    };
    (0..count).map(row).collect()
}

#[test]
fn a_prior_is_fitted_without_the_prompts_that_are_measured() {
    let folder = Folder::new();
    folder.write_rows("learnt.jsonl", &difficulty_rows(400));
    folder.write_rows("measured.jsonl", &[json!({"prompt": "integrate X to the 7: by parts", "scores": {"a": 1}})]);
    let fit = |out: &'static str| {
        let files = ["--rows", ".", "--outcomes", "learnt.jsonl", "--without", "measured.jsonl"];
        [&["fit-difficulty"], &files[..], &["--out", out]].concat()
    };
    folder.output_of(&fit("prior"));
    let manifest = folder.read_json("prior/difficulty.json");
    assert_eq!(manifest["metrics"]["rows_left_out"], json!({"learnt.jsonl": 1}));
    assert_eq!(
        (&manifest["inputs"][0]["rows"], &manifest["withheld"][0]["file"]),
        (&json!(399), &json!("measured.jsonl"))
    );
    let weights = folder.read("prior/difficulty.safetensors");
    assert_eq!(manifest["weights_blake3"], blake3::hash(&weights).to_hex().as_str());
    folder.output_of(&fit("again"));
    assert_eq!(folder.read("again/difficulty.safetensors"), weights);
    std::fs::create_dir(folder.path("other")).unwrap();
    folder.expect_refusal(&fit("other"), &["--out other", "no difficulty prior"]);
    let absent = ["fit-difficulty", "--rows", ".", "--outcomes", "absent.jsonl", "--out", "new"];
    folder.expect_refusal(&absent, &["--rows", "absent.jsonl", "name the folder"]);
    folder.write_rows("learnt.jsonl", &difficulty_rows(50));
    folder.expect_refusal(&fit("few"), &["three models with 200 rows"]);
}
