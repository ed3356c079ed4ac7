//! Whether a turn only confirms, continues, picks or answers, so that it says nothing of its own about what is asked for.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::follow_up_phrases::{
    BEFORE_A_CHOICE, BESIDE_THANKS, BETWEEN_CHOICES, EVERYWHERE, LANGUAGES, NUMBERS, THANKS,
};

/// Longest follow-up, in words and in bytes.
const FOLLOW_UP_WORDS: usize = 8;
const FOLLOW_UP_BYTES: usize = 160;
/// Longest phrase, in words.
const PHRASE_WORDS: usize = 5;

/// Whether a turn after an answer adds nothing to what was asked before.
pub(super) fn is_follow_up(text: &str) -> bool {
    let text = text.trim();
    if text.len() > FOLLOW_UP_BYTES {
        return false;
    }
    // A decimal number or a time is an answer with content of its own.
    let within_number =
        |window: &[u8]| window[0].is_ascii_digit() && b".:".contains(&window[1]) && window[2].is_ascii_digit();
    if text.as_bytes().windows(3).any(within_number) {
        return false;
    }
    // A question asks for something, whatever its words: "right?", "继续？".
    let Some(normal) = normalised(text) else { return false };
    let words: Vec<&str> = normal.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > FOLLOW_UP_WORDS {
        return false;
    }
    let thanked = words.iter().any(|word| {
        THANKS_WORDS.iter().any(|thanks| *word == thanks || (word.contains(is_unspaced) && word.contains(thanks)))
    });
    let languages = if thanked { &PHRASES_WITH_THANKS } else { &PHRASES };
    (words.len() == 1 && is_letter(words[0])) || languages.iter().any(|phrases| is_made_of(&words, phrases))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phrase {
    Step,
    Polite,
}

static PHRASES: LazyLock<Vec<HashMap<String, Phrase>>> = LazyLock::new(|| {
    let maps = LANGUAGES.iter().map(|language| {
        let polite = list(language.polite).map(|phrase| (phrase, Phrase::Polite));
        let steps = list(language.steps).chain(list(EVERYWHERE)).map(|phrase| (phrase, Phrase::Step));
        polite.chain(steps).collect()
    });
    maps.collect()
});
/// The same without what people say with their thanks.
static PHRASES_WITH_THANKS: LazyLock<Vec<HashMap<String, Phrase>>> = LazyLock::new(|| {
    let mut maps = PHRASES.clone();
    for map in &mut maps {
        map.extend(list(BESIDE_THANKS).map(|phrase| (phrase, Phrase::Polite)));
    }
    maps
});
static THANKS_WORDS: LazyLock<Vec<String>> = LazyLock::new(|| list(THANKS).collect());
static CHOICE_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| list(BEFORE_A_CHOICE).collect());
static NUMBER_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| list(NUMBERS).collect());
static JOINING_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| list(BETWEEN_CHOICES).collect());

fn list(phrases: &str) -> impl Iterator<Item = String> {
    phrases.split(',').filter_map(normalised)
}

/// Whether the words are phrases of one language from the first to the last, and not only polite ones.
fn is_made_of(words: &[&str], phrases: &HashMap<String, Phrase>) -> bool {
    // For every place between words: not reached, reached by polite phrases alone, or with a step among them.
    let mut reached: Vec<Option<bool>> = vec![None; words.len() + 1];
    reached[0] = Some(false);
    for start in 0..words.len() {
        let Some(stepped) = reached[start] else { continue };
        for end in start + 1..=words.len().min(start + PHRASE_WORDS) {
            let step = match phrases.get(&words[start..end].join(" ")) {
                Some(Phrase::Step) => Some(true),
                Some(Phrase::Polite) => Some(stepped),
                None if is_choice(words, start, end) => Some(true),
                None if end == start + 1 => unspaced(words[start], phrases).map(|step| step || stepped),
                None => None,
            };
            reached[end] = reached[end].max(step);
        }
    }
    reached[words.len()] == Some(true)
}

