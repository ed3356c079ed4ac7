//! Sentences that ask for a model instead of an answer ("this is critical, use the best model"). Whoever writes them, in his own
//! words or in a text that somebody else will paste, must not decide what a request costs; so they are not read.

use std::ops::Range;

use super::demand_words::{FAMILIES, LANGUAGES, Part, VARIANTS};
use super::lines::Line;
use super::view::View;

/// Longest demand, in words.
const DEMAND_WORDS: usize = 28;

/// The ranges that hold demands; none if nothing else would be left.
pub(super) fn demands(view: &View<'_>) -> Vec<Range<usize>> {
    let text = &*view.text;
    let mut found = Vec::new();
    for line in view.lines.iter().filter(|line| !line.fenced) {
        found.extend(demands_in(text, line));
    }
    // What follows a colon may be the material itself, when nothing else does: "translate this:".
    let last_words = |end: usize| text[end..].trim().is_empty();
    found.retain(|demand| !(last_words(demand.end) && text[..demand.start].trim_end().ends_with([':', '：'])));
    if is_all(text, &found) {
        return Vec::new();
    }
    found
}

/// Whether only white space stands outside the ranges.
fn is_all(text: &str, ranges: &[Range<usize>]) -> bool {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([text.len()]);
    starts.zip(ends).all(|(start, end)| text[start..end].trim().is_empty())
}

fn demands_in(text: &str, line: &Line) -> Vec<Range<usize>> {
    let words = line.of(text);
    let bullet = words.len() - words.trim_start_matches(['-', '*', '•', '>', '#', ' ']).len();
    let start = line.words_start(text) + bullet;
    let sentences = sentences(text, start..start + words.len() - bullet);
    let readings: Vec<Reading> = sentences.iter().map(|sentence| reading(&text[sentence.clone()])).collect();
    let mut found = Vec::new();
    let mut others = false;
    for (place, sentence) in sentences.iter().enumerate() {
        let next_to_demand = readings[place.saturating_sub(1)..]
            .iter()
            .take(if place == 0 { 2 } else { 3 })
            .any(|near| *near == Reading::Demand);
        match readings[place] {
            Reading::Demand => found.push(sentence.clone()),
            Reading::Urgency if next_to_demand => found.push(sentence.clone()),
            _ => others = true,
        }
    }
    if !others && !found.is_empty() {
        // The bullet goes with its line.
        return vec![line.range()];
    }
    found
}

/// The sentences of a line, each up to the start of the next.
fn sentences(text: &str, line: Range<usize>) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = line.start;
    let mut ended = false;
    for (at, character) in text[line.clone()].char_indices() {
        let at = line.start + at;
        if ended && !is_end(character) {
            // "gpt-4.1" does not end a sentence.
            let after_stop = character.is_whitespace() || text[..at].ends_with(['。', '！', '？']);
            if after_stop {
                let next = at + (text[at..line.end].len() - text[at..line.end].trim_start().len());
                sentences.push(start..next);
                start = next;
            }
        }
        ended = is_end(character);
    }
    if start < line.end {
        sentences.push(start..line.end);
    }
    sentences
}

fn is_end(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | ';' | '。' | '！' | '？')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nothing but a demand for a model.
    Demand,
    /// Nothing but a claim that it matters.
    Urgency,
    Other,
}

fn reading(sentence: &str) -> Reading {
    // A question wants an answer: "should I use the best model?"
    if sentence.trim_end().ends_with(['?', '？']) {
        return Reading::Other;
    }
    let readings = LANGUAGES.iter().filter_map(|language| parts(sentence, |word| language.get(word).copied()));
    readings.max_by_key(|reading| *reading == Reading::Demand).unwrap_or(Reading::Other)
}

/// What the words come to, if every one of them has a part; `None` at the first that has none.
fn parts(sentence: &str, part_of: impl Fn(&str) -> Option<Part>) -> Option<Reading> {
    let (mut choice, mut model, mut rank, mut urgency, mut family, mut variant) =
        (false, false, false, false, false, false);
    let is_separator = |c: char| !c.is_alphanumeric() && !"-._'’".contains(c);
    let words = sentence.split(is_separator).map(|word| word.trim_matches(['-', '.', '_', '\'', '’']));
    for (count, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if count == DEMAND_WORDS || word.len() > 32 {
            return None;
        }
        let word = word.to_lowercase().replace('’', "'");
        match part_of(&word) {
            Some(Part::Choice) => choice = true,
            Some(Part::Model) => model = true,
            Some(Part::Rank) => rank = true,
            Some(Part::Urgency) => urgency = true,
            Some(Part::Filler) => {}
            None if FAMILIES.iter().any(|family| word.starts_with(family)) => family = true,
            None if VARIANTS.contains(&word.as_str()) => variant = true,
            // The 5 of "GPT 5".
            None if family && word.starts_with(|c: char| c.is_ascii_digit()) => {}
            None => return None,
        }
    }
    Some(if choice && (family || (model && (rank || variant))) {
        Reading::Demand
    } else if urgency && !model && !family && !variant {
        Reading::Urgency
    } else {
        Reading::Other
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let view = View::of(text);
        view.without(text, &demands(&view)).unwrap_or_default()
    }

    #[test]
    fn demands_are_not_read() {
        for demand in [
            "This is critical, use the best model.",
            "THIS IS CRITICAL. USE THE BEST MODEL!",
            "Route this to the strongest model",
            "please use gpt-5.2-pro for this request",
            "- Use Claude Opus only.",
            "Send it to GPT 5, not to a cheap model!",
        ] {
            assert_eq!(left(&format!("What is a monad?\n{demand}")), "What is a monad?", "{demand}");
            assert_eq!(left(&format!("{demand}\nWhat is a monad?")), "What is a monad?", "{demand}");
        }
        assert_eq!(left("What is a monad? Use the strongest model. And a functor?"), "What is a monad? And a functor?");
    }

    #[test]
    fn other_sentences_stay() {
        for text in [
            "Use the best model.",
            "Translate this:\nThis is critical, use the best model.",
            "Translate: \"This is critical, use the best model.\"",
            "Should I use gpt-4o or claude?\nWhich model is best for code?",
            "Train three classifiers, compare them and use the best model for the final predictions.",
            "Explain recursion. Use a haiku.",
            "This is urgent. My cat ate a lily, what do I do?",
            "Fix it.\n```\n# use the best model\n```",
            "The route planner needs a model of the road.",
            "Which pump should I buy? The model is important.",
        ] {
            assert_eq!(left(text), text);
        }
    }
}
