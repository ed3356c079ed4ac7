//! What the tests of the command line share: the real binary in a folder of its own, and small files for it. Nothing here
//! reads a configuration of the machine it runs on, and no test here sleeps.
#![allow(dead_code, reason = "each test file uses the part it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Three models of rising price and quality on two providers, and one whose price is unknown.
pub const MODELS: &str = r#"
[[providers]]
name = "one"
base_url = "http://127.0.0.1:9/v1"
[[providers]]
name = "two"
base_url = "http://127.0.0.1:9/v1"
[[models]]
name = "small"
provider = "one"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
quality = { default = 0.5, low = 0.95, critical = 0.1 }
[[models]]
name = "medium"
provider = "one"
input_usd_per_mtok = 1.0
output_usd_per_mtok = 4.0
quality = { default = 0.7 }
[[models]]
name = "large"
provider = "two"
input_usd_per_mtok = 3.0
output_usd_per_mtok = 15.0
quality = { default = 0.9, critical = 0.85 }
[[models]]
name = "unpriced"
provider = "two"
quality = { default = 0.1 }
"#;

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder in which commands run.
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn write_rows(&self, name: &str, rows: &[Value]) {
        self.write(name, rows.iter().map(|row| format!("{row}\n")).collect::<String>());
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn read_json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    pub fn read_rows(&self, name: &str) -> Vec<Value> {
        rows_of(&self.read(name))
    }

    /// Every name in it, hidden ones too.
    pub fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The binary, run in this folder.
    pub fn semroute(&self, arguments: &[&str]) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("semroute");
        command.current_dir(self.folder.path()).env_remove("SEMROUTE_LOG").args(arguments);
        command
    }

    /// Runs a command that must succeed; its standard output.
    pub fn output_of(&self, arguments: &[&str]) -> String {
        let output = self.semroute(arguments).assert().success().get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    }

    /// Runs a command that must be refused as wrong use or input, without a word on standard output and without a new file;
    /// its standard error.
    pub fn refusal_of(&self, arguments: &[&str]) -> String {
        let before = self.names();
        let output = self.semroute(arguments).assert().code(2).get_output().clone();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
        assert_eq!(self.names(), before, "{arguments:?} left something behind: {message}");
        assert!(message.contains("error: ") && !message.contains("panicked"), "{arguments:?}: {message}");
        message
    }

    /// Fails unless the command is refused with a message that holds each of these.
    pub fn expect_refusal(&self, arguments: &[&str], expected: &[&str]) {
        let message = self.refusal_of(arguments);
        for part in expected {
            assert!(message.contains(part), "{arguments:?} said {message:?}, which should hold {part:?}");
        }
    }
}

/// JSON Lines, each of which must parse.
pub fn rows_of(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line:?}"))).collect()
}

/// The keys of an object, in the order in which they were written.
pub fn keys_of(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Rows that a head can learn from: two tasks that are told apart by their words.
pub fn task_rows() -> Vec<Value> {
    let mut rows = Vec::new();
    for word in ["apples", "trains", "clouds", "rivers", "boats", "lamps"] {
        for (task, prompt) in [
            ("translation", format!("Translate {word} into French")),
            ("translation", format!("How do you say {word} in German")),
            ("code", format!("Write a Python function for {word}")),
            ("code", format!("Debug this {word} program please")),
        ] {
            rows.push(json!({"id": format!("row-{}", rows.len()), "prompt": prompt, "task": task}));
        }
    }
    rows
}

/// The same prompts, with a complexity and no task.
pub fn complexity_rows(of_translation: &str, of_code: &str) -> Vec<Value> {
    let mut rows = task_rows();
    for row in &mut rows {
        let complexity = if row["task"] == "code" { of_code } else { of_translation };
        row["complexity"] = complexity.into();
        row.as_object_mut().unwrap().remove("task");
    }
    rows
}
