//! Reads every file under `src/` and compares what it imports with the table of allowed arrows in `ARCHITECTURE.md`.
//! A plain text scan, not a parser: it relies on rustfmt's layout and looks past comments and `#[cfg(test)]` modules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A room, and the rooms it may import. Itself and `chat` go without saying; `"*"` is every room.
const ARROWS: &[(&str, &[&str])] = &[
    ("chat", &[]),
    ("prompt", &[]),
    ("embedder", &[]),
    ("classifier", &[]),
    ("dataset", &[]),
    ("store", &[]),
    ("random", &[]),
    ("telemetry", &[]),
    ("limits", &["store"]),
    ("routing", &["prompt", "embedder", "classifier"]),
    ("gateway", &["routing", "telemetry"]),
    ("http", &["limits", "gateway", "routing", "store", "embedder", "telemetry"]),
    ("evaluation", &["dataset", "prompt", "embedder", "classifier", "routing", "random"]),
    ("training", &["dataset", "prompt", "embedder", "classifier", "evaluation", "routing", "random"]),
    ("config", &["http", "limits", "gateway", "routing", "store", "embedder"]),
    ("commands", &["*"]),
    ("cli", &["commands", "config", "telemetry"]),
    ("main", &["cli", "commands", "telemetry"]),
    ("lib", &["*"]),
];

/// A dependency (by the start of its name in code), and the only places it may appear.
const OUTSIDERS: &[(&str, &[&str])] = &[
    ("axum", &["src/http/"]),
    ("hyper_util", &["src/http/"]),
    ("reqwest", &["src/gateway/", "src/embedder/download/", "src/telemetry/"]),
    ("opentelemetry", &["src/telemetry/"]),
    ("opentelemetry_", &["src/telemetry/"]),
    ("tracing_opentelemetry", &["src/telemetry/"]),
    ("hf_hub", &["src/embedder/download/"]),
    ("sqlx", &["src/store/"]),
    ("jsonwebtoken", &["src/limits/jwt/"]),
    ("tokio_rustls", &["src/http/"]),
    ("redis", &["src/limits/cache/", "src/limits/shared/"]),
    ("aws_", &["src/gateway/bedrock/"]),
    ("candle_", &["src/embedder/", "src/training/"]),
    ("pulp", &["src/embedder/fused/", "src/training/fine_tune/kernels/"]),
    ("plotters", &["src/evaluation/report/pictures/"]),
];

#[test]
fn imports_follow_the_arrows() {
    let mut offences = String::new();
    let sources = sources();
    assert!(sources.len() > 50, "only {} files found: the scan does not see src/", sources.len());
    for (path, text) in &sources {
        for offence in import_offences(path, text).into_iter().chain(outsider_offences(path, text)) {
            writeln!(offences, "{offence}").unwrap();
        }
    }
    assert!(offences.is_empty(), "arrows that ARCHITECTURE.md does not allow:\n{offences}");
}

#[test]
fn every_room_stands_in_the_table() {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    for (path, _) in sources() {
        let room = room_of(&path);
        assert!(known.contains(room), "{path}: room {room:?} has no row in ARROWS");
    }
}

#[test]
fn no_file_passes_four_hundred_lines() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > 400)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "files that want splitting: {long:#?}");
}

#[test]
fn every_file_says_what_it_does() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "files that do not open with //!: {silent:#?}");
}

#[test]
fn the_scan_finds_what_it_should() {
    let found = |path: &str, text: &str| import_offences(path, text).len() + outsider_offences(path, text).len();
    assert_eq!(found("src/gateway/a.rs", "use crate::routing::Plan;\nuse crate::chat::Request;\n"), 0);
    assert_eq!(found("src/gateway/a.rs", "use crate::http::App;\n"), 1);
    assert_eq!(found("src/gateway/a.rs", "pub(crate) fn a() {\n    crate::store::open();\n}\n"), 1);
    assert_eq!(found("src/store/a.rs", "use crate::{\n    chat::A,\n    http::{B, limits},\n    gateway,\n};\n"), 2);
    assert_eq!(found("src/store/a.rs", "use super::super::gateway::Send;\n"), 1);
    assert_eq!(found("src/store/deep/a.rs", "use super::super::Row;\n"), 0);
    assert_eq!(found("src/store/a.rs", "// crate::http is far from here\n/// See [`crate::http`].\n"), 0);
    assert_eq!(found("src/store/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::http::App;\n}\n"), 0);
    assert_eq!(found("src/store/a.rs", "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\nuse crate::http::App;\n"), 1);
    assert_eq!(found("src/main.rs", "use semroute::store::Store;\n"), 1);
    assert_eq!(found("src/routing/a.rs", "use axum::Router;\nlet client = reqwest::Client::new();\n"), 2);
    assert_eq!(found("src/embedder/a.rs", "use candle_core::Tensor;\nlet maximum = 1;\n"), 0);
    assert_eq!(found("src/embedder/a.rs", "let text = my_axum::thing();\n"), 0);
    assert_eq!(
        import_offences("src/store/a.rs", "\nuse crate::http::App;\n"),
        ["src/store/a.rs:2: store may not import http"]
    );
}

