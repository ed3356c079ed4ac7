//! How near estimated token counts are to those of OpenAI's own vocabularies, on every labelled prompt of `data/`, on the code and the documents
//! of this repository, and on what a log, a table or a hash looks like.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

use std::fmt::Write as _;
use std::path::Path;

use semroute::routing::token_estimate::{Family, estimate, with_margin};
use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

fn vocabularies() -> [(Family, &'static CoreBPE); 2] {
    [(Family::OpenAi, o200k_base_singleton()), (Family::OpenAiOld, cl100k_base_singleton())]
}

/// Texts of all files with an ending below a folder of the repository.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

fn prompts() -> Vec<String> {
    let rows = ["data/train", "data/heldout"].map(|folder| files(folder, "jsonl")).concat();
    let prompt = |row: &str| -> String {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        row["prompt"].as_str().unwrap().to_owned()
    };
    rows.iter().flat_map(|file| file.lines()).map(prompt).collect()
}

/// The value below which a share of the sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

#[test]
fn prompts_are_estimated_within_a_tenth() {
    let prompts = prompts();
    for (family, vocabulary) in vocabularies() {
        let (mut errors, mut covered) = (Vec::new(), 0);
        for prompt in &prompts {
            let (tokens, estimated) = (vocabulary.count_ordinary(prompt) as f64, estimate(prompt, family));
            covered += usize::from(with_margin(estimated, family) as f64 >= tokens);
            if tokens > 50.0 {
                errors.push((estimated as f64 - tokens).abs() / tokens);
            }
        }
        errors.sort_by(f64::total_cmp);
        let covered = covered as f64 / prompts.len() as f64;
        let (median, p95) = (quantile(&errors, 0.5), quantile(&errors, 0.95));
        let (long, worst) = (errors.len(), quantile(&errors, 1.0));
        println!(
            "{family:?}: {long} prompts above 50 tokens, error {median:.3} in the median, {p95:.3} at 95%, {worst:.3} at worst; upper estimate enough for {covered:.4}"
        );
        assert!(errors.len() > 3000 && median <= 0.10 && p95 <= 0.25 && covered >= 0.99);
    }
}

#[test]
fn code_and_documents_are_estimated_within_a_fifth() {
    let texts: Vec<String> = ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .chain(files("data", "md"))
        .chain(files("docs", "md"))
        .collect();
    for (family, vocabulary) in vocabularies() {
        for text in texts.iter().filter(|text| text.len() > 1000) {
            let (tokens, estimated) = (vocabulary.count_ordinary(text) as f64, estimate(text, family));
            let error = (estimated as f64 - tokens).abs() / tokens;
            assert!(error < 0.2, "{family:?}: {estimated} for {tokens} of {:?}", &text[..text.floor_char_boundary(80)]);
            assert!(with_margin(estimated, family) as f64 >= tokens);
        }
    }
}

#[test]
fn upper_estimates_hold_for_what_programs_send() {
    let mut log = String::new();
    let mut table = String::new();
    let mut keys = String::new();
    let mut state = 7_u64;
    for row in 0..200 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        writeln!(
            log,
            "2025-03-{:02}T10:{:02}:07Z WARN [worker-{row}] com.example.OrderService - retry after {state} ms",
            row % 28 + 1,
            row % 60
        )
        .unwrap();
        writeln!(table, "| {row} | {}.{:02} | {} |", state % 9973, row % 100, state % 17).unwrap();
        writeln!(keys, "{state:016x}{:016x}", state.rotate_left(17)).unwrap();
    }
    let spaces = format!("{}x\n", " ".repeat(100)).repeat(50);
    for (family, vocabulary) in vocabularies() {
        for text in [&log, &table, &keys, &spaces] {
            let (tokens, upper) = (vocabulary.count_ordinary(text) as u64, with_margin(estimate(text, family), family));
            assert!(upper >= tokens && upper < 2 * tokens, "{family:?}: {upper} for {tokens} of {:?}", &text[..60]);
        }
    }
}
