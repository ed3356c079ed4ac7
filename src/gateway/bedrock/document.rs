//! Documents beside a text: their formats, and names that the API takes. It takes few characters, and each name once in a request.

use std::collections::HashSet;

use serde::Serialize;

use super::block::Base64;

/// Its limit is 200 characters; this leaves room to tell two apart.
const MAX_NAME_CHARACTERS: usize = 180;

/// One document.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    format: &'static str,
    name: String,
    source: Base64,
}

impl Document {
    /// `None` where the API knows no such format.
    pub(super) fn new(media_type: &str, file_name: Option<&str>, source: Base64) -> Option<Self> {
        Some(Self { format: format(media_type)?, name: plain_name(file_name.unwrap_or_default()), source })
    }
}

fn format(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/plain" => "txt",
        "text/markdown" => "md",
        _ => return None,
    })
}

/// Without what the API refuses: other characters, white space in a row, the dot before an ending.
fn plain_name(file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-()[]".contains(c);
    let words = stem.split(|c| !is_plain(c)).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join(" ").chars().take(MAX_NAME_CHARACTERS).collect();
    let name = name.trim();
    if name.is_empty() { "document".to_owned() } else { name.to_owned() }
}

/// The names that a request has used; capitals do not tell two apart.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Gives the document a name of its own.
    pub(super) fn make_unique(&mut self, document: &mut Document) {
        let first = document.name.clone();
        let mut number = 1_u32;
        while !self.0.insert(document.name.to_lowercase()) {
            number = number.saturating_add(1);
            document.name = format!("{first} ({number})");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_told_apart() {
        let mut names = Names::default();
        for (file_name, expected) in [
            (Some("John's  report_v1.2.pdf"), "John s report v1 2"),
            (Some("JOHN S REPORT V1 2"), "JOHN S REPORT V1 2 (2)"),
            (Some("分.pdf"), "document"),
            (None, "document (2)"),
            (Some("a-(b)[c]"), "a-(b)[c]"),
        ] {
            let source = Base64 { bytes: "QQ==".into() };
            let mut document = Document::new("application/pdf", file_name, source).unwrap();
            names.make_unique(&mut document);
            assert_eq!(document.name, expected);
        }
        assert_eq!(plain_name(&"x".repeat(500)).len(), MAX_NAME_CHARACTERS);
    }
}
