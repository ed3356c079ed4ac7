//! `semroute route --input FILE`, through the real binary: rows in, decisions out, whole or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use command_line::{Folder, MODELS, rows_of};
use serde_json::{Value, json};

#[test]
fn ids_and_order_are_kept() {
    let folder = Folder::new();
    let mut rows = vec![
        json!({"id": "a/1", "prompt": "Hello there", "language": "en"}),
        json!({"id": 7, "prompt": "What is 17 * 23?"}),
        json!({"id": -2.5, "prompt": "Fix this Rust function"}),
        json!({"id": "a/1", "prompt": "Hello there"}),
        json!({"prompt": "no id at all"}),
        json!({"id": null, "prompt": "no id either"}),
        json!({"id": "m", "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello there"}]}),
    ];
    rows.extend((100..300).map(|id| json!({"id": id, "prompt": format!("Summarise chapter {id}")})));
    folder.write_rows("in.jsonl", &rows);
    folder.write("models.toml", MODELS);
    let said = folder.output_of(&["route", "--input", "in.jsonl", "--output", "out.jsonl", "--config", "models.toml"]);
    assert_eq!(said, "");
    let decisions = folder.read_rows("out.jsonl");
    let ids: Vec<&Value> = decisions.iter().map(|row| &row["id"]).collect();
    let mut expected: Vec<Value> = rows.iter().map(|row| row["id"].clone()).collect();
    // A row without an id is known by its line.
    (expected[4], expected[5]) = (json!(5), json!(6));
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
    assert!(decisions.iter().all(|row| row["model"].is_string()));
    assert_eq!(decisions[0]["task_scores"], decisions[6]["task_scores"], "only the user's words are classified");
    let to_stdout = folder.output_of(&["route", "--input", "in.jsonl", "--config", "models.toml"]);
    assert_eq!(rows_of(to_stdout.as_bytes()), decisions);
}

#[test]
fn bad_rows_are_named_by_file_and_line_and_nothing_is_written() {
    let folder = Folder::new();
    let nested = "[".repeat(5000);
    let cases = [
        ("not json", "not valid JSON"),
        ("{\"id\": 1, \"prompt\": \"cut", "not valid JSON"),
        ("{\"id\": 1, \"prompt\": \"two\"} {}", "not valid JSON"),
        ("[1, 2]", "expected a JSON object"),
        (nested.as_str(), "not valid JSON"),
        ("{\"id\": 1}", "neither \"prompt\" nor \"messages\""),
        ("{\"id\": 1, \"prompt\": 5}", "\"prompt\" must be a string, found a number"),
        ("{\"id\": 1, \"prompt\": null}", "\"prompt\" must be a string, found null"),
        ("{\"id\": 1, \"prompt\": \" \"}", "\"prompt\" is empty"),
        ("{\"id\": true, \"prompt\": \"x\"}", "\"id\" must be a string or a number, found a boolean"),
        ("{\"id\": [1], \"prompt\": \"x\"}", "\"id\" must be a string or a number, found a list"),
        ("{\"id\": 1, \"messages\": []}", "messages: must hold at least one message"),
        ("{\"id\": 1, \"messages\": {}}", "messages"),
        ("{\"id\": 1, \"messages\": [{\"role\": \"boss\", \"content\": \"x\"}]}", "messages[0].role"),
        ("{\"id\": 1, \"messages\": [{\"role\": \"user\", \"content\": 5}]}", "messages[0].content"),
    ];
    for (bad, expected) in cases {
        folder.write("in.jsonl", format!("{{\"id\": 0, \"prompt\": \"fine\"}}\n\n{bad}\n"));
        folder.expect_refusal(&["route", "--input", "in.jsonl", "--output", "out.jsonl"], &["in.jsonl:3: ", expected]);
    }
    folder.write("in.jsonl", b"{\"id\": 1, \"prompt\": \"fine\"}\n{\"id\": 2, \"prompt\": \"\xff\xfe\"}\n");
    folder.expect_refusal(&["route", "--input", "in.jsonl", "--output", "out.jsonl"], &["in.jsonl:2: ", "UTF-8"]);
    folder.write("in.jsonl", "\n\n");
    folder.expect_refusal(&["route", "--input", "in.jsonl", "--output", "out.jsonl"], &["in.jsonl: ", "no rows"]);
}

#[test]
fn a_row_in_which_no_user_speaks_is_routed_as_the_unknown_that_it_is() {
    let folder = Folder::new();
    let row = r#"{"id": 1, "messages": [{"role": "system", "content": "Translate into French."}]}"#;
    folder.write("in.jsonl", format!("{row}\n"));
    folder.output_of(&["route", "--input", "in.jsonl", "--output", "out.jsonl"]);
    assert_eq!(folder.read_rows("out.jsonl")[0]["known"], false);
}

