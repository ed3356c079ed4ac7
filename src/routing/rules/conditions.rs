//! Whether a rule's conditions hold for a request. Cheap ones are asked first; what costs more is computed once for all rules, and only if some
//! rule asks.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::config::RuleConfig;
use crate::chat::ChatRequest;
use crate::prompt::personal_data::{self, PersonalData};
use crate::prompt::{self, Language};
use crate::routing::CallerScope;

/// Personal data is looked for in pieces of this size ...
const PIECE_BYTES: usize = 128 * 1024;
/// ... that overlap by this much, more than any of it is long.
const OVERLAP_BYTES: usize = 4 * 1024;

/// Who asks, and with which headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key that was presented.
    pub key: Option<String>,
    /// What tells this caller from others, where keys are used; never the key itself.
    pub identity: Option<String>,
    /// What it may be given.
    pub scope: CallerScope,
    /// The values of those headers that some rule names, by lower-case name.
    pub headers: BTreeMap<String, String>,
}

/// What rules read of a request, each read once.
pub(super) struct Readings<'a> {
    caller: &'a Caller,
    request: &'a ChatRequest,
    words: &'a str,
    lower: OnceCell<String>,
    language: OnceCell<Option<Language>>,
    personal: OnceCell<BTreeSet<PersonalData>>,
}

impl<'a> Readings<'a> {
    /// `words`: the user's own.
    pub(super) fn new(caller: &'a Caller, request: &'a ChatRequest, words: &'a str) -> Self {
        Self { caller, request, words, lower: OnceCell::new(), language: OnceCell::new(), personal: OnceCell::new() }
    }

    /// Whether everything but the likeness to utterances holds.
    pub(super) fn meet(&self, rule: &RuleConfig) -> bool {
        (rule.key.is_empty() || self.caller.key.as_ref().is_some_and(|key| rule.key.contains(key)))
            && rule.header.iter().all(|(name, value)| self.has_header(name, value))
            && (rule.words.is_empty() || rule.words.iter().any(|word| holds_word(self.lower(), word)))
            && (rule.language.is_empty() || self.language().is_some_and(|language| rule.language.contains(&language)))
            && (rule.personal_data.is_empty() || rule.personal_data.iter().any(|kind| self.personal().contains(kind)))
    }

    fn has_header(&self, name: &str, value: &str) -> bool {
        let found = self.caller.headers.get(&name.to_ascii_lowercase());
        found.is_some_and(|found| value == "*" || found == value)
    }

    fn lower(&self) -> &str {
        // A soft hyphen is seen by nobody.
        self.lower.get_or_init(|| self.words.to_lowercase().replace('\u{ad}', ""))
    }

    fn language(&self) -> Option<Language> {
        *self.language.get_or_init(|| prompt::language(self.words))
    }

    /// Of everything that would be sent, whoever said it and in whichever field.
    fn personal(&self) -> &BTreeSet<PersonalData> {
        self.personal.get_or_init(|| {
            let mut kinds = BTreeSet::new();
            for value in self.request.fields().filter(|(name, _)| *name != "model").map(|(_, value)| value) {
                match serde_json::from_str::<Value>(value.get()) {
                    Ok(value) => add_kinds(&value, &mut kinds),
                    // Nested too deeply to be read here, which must not keep it from being found.
                    Err(_) => add_kinds(&Value::String(value.get().to_owned()), &mut kinds),
                }
            }
            kinds
        })
    }
}

fn add_kinds(value: &Value, kinds: &mut BTreeSet<PersonalData>) {
    match value {
        Value::String(text) => {
            let mut start = 0;
            while start < text.len() {
                let end = text.ceil_char_boundary((start + PIECE_BYTES).min(text.len()));
                kinds.extend(personal_data::kinds(&text[start..end]));
                start = if end == text.len() { end } else { text.floor_char_boundary(end - OVERLAP_BYTES) };
            }
        }
        Value::Array(values) => values.iter().for_each(|value| add_kinds(value, kinds)),
        Value::Object(fields) => fields.values().for_each(|value| add_kinds(value, kinds)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a word or phrase stands in a lower-case text as a whole: what is written without spaces has no edges to look at.
fn holds_word(lower: &str, word: &str) -> bool {
    let word = word.trim().to_lowercase();
    if word.is_empty() {
        return false;
    }
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !is_written_without_spaces(c));
    let mut from = 0;
    while let Some(found) = lower[from..].find(&word) {
        let (start, end) = (from + found, from + found + word.len());
        let starts_whole = !goes_on(lower[..start].chars().next_back())
            || word.chars().next().is_some_and(|c| !c.is_alphanumeric() || is_written_without_spaces(c));
        let ends_whole = !goes_on(lower[end..].chars().next())
            || word.chars().next_back().is_some_and(|c| !c.is_alphanumeric() || is_written_without_spaces(c));
        if starts_whole && ends_whole {
            return true;
        }
        from = start + word.chars().next().map_or(1, char::len_utf8);
    }
    false
}

fn is_written_without_spaces(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_in_any_case_and_any_script() {
        for (text, word, expected) in [
            ("Please check this INVOICE.", "invoice", true),
            ("reinvoiced", "invoice", false),
            ("invoices", "invoice", false),
            ("invoice, invoiced", "invoiced", true),
            ("the balance sheet of May", "Balance Sheet", true),
            ("a c++ question", "c++", true),
            ("Überweisung prüfen", "überweisung", true),
            ("请检查这张发票的金额", "发票", true),
            ("anything", "", false),
        ] {
            assert_eq!(holds_word(&text.to_lowercase(), word), expected, "{word:?} in {text:?}");
        }
    }
}
