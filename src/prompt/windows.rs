//! Cuts a prompt into windows. The instruction of a long prompt stands at its beginning or its end, and pasted material
//! between; so both ends are read by themselves, beside the whole, and count as much as it does.

/// Prompts up to this many words are one window.
const SHORT_WORDS: usize = 96;
/// Words of the window at either end.
const END_WORDS: usize = 64;
/// Scripts without spaces make "words" of any length: a window at either end never exceeds this many bytes.
const END_BYTES: usize = 768;
/// Words at either end whose n-grams are counted apart, and the bytes they may take.
const NGRAM_END_WORDS: usize = 30;
const NGRAM_END_BYTES: usize = 420;
/// Words at the very tips, which are counted once more by themselves, and the bytes they may take.
const NGRAM_TIP_WORDS: usize = 12;
const NGRAM_TIP_BYTES: usize = 168;
/// Bytes read from the front and from the back for the window of the whole.
pub(super) const WHOLE_HALF_BYTES: usize = 3072;

/// The windows of one prompt; borrowed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptText<'a> {
    head: &'a str,
    tail: Option<&'a str>,
    whole: Option<[&'a str; 2]>,
    truncated: bool,
}

/// Reads a prompt. Looks at no more than a few kilobytes of it, whatever its size.
pub fn read(prompt: &str) -> PromptText<'_> {
    let prompt = prompt.trim();
    let short = prompt.len() <= 2 * END_BYTES && prompt.split_whitespace().nth(SHORT_WORDS).is_none();
    if short {
        return PromptText { head: prompt, tail: None, whole: None, truncated: false };
    }
    let truncated = prompt.len() > 2 * WHOLE_HALF_BYTES;
    let whole = if truncated {
        [front(prompt, WHOLE_HALF_BYTES), back(prompt, WHOLE_HALF_BYTES)]
    } else {
        let (first, second) = prompt.split_at(prompt.floor_char_boundary(prompt.len() / 2));
        [first, second]
    };
    let head = first_words(front(prompt, END_BYTES), END_WORDS);
    let tail = last_words(back(prompt, END_BYTES), END_WORDS);
    PromptText { head, tail: Some(tail), whole: Some(whole), truncated }
}

impl<'a> PromptText<'a> {
    /// The windows to embed, each with its weight; the weights sum to 1.
    pub fn weighted_windows(&self) -> impl Iterator<Item = (&'a str, f32)> {
        let ends = if self.tail.is_some() { 1.0 / 3.0 } else { 1.0 };
        let whole = self.whole.into_iter().flatten().map(|half| (half, 1.0 / 6.0));
        std::iter::once((self.head, ends)).chain(self.tail.map(|tail| (tail, ends))).chain(whole)
    }

    /// What n-grams are counted in: the first words and the last, and everything that is read in two pieces.
    pub fn ends_and_whole(&self) -> (&'a str, &'a str, [&'a str; 2]) {
        let first = first_words(front(self.head, NGRAM_END_BYTES), NGRAM_END_WORDS);
        let tail = self.tail.unwrap_or(self.head);
        let last = last_words(back(tail, NGRAM_END_BYTES), NGRAM_END_WORDS);
        (first, last, self.whole.unwrap_or([self.head, ""]))
    }

    /// The very first few words and the very last.
    pub fn tips(&self) -> (&'a str, &'a str) {
        let (first, last, _) = self.ends_and_whole();
        let first_tip = first_words(front(first, NGRAM_TIP_BYTES), NGRAM_TIP_WORDS);
        (first_tip, last_words(back(last, NGRAM_TIP_BYTES), NGRAM_TIP_WORDS))
    }

    /// One text with both ends in it, for an embedder that reads a prompt in one go.
    pub fn excerpt(&self) -> String {
        match self.tail {
            None => self.head.to_owned(),
            Some(tail) => [self.head, tail].join("\n...\n"),
        }
    }

    /// Whether `excerpt` leaves words out that the windows read.
    pub fn excerpt_is_shorter(&self) -> bool {
        self.tail.is_some()
    }

    /// Whether words were left unread.
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

/// At most `bytes` from the front, not in the middle of a character.
fn front(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// At most `bytes` from the back, not in the middle of a character.
fn back(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

fn first_words(text: &str, count: usize) -> &str {
    let end = text.split_whitespace().nth(count).map_or(text.len(), |word| offset_in(text, word));
    text[..end].trim_end()
}

fn last_words(text: &str, count: usize) -> &str {
    let start = text.split_whitespace().rev().nth(count - 1).map_or(0, |word| offset_in(text, word));
    text[start..].trim_start()
}

/// Where `part`, a slice of `text`, begins.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_prompt_is_one_window() {
        let text = read("  what is a monad?\n");
        assert_eq!(text.weighted_windows().collect::<Vec<_>>(), [("what is a monad?", 1.0)]);
        assert!(!text.truncated());
    }

    #[test]
    fn both_ends_of_a_long_prompt_are_read_by_themselves() {
        let pasted = "lorem ipsum dolor ".repeat(5000);
        let prompt = format!("translate the following {pasted} and give only the french text");
        let text = read(&prompt);
        assert!(text.truncated());
        assert!(text.head.starts_with("translate the following"));
        assert!(text.tail.is_some_and(|tail| tail.ends_with("only the french text")));
        assert_eq!(text.head.split_whitespace().count(), END_WORDS);
        assert_eq!(text.tail.map(|tail| tail.split_whitespace().count()), Some(END_WORDS));
    }

    proptest! {
        #[test]
        fn any_text_is_read_within_bounds(prompt in "\\PC{0,300}", times in 1usize..200) {
            let prompt = prompt.repeat(times);
            let text = read(&prompt);
            let windows: Vec<_> = text.weighted_windows().collect();
            let weight: f32 = windows.iter().map(|(_, weight)| weight).sum();
            prop_assert!((weight - 1.0).abs() < 1e-5);
            prop_assert!(windows.iter().map(|(window, _)| window.len()).sum::<usize>() <= 2 * (END_BYTES + WHOLE_HALF_BYTES));
            prop_assert_eq!(text.truncated(), prompt.trim().len() > 2 * WHOLE_HALF_BYTES);
        }
    }
}