/// Imports of rooms that the file's own room may not import, as `path:line: ...`.
fn import_offences(path: &str, text: &str) -> Vec<String> {
    let room = room_of(path);
    let allowed = ARROWS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| *allowed);
    let code = code_only(text);
    imported_rooms(path, &code)
        .into_iter()
        .filter(|(_, imported)| {
            let known = ARROWS.iter().any(|(name, _)| name == imported);
            known && imported != room && imported != "chat" && !allowed.contains(&imported.as_str()) && allowed != ["*"]
        })
        .map(|(line, imported)| format!("{path}:{line}: {room} may not import {imported}"))
        .collect()
}

fn outsider_offences(path: &str, text: &str) -> Vec<String> {
    let mut offences = Vec::new();
    let code = code_only(text);
    for (outsider, homes) in OUTSIDERS.iter().filter(|(_, homes)| !homes.iter().any(|home| path.starts_with(home))) {
        for (index, line) in code.lines().enumerate() {
            let named = word_starts(line, outsider).any(|at| {
                let rest = line[at..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
                let whole = outsider.ends_with('_') || rest.len() + at + outsider.len() == line.len();
                whole && (rest.starts_with("::") || rest.starts_with(';'))
            });
            if named {
                offences.push(format!("{path}:{}: {outsider} belongs in {homes:?} only", index + 1));
            }
        }
    }
    offences
}

/// Rooms named by `crate::`, by `semroute::` (in `main.rs`) or by a chain of `super::` that leaves the room.
fn imported_rooms(path: &str, code: &str) -> Vec<(usize, String)> {
    let mut starts = Vec::new();
    let outward = "super::".repeat(module_depth(path));
    for prefix in ["crate::", "semroute::", outward.as_str()].into_iter().filter(|prefix| !prefix.is_empty()) {
        starts.extend(word_starts(code, prefix).map(|at| at + prefix.len()));
    }
    let mut found = Vec::new();
    for start in starts {
        let line = code[..start].lines().count().max(1);
        let rest = &code[start..];
        let rooms = match rest.strip_prefix('{') {
            Some(group) => first_names(group),
            None => vec![leading_name(rest)],
        };
        found.extend(rooms.into_iter().filter(|name| !name.is_empty()).map(|name| (line, name.to_owned())));
    }
    found.sort();
    found
}

/// The first name of every entry of a `{...}` group, whose opening brace is already past.
fn first_names(group: &str) -> Vec<&str> {
    let mut names = vec![leading_name(group)];
    let mut depth = 0_i32;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(leading_name(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

fn leading_name(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
}

/// Where `word` stands with no name character or `::` before it.
fn word_starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(|at| {
        let before = &text[..*at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !before.ends_with("::")
    })
}

/// The text with comments and test modules blanked, line for line.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut pending_test = false;
    let mut test_end: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        let mut kept = if trimmed.starts_with("//") { "" } else { line };
        if let Some(end) = &test_end {
            if line == end {
                test_end = None;
            }
            kept = "";
        } else if trimmed.starts_with("#[cfg(test)]") {
            pending_test = true;
        } else if pending_test && !trimmed.starts_with("#[") {
            pending_test = false;
            if trimmed.ends_with('{') {
                test_end = Some(format!("{indent}}}"));
            }
            kept = "";
        }
        code.push_str(kept.split_once(" // ").map_or(kept, |(code, _)| code));
        code.push('\n');
    }
    code
}

fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// How many `super::` lead from the file's module to the crate's root.
fn module_depth(path: &str) -> usize {
    let parts = path.strip_prefix("src/").unwrap_or(path).split('/').count();
    match path {
        "src/lib.rs" | "src/main.rs" => 0,
        path if path.ends_with("/mod.rs") => parts - 1,
        _ => parts,
    }
}

/// Every Rust file under `src/` as (path from the root with `/`, text), test-only files left out.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![root.join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let relative = path.strip_prefix(root).unwrap();
            (relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"), text)
        })
        .collect()
}
