//! What the prompt reader promises about conversations: whatever a harness puts around a user's words, they are found again.
//! Every pair under `fixtures/conversations` holds the same conversation twice, plain and as a harness sends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use semroute::chat::ChatRequest;
use semroute::prompt::{own_words, user_words};
use serde::Deserialize;
use serde_json::{Value, json};

/// One conversation, plain and harnessed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    /// What the pair guards against.
    why: String,
    plain: Value,
    harnessed: Value,
    /// What both must be read as; the last user turn of `plain` where it is not given.
    #[serde(default)]
    words: Option<String>,
    #[serde(default)]
    follow_up: bool,
    /// False where an attack stands inside material that is the user's and stays.
    #[serde(default = "yes")]
    same_words: bool,
}

fn yes() -> bool {
    true
}

#[test]
fn a_harness_does_not_change_the_words() {
    let mut failures = Vec::new();
    for (file, pair) in pairs() {
        let plain = read(&pair.plain);
        let harnessed = read(&pair.harnessed);
        let expected = (pair.words.unwrap_or_else(|| last_turn(&pair.plain)), pair.follow_up);
        if plain != expected {
            failures.push(format!("{file}: {}: plain is read as {plain:?}, not {expected:?}", pair.name));
        }
        if pair.same_words && harnessed != plain {
            failures.push(format!("{file}: {}: harnessed is read as {harnessed:?}, not {plain:?}", pair.name));
        }
        if !pair.same_words && harnessed == plain {
            failures.push(format!("{file}: {}: the words are the same after all", pair.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn reading_the_words_again_changes_nothing() {
    for (file, pair) in pairs() {
        for messages in [&pair.plain, &pair.harnessed] {
            let (words, _) = read(messages);
            assert_eq!(own_words(&words), words, "{file}: {}", pair.name);
        }
    }
}

#[test]
fn the_pairs_are_many_and_each_is_one_of_its_own() {
    let pairs = pairs();
    let attacks = pairs.iter().filter(|(file, _)| file.starts_with("adversarial")).count();
    let names: BTreeSet<&str> = pairs.iter().map(|(_, pair)| pair.name.as_str()).collect();
    assert!(pairs.len() >= 50 && attacks >= 12, "{} pairs, {attacks} adversarial", pairs.len());
    assert_eq!(names.len(), pairs.len());
    assert!(pairs.iter().all(|(_, pair)| pair.plain != pair.harnessed && !pair.why.is_empty()));
}

#[test]
fn short_turns_in_fifteen_languages_are_told_apart() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/follow_ups.json");
    let turns: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let told = |kind: &str, follow_up: bool| {
        let turns = turns[kind].as_array().unwrap();
        assert!(turns.len() > 50);
        for turn in turns {
            let messages = json!([{"role": "user", "content": "plan a trip"}, {"role": "assistant", "content": "..."}, {"role": "user", "content": turn}]);
            let words = if follow_up { "plan a trip" } else { turn.as_str().unwrap() };
            assert_eq!(read(&messages), (words.to_owned(), follow_up), "{kind}");
        }
    };
    told("follow_ups", true);
    told("requests", false);
}

#[test]
fn a_long_tool_loop_is_read_back_to_the_request() {
    let mut messages = vec![json!({"role": "user", "content": "find out why the nightly build is slow"})];
    for step in 0..400 {
        let id = format!("call_{step}");
        messages.push(
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "bash", "input": {}}]}),
        );
        let result = "x".repeat(2_000);
        messages.push(json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": result},
            {"type": "text", "text": "<system-reminder>\nThe list of tasks is empty.\n</system-reminder>"},
        ]}));
    }
    assert_eq!(read(&Value::Array(messages)), ("find out why the nightly build is slow".into(), false));
}

#[test]
fn two_megabytes_are_read_in_milliseconds() {
    let log = "12:00:01 worker 7 finished batch 1983 with 0 errors <ok>\n".repeat(36_000);
    let asked = format!("{log}\n<environment_details>\n{log}\n</environment_details>\nwhich batch failed first?");
    let started = Instant::now();
    let words = own_words(&asked);
    // Far above what it takes, and far below what reading all of it over and over would.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(words.ends_with("which batch failed first?") && words.len() <= asked.len());
}

/// The words that classification would see, and whether the last turn is a follow-up.
fn read(messages: &Value) -> (String, bool) {
    let request = ChatRequest::from_messages(messages).unwrap_or_else(|error| panic!("{error}: {messages}"));
    let words = user_words(request.messages()).expect("the conversation has words");
    (words.text.into_owned(), words.follow_up)
}

fn last_turn(messages: &Value) -> String {
    let turns = messages.as_array().unwrap();
    let last = turns.iter().rfind(|turn| turn["role"] == "user").unwrap();
    last["content"].as_str().expect("a plain turn is one string").trim().to_owned()
}

/// All pairs, each with the name of its file.
fn pairs() -> Vec<(String, Pair)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conversations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut pairs = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let found: Vec<Pair> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        pairs.extend(found.into_iter().map(|pair| (name.clone(), pair)));
    }
    pairs
}
