//! Which prompts are, or contain, a prompt that must stay unseen. By words alone: case, punctuation and the options of a choice do
//! not make another question of it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Words in a row that two prompts do not share by chance.
const RUN_WORDS: usize = 12;
/// Characters of an opening, without spaces and punctuation.
const OPENING_CHARS: usize = 100;

/// Prompts that must stay unseen.
#[derive(Debug, Default)]
pub struct Withheld {
    /// Openings, questions without their options, and runs of words.
    seen: HashSet<u64>,
}

impl Withheld {
    /// Adds a prompt.
    pub fn add(&mut self, prompt: &str) {
        self.seen.extend(keys(prompt));
    }

    /// Whether a prompt shares its opening, its question or a run of twelve words with one of them.
    pub fn touches(&self, prompt: &str) -> bool {
        keys(prompt).any(|key| self.seen.contains(&key))
    }
}

fn keys(prompt: &str) -> impl Iterator<Item = u64> {
    let words = words(prompt);
    let opening: String = words.concat().chars().take(OPENING_CHARS).collect();
    let question = self::words(question(prompt)).concat();
    let whole = [("opening", opening), ("question", question)].into_iter().filter(|(_, text)| !text.is_empty());
    let mut keys: Vec<u64> = whole.map(|key| hash(&key)).collect();
    keys.extend(words.windows(RUN_WORDS).map(|run| hash(&run)));
    keys.into_iter()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// What stands before the first option of a choice; all of it where there is none.
fn question(prompt: &str) -> &str {
    let mut end = 0;
    for line in prompt.split_inclusive('\n') {
        if end > 0 && ["A.", "A)", "A:", "(A)"].iter().any(|option| line.trim_start().starts_with(option)) {
            return &prompt[..end];
        }
        end += line.len();
    }
    prompt
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_is_found_under_other_options_and_inside_other_words() {
        let mut withheld = Withheld::default();
        withheld.add("What is the derivative of x squared?\nA. x\nB. 2x");
        withheld.add(
            "A passage tells of a farmer who sold three of his seven cows at the market on Tuesday. How many are left?",
        );
        for prompt in [
            "what is the derivative of X squared\n(A) two\n(B) 2x\n(C) none",
            "Example: a farmer who sold three of his seven cows at the market on Tuesday went home.",
        ] {
            assert!(withheld.touches(prompt), "{prompt}");
        }
        for prompt in ["What is the derivative of x cubed?\nA. x\nB. 2x", "A farmer sold cows at the market.", ""] {
            assert!(!withheld.touches(prompt), "{prompt}");
        }
    }
}
