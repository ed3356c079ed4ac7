//! `semroute train --fine-tune --unlabelled` and `semroute evaluate --compare`, through the real binary on a tiny encoder with random weights: a first tier that learnt
//! from the encoder, what the card says of it, what is refused and how, and routers side by side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, root};
use serde_json::{Value, json};

const THINGS: [&str; 10] = ["book", "garden", "song", "letter", "river", "street", "window", "table", "stone", "tree"];

fn embedder(cascade: bool) -> String {
    let base = root().join("tests/fixtures/transformers/bert-xlmr-vocabulary");
    format!("{}{}", if cascade { "cascade:" } else { "" }, base.display())
}

fn rows() -> Vec<Value> {
    let row = |(at, thing): (usize, &&str)| {
        [
            json!({"id": format!("t{at}"), "task": "translation", "complexity": "low",
                "prompt": format!("Translate the sentence about the {thing} into French.")}),
            json!({"id": format!("c{at}"), "task": "code", "complexity": if at % 2 == 0 { "high" } else { "medium" },
                "prompt": format!("Write a function for the {thing} and fix the bug in it.")}),
        ]
    };
    THINGS.iter().enumerate().flat_map(row).collect()
}

/// Other prompts in both of the shapes that are read, a labelled one and a repeated one among them.
fn unlabelled() -> Vec<Value> {
    let mut rows: Vec<Value> =
        THINGS.iter().map(|thing| json!({"text": format!("Put the story of the {thing} into Spanish")})).collect();
    rows.extend(THINGS.iter().map(|thing| json!({"prompt": format!("A class that sorts every {thing} by size")})));
    rows.push(rows[0].clone());
    rows.push(json!({"prompt": "Translate the sentence about the book into French."}));
    rows
}

fn with_rows() -> Folder {
    let folder = Folder::new();
    folder.write_rows("rows.jsonl", &rows());
    folder.write_rows("more.jsonl", &unlabelled());
    folder
}

fn arguments<'a>(out: &'a str, embedder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let always = ["train", "--fine-tune", "--labels", "rows.jsonl", "--out", out, "--embedder", embedder];
    let quick = ["--epochs", "1", "--batch", "10", "--max-tokens", "24", "--validation", "0.25"];
    [&always[..], &quick[..], more].concat()
}

/// The heads that were compared for a field and tier, by their method.
fn compared<'a>(manifest: &'a Value, field: &str, tier: &str) -> Vec<(&'a str, &'a Value)> {
    let all = manifest["card"]["metrics"][field]["compared"].as_array().unwrap();
    let of_tier = all.iter().filter(|one| one["tier"] == tier);
    of_tier.map(|one| (one["method"].as_str().unwrap(), one)).collect()
}

#[test]
fn the_first_tier_learns_from_the_encoder_where_that_is_better_and_the_card_says_so() {
    let folder = with_rows();
    let embedder = embedder(true);
    let said = folder.output_of(&arguments("mine", &embedder, &["--unlabelled", "more.jsonl", "more.jsonl"]));
    assert!(said.contains("distilled"), "{said}");
    let manifest = folder.read_json("mine/router.json");
    let told = &manifest["card"]["metrics"]["fine_tuning"]["unlabelled"];
    assert_eq!(told["rows"], 44, "{told}");
    assert_eq!(told["known_already"].as_u64().unwrap() + told["too_like_a_kept_row"].as_u64().unwrap(), 24, "{told}");
    assert_eq!(told["learnt_from"], 20, "{told}");
    let inputs = manifest["card"]["inputs"].as_array().unwrap();
    assert_eq!(inputs.iter().filter(|input| input["kind"] == "unlabelled" && input["rows"] == 22).count(), 2);
    for field in ["task", "complexity"] {
        let first = compared(&manifest, field, "first tier");
        let (_, distilled) = first.iter().find(|(method, _)| *method == "distilled").unwrap();
        assert_eq!(distilled["fit"]["taught_rows"], 20, "{distilled}");
        assert!(distilled["fit"]["label_share"].is_number() && distilled["fit"]["loss"].is_string(), "{distilled}");
        let loss = |one: &Value| one["held_out_log_loss"].as_f64().unwrap();
        let least = first.iter().map(|(_, one)| loss(one)).fold(f64::INFINITY, f64::min);
        // What is written is rounded, so that several may be the best.
        let best: Vec<&str> = first.iter().filter(|(_, one)| loss(one) <= least).map(|(method, _)| *method).collect();
        let chosen = manifest["card"]["metrics"][field]["method"].as_str().unwrap();
        assert!(best.contains(&chosen), "{field}: {chosen} of {best:?}");
        let second = compared(&manifest, field, "second tier");
        assert!(!second.iter().any(|(method, _)| *method == "distilled"));
        let of = |name: &str| second.iter().find(|(method, _)| *method == name).unwrap().1;
        let (alone, with_ngrams) = (of("network"), of("network and n-grams"));
        assert!(loss(with_ngrams) < loss(alone), "an encoder of random weights knows less than n-grams: {second:?}");
        let weight = &with_ngrams["fit"]["weight_of_ngrams"];
        assert!(weight.is_number() && distilled["fit"]["teacher_weight_of_ngrams"] == *weight, "{distilled}");
    }

    folder.output_of(&arguments("again", &embedder, &["--unlabelled", "more.jsonl", "more.jsonl"]));
    for file in ["weights.safetensors", "encoder/model.safetensors"] {
        let same = folder.read(&format!("mine/{file}")) == folder.read(&format!("again/{file}"));
        assert!(same, "{file}: the same rows and seed give the same bytes");
    }
    let route = ["route", "Put the story of the tree into Spanish", "--json", "--router", "mine"];
    let row: Value = serde_json::from_str(&folder.output_of(&route)).unwrap();
    assert_eq!(row["task_scores"].as_object().unwrap().len(), 2, "{row}");
}

