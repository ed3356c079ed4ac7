//! Pairs of prompts that have the same answer, or have not: one JSON object a line. Those that come with semroute were written for it.

use std::path::Path;

use serde::Deserialize;

use crate::limits::cache::CacheError;

/// `data/cache_pairs.jsonl`
const SHIPPED: &str = include_str!("../../../../data/cache_pairs.jsonl");

/// The most pairs that are read; fitting compares every one of them.
const MOST_PAIRS: usize = 100_000;

/// Two prompts, and whether one answer does for both.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledPair {
    /// A prompt.
    pub one: String,
    /// Another one.
    pub other: String,
    /// Whether the answer to one of them answers the other as well.
    pub same: bool,
}

/// The pairs that come with semroute.
pub(super) fn shipped() -> Result<Vec<LabelledPair>, CacheError> {
    read(SHIPPED, "the pairs that come with semroute")
}

/// The pairs of a file.
pub(super) fn from_file(file: &Path) -> Result<Vec<LabelledPair>, CacheError> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| CacheError::Pairs(format!("{name}: {error}")))?;
    read(&text, &name)
}

fn read(text: &str, name: &str) -> Result<Vec<LabelledPair>, CacheError> {
    let mut pairs = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let pair = serde_json::from_str(line).map_err(|error| {
            let expected = "expected {\"one\": \"...\", \"other\": \"...\", \"same\": true}";
            CacheError::Pairs(format!("{name}: line {}: {error}; {expected}", index + 1))
        })?;
        pairs.push(pair);
        if pairs.len() > MOST_PAIRS {
            return Err(CacheError::Pairs(format!("{name}: holds more than {MOST_PAIRS} pairs")));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_pairs_are_enough_distinct_and_of_both_kinds() {
        let pairs = shipped().unwrap();
        assert!(pairs.len() >= 150, "{}", pairs.len());
        let same = pairs.iter().filter(|pair| pair.same).count();
        assert!(same >= 60 && pairs.len() - same >= 60, "{same} of {}", pairs.len());
        for (at, pair) in pairs.iter().enumerate() {
            assert_ne!(pair.one, pair.other);
            let twice = |other: &LabelledPair| other.one == pair.one && other.other == pair.other;
            assert!(!pairs[..at].iter().any(twice), "{pair:?}");
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        let wrong = read("{\"one\":\"a\",\"other\":\"b\",\"same\":true}\n\n{\"one\":\"a\"}\n", "f").unwrap_err();
        assert!(wrong.to_string().starts_with("cache.pairs: f: line 3: missing field"), "{wrong}");
    }
}
