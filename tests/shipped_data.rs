//! The prompts in `data/`: every row is valid, every kind of prompt is there, and what is held out is held out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use semroute::dataset::{JsonLines, LabelFields, LabelRow, PromptSource};

const TASKS: [&str; 14] = [
    "chat",
    "simple_qa",
    "code",
    "math",
    "translation",
    "summarization",
    "extraction",
    "classification",
    "rewriting",
    "creative_writing",
    "functional_writing",
    "brainstorming",
    "advice",
    "complex_reasoning",
];
const COMPLEXITIES: [&str; 4] = ["low", "medium", "high", "critical"];
/// Files that lean on some tasks, as data/README.md says; every other one holds every task at every complexity.
const LEANING: [&str; 2] = ["papers", "archive"];
/// Prompts of each task and complexity that every other file holds.
const LEAST_ROWS_A_CELL: usize = 3;

struct Row {
    file: String,
    id: String,
    prompt: String,
    task: String,
    complexity: String,
}

fn rows_of(part: &str) -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(part);
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for row in LabelRow::read_file(&path, &LabelFields::default()).unwrap() {
            let PromptSource::Text(prompt) = row.prompt.source else { panic!("{}: a conversation", path.display()) };
            rows.push(Row {
                file: file.clone(),
                id: row
                    .prompt
                    .id
                    .as_str()
                    .unwrap_or_else(|| panic!("{}:{}: no id", path.display(), row.prompt.line))
                    .into(),
                prompt,
                task: row.task.unwrap_or_default(),
                complexity: row.complexity.unwrap_or_default(),
            });
        }
    }
    rows
}

/// Prompts that differ only in case and spaces are the same prompt.
fn bare(prompt: &str) -> String {
    prompt.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_row_is_labelled_with_known_labels() {
    for part in ["train", "heldout"] {
        for row in rows_of(part) {
            assert!(TASKS.contains(&row.task.as_str()), "{}: task {:?}", row.id, row.task);
            assert!(COMPLEXITIES.contains(&row.complexity.as_str()), "{}: complexity {:?}", row.id, row.complexity);
            assert!(row.id.starts_with(&format!("{}/", row.file)), "{} stands in {}", row.id, row.file);
        }
    }
}

#[test]
fn rows_hold_the_documented_fields_and_no_other() {
    for part in ["train", "heldout"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(part)).unwrap() {
            let path = entry.unwrap().path();
            for object in JsonLines::open(&path).unwrap() {
                let (line, object) = object.unwrap();
                let keys: Vec<&String> = object.keys().collect();
                assert_eq!(keys, ["id", "prompt", "task", "complexity", "language"], "{}:{line}", path.display());
                assert!(object["language"].as_str().is_some_and(|code| code.len() == 2), "{}:{line}", path.display());
            }
        }
    }
}

#[test]
fn every_task_at_every_complexity_is_in_every_file() {
    for part in ["train", "heldout"] {
        let mut cells: BTreeMap<(String, &str, &str), usize> = BTreeMap::new();
        let rows = rows_of(part);
        let files: BTreeSet<&String> = rows.iter().map(|row| &row.file).collect();
        for row in &rows {
            *cells.entry((row.file.clone(), &row.task, &row.complexity)).or_default() += 1;
        }
        assert!(!files.is_empty(), "{part}");
        for file in files.into_iter().filter(|file| !LEANING.contains(&file.as_str())) {
            for (task, complexity) in TASKS.iter().flat_map(|task| COMPLEXITIES.map(|complexity| (task, complexity))) {
                let found = cells.get(&(file.clone(), task, complexity)).copied().unwrap_or(0);
                assert!(found >= LEAST_ROWS_A_CELL, "{part}/{file}: {found} rows of {task} / {complexity}");
            }
        }
    }
}

#[test]
fn no_prompt_and_no_id_stands_twice_and_nothing_held_out_is_trained_on() {
    let (train, heldout) = (rows_of("train"), rows_of("heldout"));
    assert!(train.len() >= 700 && heldout.len() >= 200, "{} and {} rows", train.len(), heldout.len());
    let mut prompts: HashMap<String, &str> = HashMap::new();
    let mut ids = BTreeSet::new();
    for row in train.iter().chain(&heldout) {
        assert!(ids.insert(row.id.as_str()), "the id {} stands twice", row.id);
        if let Some(other) = prompts.insert(bare(&row.prompt), &row.id) {
            panic!("{} and {other} are the same prompt: {:?}", row.id, row.prompt);
        }
    }
}

#[test]
fn the_readme_counts_right() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/README.md")).unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for part in ["train", "heldout"] {
        for row in rows_of(part) {
            *counts.entry(format!("{part}/{}.jsonl", row.file)).or_default() += 1;
        }
    }
    let told: BTreeMap<String, usize> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(file, rest)| (file.to_owned(), rest.split(' ').next().unwrap().parse().unwrap()))
        .collect();
    assert_eq!(told, counts);
    let total: usize = counts.values().sum();
    let written = format!("{},{:03} prompts", total / 1000, total % 1000);
    assert!(readme.contains(&written), "the README does not say {written}");
}