#[test]
fn what_cannot_be_learnt_from_is_refused_before_anything_is_trained() {
    let folder = with_rows();
    let (cascade, alone) = (embedder(true), embedder(false));
    let refused = |embedder: &str, expected: &[&str]| {
        folder.expect_refusal(&arguments("mine", embedder, &["--unlabelled", "more.jsonl"]), expected);
    };
    refused(&alone, &["--unlabelled", "give --embedder cascade"]);
    let frozen = ["train", "--labels", "rows.jsonl", "--out", "mine", "--unlabelled", "more.jsonl"];
    folder.expect_refusal(&frozen, &["--fine-tune"]);
    folder.write("more.jsonl", "{\"text\": \"fine\"}\n\n{\"words\": 3}\n");
    refused(&cascade, &["more.jsonl:3", "\"prompt\""]);
    folder.write("more.jsonl", "{\"text\": \"fine\"}\n{\"prompt\": \"cut o");
    refused(&cascade, &["more.jsonl:2", "not valid JSON"]);
    folder.write("more.jsonl", "{\"prompt\": 7}\n");
    refused(&cascade, &["more.jsonl:1", "must be a string"]);
    folder.write("more.jsonl", "{\"feature_space\": \"x\", \"features\": \"AAAA\"}\n");
    refused(&cascade, &["more.jsonl:1", "features only", "leave it out"]);
    folder.write("more.jsonl", "\n");
    refused(&cascade, &["more.jsonl", "holds no rows"]);
    std::fs::remove_file(folder.path("more.jsonl")).unwrap();
    refused(&cascade, &["more.jsonl"]);
}

#[test]
fn routers_stand_side_by_side_with_their_times() {
    let folder = with_rows();
    folder.output_of(&arguments("tuned", &embedder(true), &["--unlabelled", "more.jsonl"]));
    folder.output_of(&["train", "--labels", "rows.jsonl", "--out", "frozen"]);
    let evaluate = ["evaluate", "--router", "tuned", "--labels", "rows.jsonl", "--compare", "frozen"];
    let text = folder.output_of(&[&evaluate[..], &["--json", "report.json", "--html", "report.html"]].concat());
    let report = folder.read_json("report.json");
    let comparison = &report["comparison"];
    assert_eq!((&comparison["rows"], &comparison["prompts_timed"]), (&json!(20), &json!(20)), "{comparison}");
    let ways = comparison["ways"].as_array().unwrap();
    let names: Vec<(&str, &str)> =
        ways.iter().map(|way| (way["router"].as_str().unwrap(), way["way"].as_str().unwrap())).collect();
    let expected = [("tuned", "first tier"), ("tuned", "second tier"), ("tuned", "cascade"), ("frozen", "alone")];
    assert_eq!(names, expected, "{comparison}");
    for way in ways {
        for share in ["accuracy", "macro_f1", "ece", "second_tier_share"] {
            assert!((0.0..=1.0).contains(&way[share].as_f64().unwrap()), "{share}: {way}");
        }
        let (half, most) = (way["classify_us_p50"].as_f64().unwrap(), way["classify_us_p95"].as_f64().unwrap());
        assert!(half > 0.0 && most >= half, "{way}");
    }
    assert_eq!((&ways[0]["second_tier_share"], &ways[1]["second_tier_share"]), (&json!(0.0), &json!(1.0)));
    assert_eq!((&ways[1]["learnt"], &ways[3]["learnt"]), (&json!("fine-tuned"), &json!("frozen")));
    let measured = report["task"]["scores"]["accuracy"].as_f64().or(report["task"]["accuracy"].as_f64());
    assert_eq!(ways[2]["accuracy"].as_f64(), measured, "the cascade is what the report measures");
    for part in ["Comparison", "second tier", "by tier 2", "p95"] {
        assert!(text.contains(part), "{part}: {text}");
        let page = String::from_utf8(folder.read("report.html")).unwrap();
        assert!(page.contains(part), "{part}");
    }

    let refused = |more: &[&str], expected: &[&str]| {
        let all = [&["evaluate", "--router", "tuned", "--labels", "rows.jsonl"][..], more].concat();
        folder.expect_refusal(&all, expected);
    };
    refused(&["--compare", "nowhere"], &["--compare nowhere", "no such artifact"]);
    refused(&["--compare", "tuned"], &["--compare tuned", "named twice"]);
    refused(&["--compare", "frozen", "--holdout", "0.2"], &["--compare", "--holdout"]);
    folder.write_rows(
        "greek.jsonl",
        &[
            json!({"prompt": "Alpha", "task": "a"}),
            json!({"prompt": "Beta", "task": "b"}),
            json!({"prompt": "Gamma", "task": "a"}),
            json!({"prompt": "Delta", "task": "b"}),
        ],
    );
    folder.output_of(&["train", "--labels", "greek.jsonl", "--out", "greek"]);
    refused(&["--compare", "greek"], &["no row has a label that all routers know"]);
}
