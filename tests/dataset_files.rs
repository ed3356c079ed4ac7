//! Rows from files: what is read, what is refused, and that the refusal names file and line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::Folder;
use proptest::prelude::*;
use semroute::dataset::{LabelFields, LabelRow, MAX_LINE_BYTES, OutcomeRow, PairRow, PromptRow, PromptSource};
use serde_json::json;

fn prompts(bytes: impl AsRef<[u8]>) -> Result<Vec<PromptRow>, String> {
    let folder = Folder::new();
    folder.write("rows.jsonl", bytes);
    PromptRow::read_file(&folder.path("rows.jsonl")).map_err(|error| error.to_string())
}

fn text_of(row: &PromptRow) -> &str {
    match &row.source {
        PromptSource::Text(text) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let rows = prompts("\n{\"prompt\": \"a\"}\r\n  \t\n{\"id\": \"x\", \"prompt\": \"b\\nc\"}").unwrap();
    let read: Vec<_> = rows.iter().map(|row| (row.line, row.id.clone(), text_of(row))).collect();
    assert_eq!(read, [(2, json!(2), "a"), (4, json!("x"), "b\nc")]);
    let error = prompts("{\"prompt\": \"a\"}\n\n\n{\"prompt\": 1}\n").unwrap_err();
    assert!(error.contains("rows.jsonl:4: "), "{error}");
}

#[test]
fn the_words_of_a_prompt_are_kept_as_they_are() {
    let prompt = "  two  spaces, a tab\t, \u{e9} and e\u{301}, \u{1f469}\u{200d}\u{1f4bb}, \"quotes\" \\ and a \u{0} ";
    let rows = prompts(json!({"prompt": prompt}).to_string()).unwrap();
    assert_eq!(text_of(&rows[0]), prompt);
}

#[test]
fn a_line_may_be_long_but_not_endless() {
    let line = |bytes: usize| {
        let frame = "{\"prompt\": \"\"}".len();
        format!("{{\"prompt\": \"{}\"}}\n", "x".repeat(bytes - frame - 1))
    };
    assert_eq!(line(100).len(), 100);
    assert_eq!(prompts(line(MAX_LINE_BYTES)).unwrap().len(), 1);
    let error = prompts(line(MAX_LINE_BYTES + 1)).unwrap_err();
    assert!(error.contains(":1: ") && error.contains(&MAX_LINE_BYTES.to_string()), "{error}");
}

#[test]
fn labels_may_be_words_or_numbers_and_are_trimmed() {
    let folder = Folder::new();
    folder.write_rows(
        "rows.jsonl",
        &[
            json!({"prompt": "a", "task": " code "}),
            json!({"prompt": "b", "task": 3, "complexity": null}),
            json!({"prompt": "c", "complexity": "low"}),
        ],
    );
    let rows = LabelRow::read_file(&folder.path("rows.jsonl"), &LabelFields::default()).unwrap();
    let labels: Vec<_> = rows.iter().map(|row| (row.task.as_deref(), row.complexity.as_deref())).collect();
    assert_eq!(labels, [(Some("code"), None), (Some("3"), None), (None, Some("low"))]);
}

#[test]
fn outcomes_are_qualities_and_costs_by_model() {
    let folder = Folder::new();
    let row = json!({"prompt": "a", "scores": {"m": 0.25, "right": true, "wrong": false, "unknown": null}, "cost_usd": {"m": 1.5}});
    folder.write_rows("rows.jsonl", &[row]);
    let rows = OutcomeRow::read_file(&folder.path("rows.jsonl")).unwrap();
    let scores: Vec<_> = rows[0].scores.iter().map(|(model, score)| (model.as_str(), *score)).collect();
    assert_eq!(scores, [("m", 0.25), ("right", 1.0), ("wrong", 0.0)]);
    assert_eq!(rows[0].cost_usd["m"], 1.5);
    assert!(rows[0].output_tokens.is_empty());
    let lengths =
        json!({"prompt": "a", "scores": {"m": 1}, "output_tokens": {"m": 7}, "output_chars": {"m": 8, "n": 10}});
    folder.write_rows("rows.jsonl", &[lengths]);
    let tokens = OutcomeRow::read_file(&folder.path("rows.jsonl")).unwrap()[0].output_tokens.clone();
    assert_eq!(tokens.into_iter().collect::<Vec<_>>(), [("m".to_owned(), 7.0), ("n".to_owned(), 2.5)]);
    folder.write_rows("rows.jsonl", &[json!({"prompt": "a", "scores": {"m": 1}, "cost_usd": {"m": -1}})]);
    let error = OutcomeRow::read_file(&folder.path("rows.jsonl")).unwrap_err().to_string();
    assert!(error.contains("rows.jsonl:1: \"cost_usd.m\" must be a number zero or more"), "{error}");
}

#[test]
fn pairs_need_both_prompts() {
    let folder = Folder::new();
    folder.write_rows(
        "rows.jsonl",
        &[json!({"prompt": "a", "paraphrase": "b"}), json!({"prompt": "a", "paraphrase": ""})],
    );
    let error = PairRow::read_file(&folder.path("rows.jsonl")).unwrap_err().to_string();
    assert!(error.contains("rows.jsonl:2: \"paraphrase\""), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_by_name(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = prompts(&bytes) {
            prop_assert!(error.contains("rows.jsonl:"), "{}", error);
        }
    }

    #[test]
    fn any_prompt_survives(texts in proptest::collection::vec("\\PC{0,40}[a-z]\\PC{0,40}", 1..8)) {
        let lines: String = texts.iter().map(|text| format!("{}\n", json!({"prompt": text}))).collect();
        let rows = prompts(lines).unwrap();
        prop_assert_eq!(rows.iter().map(text_of).collect::<Vec<_>>(), texts);
    }
}