/// "2", "option b", "number two", the "and" of "1 and 3".
fn is_choice(words: &[&str], start: usize, end: usize) -> bool {
    match &words[start..end] {
        [word] if is_number(word) => true,
        [word] => {
            let between =
                start > 0 && is_number(words[start - 1]) && words.get(end).is_some_and(|next| is_number(next));
            between && JOINING_WORDS.contains(*word)
        }
        [before, word] => {
            CHOICE_WORDS.contains(*before) && (is_number(word) || is_letter(word) || NUMBER_WORDS.contains(*word))
        }
        _ => false,
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_end_matches("번째").trim_end_matches('번');
    (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_letter(word: &str) -> bool {
    matches!(word, "a" | "b" | "c" | "d" | "e" | "f")
}

/// A word of Chinese or Japanese, where phrases follow each other without spaces. A single character is a phrase only by
/// itself or with a polite one: "好不好" is a question made of three that are answers.
fn unspaced(word: &str, phrases: &HashMap<String, Phrase>) -> Option<bool> {
    let ends: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    if ends.len() < 3 || !word.chars().any(is_unspaced) {
        return None;
    }
    let mut reached: Vec<Option<bool>> = vec![None; ends.len()];
    reached[0] = Some(false);
    for start in 0..ends.len() - 1 {
        let Some(stepped) = reached[start] else { continue };
        for end in start + 1..ends.len() {
            let piece = &word[ends[start]..ends[end]];
            let step = match phrases.get(piece) {
                Some(Phrase::Step) if end > start + 1 || !stepped => Some(true),
                Some(Phrase::Polite) => Some(stepped),
                None if is_number(piece) => Some(true),
                None if CHOICE_WORDS.contains(piece) => Some(stepped),
                None if stepped || start > 0 => NUMBER_WORDS.contains(piece).then_some(true),
                _ => None,
            };
            reached[end] = reached[end].max(step);
        }
    }
    reached[ends.len() - 1]
}

fn is_unspaced(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// Lower case without accents, punctuation and pictures, words separated by single spaces. `None` for a question, and for signs
/// that stand in formulas and code: "2+2" is no choice.
fn normalised(text: &str) -> Option<String> {
    let mut normal = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            '?' | '？' | '؟' | '+' | '=' | '<' | '>' | '/' | '\\' | '|' | '$' | '%' | '@' | '&' | '{' | '}' => {
                return None;
            }
            '\'' | '’' | 'ʼ' => {}
            // Marks above and below letters: Latin, Arabic, and the dot of Devanagari.
            '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{652}' | '\u{93c}' => {}
            '\u{964}' => normal.push(' '),
            '\u{900}'..='\u{97f}' => normal.push(base_letter(character)),
            _ if character.is_alphanumeric() => normal.push(base_letter(character)),
            _ => normal.push(' '),
        }
    }
    let words: Vec<&str> = normal.split_whitespace().collect();
    Some(words.join(" "))
}

/// The letter without its mark, as many people type it.
fn base_letter(character: char) -> char {
    match character {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'ę' => 'e',
        'ğ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ı' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ś' | 'ş' | 'š' => 's',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' => 'е',
        'أ' | 'إ' | 'آ' => 'ا',
        'ة' => 'ه',
        'ى' => 'ي',
        '\u{95b}' => '\u{91c}',
        '\u{95d}' => '\u{922}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_phrases_from_end_to_end_make_a_follow_up() {
        for text in ["yes", "Yes!", "ok do that", "2.", "(b)", "option 2", "1 and 3", "great, go on 👍", "yes, thanks"]
        {
            assert!(is_follow_up(text), "{text}");
        }
        for text in ["", "2+2", "1999", "right?", "great", "please", "ok thanks", "a b", "do it in rust", "<yes>"] {
            assert!(!is_follow_up(text), "{text}");
        }
        assert!(!is_follow_up(&"yes ".repeat(9)));
    }

    #[test]
    fn every_language_has_both_lists() {
        assert!(PHRASES.len() == 15 && PHRASES.iter().all(|phrases| phrases.len() > 40));
        assert!(PHRASES.iter().flatten().all(|(phrase, _)| phrase.split(' ').count() <= PHRASE_WORDS));
    }
}