#[test]
fn an_output_that_stood_there_survives_a_failure_and_is_replaced_by_success() {
    let folder = Folder::new();
    folder.write("out.jsonl", "as it was");
    folder.write("in.jsonl", "{\"prompt\": \"fine\"}\n{}\n");
    folder.expect_refusal(&["route", "--input", "in.jsonl", "--output", "out.jsonl"], &["in.jsonl:2: "]);
    assert_eq!(folder.read("out.jsonl"), b"as it was");
    folder.write("in.jsonl", "{\"prompt\": \"fine\"}\n");
    folder.output_of(&["route", "--input", "in.jsonl", "--output", "out.jsonl"]);
    assert_eq!(folder.read_rows("out.jsonl").len(), 1);
    assert_eq!(folder.names().len(), 2, "{:?}", folder.names());
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_any_work() {
    let folder = Folder::new();
    folder.write("in.jsonl", "{\"prompt\": \"fine\"}\n");
    let refused = |output: &str, expected: &[&str]| {
        folder.expect_refusal(&["route", "--input", "in.jsonl", "--output", output], expected);
    };
    refused("absent/out.jsonl", &["--output absent/out.jsonl", "the folder absent does not exist"]);
    refused(".", &["--output .", "is a folder"]);
    folder.expect_refusal(
        &["route", "--input", "absent.jsonl", "--output", "out.jsonl"],
        &["absent.jsonl", "No such file"],
    );
}

#[cfg(unix)]
#[test]
fn an_output_can_be_read_as_any_other_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    folder.write("in.jsonl", "{\"prompt\": \"fine\"}\n");
    folder.output_of(&["route", "--input", "in.jsonl", "--output", "out.jsonl"]);
    let mode = |name: &str| std::fs::metadata(folder.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("out.jsonl"), mode("in.jsonl"));
}

#[test]
fn prompts_of_any_size_are_decided() {
    let folder = Folder::new();
    let many: Vec<Value> = (0..10_000)
        .map(
            |turn| json!({"role": if turn % 2 == 0 { "user" } else { "assistant" }, "content": format!("turn {turn}")}),
        )
        .chain([json!({"role": "user", "content": "Translate good morning into French"})])
        .collect();
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]);
    folder.write_rows(
        "in.jsonl",
        &[
            json!({"id": "large", "prompt": "a word and another ".repeat(60_000)}),
            json!({"id": "one word", "prompt": "x".repeat(1 << 20)}),
            json!({"id": "no spaces", "prompt": "\u{6f22}".repeat(100_000)}),
            json!({"id": "nothing readable", "prompt": "\u{0}\u{200b}\u{202e}"}),
            json!({"id": "many turns", "messages": many}),
            json!({"id": "picture", "messages": image}),
            json!({"id": "short", "prompt": "Translate good morning into French"}),
        ],
    );
    folder.output_of(&["route", "--input", "in.jsonl", "--output", "out.jsonl"]);
    let rows = folder.read_rows("out.jsonl");
    let truncated: Vec<bool> = rows.iter().map(|row| row["truncated"].as_bool().unwrap()).collect();
    assert_eq!(truncated, [true, true, true, false, false, false, false]);
    assert_eq!(rows[4]["task_scores"], rows[6]["task_scores"], "the last user turn is what counts");
    assert_eq!((&rows[5]["known"], &rows[3]["known"]), (&json!(false), &json!(false)));
}

#[test]
fn a_line_without_end_is_refused_and_not_read_into_memory() {
    let folder = Folder::new();
    folder.write("in.jsonl", format!("{{\"prompt\": \"{}\"}}\n", "x".repeat(17 << 20)));
    folder.expect_refusal(&["route", "--input", "in.jsonl", "--output", "out.jsonl"], &["in.jsonl:1: ", "longer than"]);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let folder = Folder::new();
    folder.write("in.jsonl", "\u{feff}{\"id\": 1, \"prompt\": \"Hello\"}\r\n\r\n{\"id\": 2, \"prompt\": \"Hello\"}");
    let rows = rows_of(folder.output_of(&["route", "--input", "in.jsonl"]).as_bytes());
    assert_eq!(rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    // More than a pipe holds, so that the command is still writing when its reader leaves.
    folder.write_rows("in.jsonl", &vec![json!({"prompt": "Hello there"}); 500]);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_semroute"))
        .current_dir(folder.path(""))
        .args(["route", "--input", "in.jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && message.is_empty(), "{} {message}", output.status);
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], 1);
}
