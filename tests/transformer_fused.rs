//! Our kernels beside candle's plain forward pass on the same folders: tiny ones that the repository holds, and all-MiniLM-L6-v2 where it can be had.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

#[path = "transformer_multilingual/tiny_folders.rs"]
#[allow(dead_code, reason = "each test file uses the part it needs")]
mod tiny_folders;

mod common;

use std::path::Path;

use common::installation::or_skip;
use semroute::embedder::{DeviceChoice, Embedder, Embedding, Precision, Transformer, locate, pull};
use serde_json::{Value, json};
use tiny_folders::{ALL, BERT, Copied, XLM_ROBERTA, fixture, reference, texts};

const MODEL: &str = "all-MiniLM-L6-v2";

fn embed(folder: &Path, device: DeviceChoice, precision: Precision, texts: &[String]) -> Vec<Embedding> {
    let transformer = Transformer::from_folder("fused", folder, device, precision).unwrap();
    transformer.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

fn furthest(one: &[Embedding], other: &[Embedding]) -> f32 {
    assert_eq!(one.len(), other.len());
    let differences = one.iter().zip(other).flat_map(|(one, other)| one.vector.iter().zip(&other.vector));
    differences.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

fn lowest_cosine(one: &[Embedding], other: &[Embedding]) -> f32 {
    let cosine =
        |(one, other): (&Embedding, &Embedding)| one.vector.iter().zip(&other.vector).map(|(x, y)| x * y).sum();
    one.iter().zip(other).map(cosine).fold(1.0, f32::min)
}

/// Prompts of the repository, spread over all of its files.
fn prompts(count: usize) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/train");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let rows: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            text.lines()
                .map(|row| serde_json::from_str::<Value>(row).unwrap()["prompt"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(rows.len() > count);
    rows.iter().step_by(rows.len() / count).take(count).cloned().collect()
}

#[test]
fn every_tiny_model_has_the_vectors_of_the_plain_forward_pass() {
    for name in ALL {
        let texts = texts(&reference(name).rows);
        let plain = embed(&fixture(name), DeviceChoice::CpuByCandle, Precision::F32, &texts);
        let fused = embed(&fixture(name), DeviceChoice::Cpu, Precision::F32, &texts);
        let difference = furthest(&fused, &plain);
        assert!(difference <= 1e-5, "{name}: a component is off by {difference}");
    }
}

#[test]
fn every_pooling_and_activation_is_the_plain_one() {
    for pooling in ["cls", "max", "mean"] {
        for activation in ["relu", "gelu"] {
            let copy = Copied::of(XLM_ROBERTA);
            copy.edit("config.json", |config| config["hidden_act"] = json!(activation));
            copy.write("1_Pooling/config.json", &json!({"pooling_mode": pooling}));
            let texts = texts(&reference(XLM_ROBERTA).rows);
            let folder = copy.file("");
            let plain = embed(&folder, DeviceChoice::CpuByCandle, Precision::F32, &texts);
            let fused = embed(&folder, DeviceChoice::Cpu, Precision::F32, &texts);
            let difference = furthest(&fused, &plain);
            assert!(difference <= 1e-5, "{pooling}, {activation}: a component is off by {difference}");
        }
    }
}

#[test]
fn what_the_kernels_do_not_know_is_computed_plainly_and_not_as_bytes() {
    let copy = Copied::of(XLM_ROBERTA);
    copy.edit("config.json", |config| config["hidden_act"] = json!("gelu_new"));
    let texts = texts(&reference(XLM_ROBERTA).rows);
    let plain = embed(&copy.file(""), DeviceChoice::CpuByCandle, Precision::F32, &texts);
    assert_eq!(embed(&copy.file(""), DeviceChoice::Cpu, Precision::F32, &texts), plain);
    let refused = Transformer::from_folder("fused", &copy.file(""), DeviceChoice::Cpu, Precision::Int8);
    let message = refused.err().expect("bytes are refused").to_string();
    assert!(message.contains("int8") && message.contains("use f32"), "{message}");
}

#[test]
fn bytes_are_near_and_the_fingerprint_is_the_same() {
    let texts = texts(&reference(BERT).rows);
    let whole = embed(&fixture(BERT), DeviceChoice::Cpu, Precision::F32, &texts);
    let bytes = embed(&fixture(BERT), DeviceChoice::Cpu, Precision::Int8, &texts);
    assert!(furthest(&bytes, &whole) > 0.0, "nothing was rounded");
    let cosine = lowest_cosine(&bytes, &whole);
    assert!(cosine >= 0.99, "{cosine}");
    let fingerprint = |precision| {
        let transformer = Transformer::from_folder("fused", &fixture(BERT), DeviceChoice::Cpu, precision).unwrap();
        transformer.identity().fingerprint.clone()
    };
    assert_eq!(fingerprint(Precision::F32), fingerprint(Precision::Int8));
}

#[test]
fn real_weights_give_the_plain_vectors_and_bytes_stay_near() {
    let folder = locate(MODEL).or_else(|_| pull(MODEL, None, &())).map_err(|error| error.to_string());
    let Some(folder) = or_skip("the kernels on real weights", folder) else { return };
    let few = prompts(12);
    let plain = embed(&folder, DeviceChoice::CpuByCandle, Precision::F32, &few);
    let difference = furthest(&embed(&folder, DeviceChoice::Cpu, Precision::F32, &few), &plain);
    assert!(difference <= 1e-5, "a component is off by {difference}");

    // docs/performance.md has the figures of 1,000.
    let count = std::env::var("SEMROUTE_TEST_PROMPTS").map_or(60, |count| count.parse().unwrap());
    let many = prompts(count);
    let whole = embed(&folder, DeviceChoice::Cpu, Precision::F32, &many);
    let bytes = embed(&folder, DeviceChoice::Cpu, Precision::Int8, &many);
    let cosines = || {
        many.iter()
            .zip(whole.iter().zip(&bytes))
            .map(|(text, (one, other))| (lowest_cosine(std::slice::from_ref(one), std::slice::from_ref(other)), text))
    };
    let mean = cosines().map(|(cosine, _)| f64::from(cosine)).sum::<f64>() / many.len() as f64;
    let (lowest, text) = cosines().min_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
    println!("cosine of bytes to whole numbers on {} prompts: {mean:.5} in the mean, {lowest:.5} at worst", many.len());
    assert!(lowest >= 0.985 && mean >= 0.995, "{lowest} of {text:?}, {mean} in the mean");
}
