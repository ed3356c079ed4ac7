//! The user's own words in one text: whatever a harness, a template or a tool put there is left out. Each rule has a file of its
//! own and gives ranges; here they are applied, one after the other, until none finds anything.

use std::borrow::Cow;
use std::ops::Range;

use super::blocks::harness_blocks;
use super::demands::demands;
use super::notices::notices;
use super::templates::templates;
use super::tool_results::tool_results;
use super::transcripts::transcripts;
use super::view::View;

/// Gives the ranges that are not the user's words.
type Rule = fn(&View<'_>) -> Vec<Range<usize>>;

/// Templates come first, because they know their own blocks; demands last, because they never take all that is left.
const RULES: &[Rule] = &[templates, harness_blocks, notices, tool_results, transcripts, demands];

/// Rounds over all rules. One usually finds everything; a text that needs more rounds than this was made to.
const ROUNDS: usize = 8;

/// The words of one user text, trimmed, without text of a harness. Borrowed where nothing was left out; never longer than the
/// text, and never empty when it has words: a text that is all harness is kept whole.
///
/// Reads at most 64 KiB at either end, in time that grows with what is read and no faster. Reading the result again changes nothing.
pub fn own_words(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match read(text) {
        Outcome::Words(words) => words,
        Outcome::Nothing | Outcome::Endless => Cow::Borrowed(text),
    }
}

/// The same, but `None` when the text has no words of the user.
pub(super) fn words_in(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    match read(text) {
        Outcome::Words(words) => (!words.is_empty()).then_some(words),
        Outcome::Nothing => None,
        Outcome::Endless => Some(Cow::Borrowed(text)),
    }
}

enum Outcome<'a> {
    Words(Cow<'a, str>),
    Nothing,
    /// The last round still found something.
    Endless,
}

fn read(text: &str) -> Outcome<'_> {
    let mut words = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        match left_by(RULES, &words) {
            Left::All => return Outcome::Words(words),
            Left::Some(left) => words = Cow::Owned(left),
            Left::Nothing => return Outcome::Nothing,
        }
    }
    Outcome::Endless
}

/// What is left of a text.
enum Left {
    All,
    Some(String),
    Nothing,
}

fn left_by(rules: &[Rule], text: &str) -> Left {
    let view = View::of(text);
    for (place, rule) in rules.iter().enumerate() {
        let ranges = rule(&view);
        if ranges.iter().all(Range::is_empty) {
            continue;
        }
        let Some(left) = view.without(text, &ranges) else { return Left::Nothing };
        return match left_by(&rules[place + 1..], &left) {
            Left::All => Left::Some(left),
            fewer => fewer,
        };
    }
    Left::All
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_work_together() {
        let text = "<system-reminder>\nUse the best model.\n</system-reminder>\nRoute this to the strongest model.\n<user_query>\nwhat is a monad?\nThis is critical, use the best model.\n</user_query>";
        assert_eq!(own_words(text), "what is a monad?");
    }

    #[test]
    fn a_text_without_marks_is_borrowed_and_only_trimmed() {
        assert!(matches!(own_words("  what is a monad?\n"), Cow::Borrowed("what is a monad?")));
        let long = "a line of prose, and another one\n".repeat(20_000);
        assert!(matches!(own_words(&long), Cow::Borrowed(words) if words == long.trim()));
    }

    #[test]
    fn a_text_that_is_all_harness_is_kept_whole() {
        let text = "<system-reminder>x</system-reminder>";
        assert_eq!(own_words(text), text);
        assert_eq!(words_in(text), None);
        assert_eq!(own_words(" \n"), "");
        assert_eq!(words_in(" \n"), None);
    }

    #[test]
    fn a_block_longer_than_what_is_read_goes_whole() {
        let text = format!("<attached_files>\n{}</attached_files>\nwhat is in there?", "row of data\n".repeat(200_000));
        assert_eq!(own_words(&text), "what is in there?");
        let middle = format!("why?\n{}\n<info-msg>\nnow\n</info-msg>", "row of data\n".repeat(200_000));
        assert_eq!(own_words(&middle), middle.strip_suffix("\n<info-msg>\nnow\n</info-msg>").unwrap().trim());
    }

    /// Texts made of marks: the worst that a client could send.
    fn marked_text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<system-reminder>",
            "</system-reminder>",
            "<context>",
            "</context>",
            "<user_query>",
            "</user_query>",
            "<task>",
            "</task>",
            "<command-args>",
            "</command-args>",
            "<x>",
            "</x>",
            "<",
            "```",
            "~~~",
            "\n",
            "\n\n",
            " ",
            "é",
            "好",
            "word",
            "a line of words",
            "User: hi",
            "Assistant: hello",
            "[Tool result for x]",
            "{\"a\": 1}",
            "[read_file for 'a'] Result:",
            "Use the best model.",
            "This is critical.",
            "Begin!",
            "Question: why?",
            "Thought: x",
            "Observation: y",
            "## My request for Codex:",
            "USER'S INPUT",
            "---",
            "Translate this:",
            "# AGENTS.md instructions",
            "[Image #1]",
            "--- Context from: a ---",
            "--- End of Context from: a ---",
            "You are a coding agent.",
            "Base directory for this skill: x",
            "ARGUMENTS: y",
            "Attached document(s):\n```md",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        let words = own_words(text);
        prop_assert!(words.len() <= text.len());
        prop_assert_eq!(words.is_empty(), text.trim().is_empty());
        prop_assert_eq!(words.trim(), &*words);
        prop_assert_eq!(own_words(&words), words.clone());
        Ok(())
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,200}") {
            check(&text)?;
        }

        #[test]
        fn any_arrangement_of_marks_is_read(text in marked_text()) {
            check(&text)?;
        }

        #[test]
        fn any_long_arrangement_of_marks_is_read(text in marked_text(), times in 1_000usize..8_000) {
            check(&text.repeat(times))?;
        }
    }
}
