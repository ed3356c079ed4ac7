//! What an answer says, as far as it was read: enough to judge it by, or to lay it beside others. Judges nothing itself.

/// The first choice of an answer. Where several were asked for, the others are not looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    /// The words meant for the reader, without thoughts that were written before them.
    words: String,
    /// Characters of the words.
    pub(super) characters: usize,
    /// Names and arguments of tool calls, one after the other.
    pub(super) calls: String,
    /// A tool call, a sound or a picture: an answer that needs no words.
    pub(super) has_more_than_words: bool,
    /// The provider's own field for a refusal holds something.
    pub(super) refused: bool,
    /// Why it ended, once it has.
    pub(super) finish: Option<Finish>,
    /// Whether thoughts stood before the words, in the content itself.
    pub(super) thought_aloud: bool,
    /// Sum and number of the log-probabilities that were told.
    pub(super) logprobs: (f64, usize),
    thoughts: Thoughts,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// At a length limit.
    Length,
    /// A filter stopped it.
    Filter,
    /// Of its own accord, or for a reason that says nothing of the answer.
    Other,
}

/// Local servers leave what a reasoning model thinks at the front of its answer, between these marks.
const THOUGHTS_BEGIN: &str = "<think>";
const THOUGHTS_END: &str = "</think>";

/// Where reading stands before the first word that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Thoughts {
    /// Nothing that tells.
    #[default]
    MayBegin,
    Running,
    Over,
}

impl Said {
    /// Takes the next piece of the content.
    pub(super) fn add_words(&mut self, piece: &str) {
        let before = self.words.len();
        self.words.push_str(piece);
        if self.thoughts == Thoughts::Over {
            self.characters += piece.chars().count();
            return;
        }
        if self.thoughts == Thoughts::MayBegin {
            let begun = self.words.trim_start();
            if let Some(rest) = begun.strip_prefix(THOUGHTS_BEGIN) {
                self.words = rest.to_owned();
                self.thoughts = Thoughts::Running;
                self.thought_aloud = true;
            } else if !THOUGHTS_BEGIN.starts_with(begun) {
                self.thoughts = Thoughts::Over;
            }
        } else if before > 0 {
            // The mark may stand across two pieces.
            let searched = self.words.floor_char_boundary(before.saturating_sub(THOUGHTS_END.len()));
            self.words.drain(..searched);
        }
        if self.thoughts == Thoughts::Running
            && let Some(end) = self.words.find(THOUGHTS_END)
        {
            self.words.drain(..end + THOUGHTS_END.len());
            self.thoughts = Thoughts::Over;
        }
        self.characters = if self.thoughts == Thoughts::Over { self.words.chars().count() } else { 0 };
    }

    /// The words, once it is certain that they are no thoughts.
    pub(super) fn words(&self) -> &str {
        if self.thoughts == Thoughts::Running { "" } else { &self.words }
    }

    /// What can be laid beside another answer: the words, or the calls where there are none.
    pub(super) fn text(&self) -> &str {
        let words = self.words().trim();
        if words.is_empty() { &self.calls } else { words }
    }

    /// Neither words nor anything in their place.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_more_than_words && self.words().trim().is_empty()
    }

    /// Takes one token's log-probability.
    pub(super) fn add_logprob(&mut self, logprob: f64) {
        let (sum, count) = self.logprobs;
        self.logprobs = (sum + logprob, count + 1);
    }

    /// The mean log-probability of the tokens, where the provider told any.
    pub(super) fn mean_logprob(&self) -> Option<f64> {
        let (sum, count) = self.logprobs;
        (count > 0).then(|| sum / count as f64)
    }
}

/// At most this many characters of a text: most of them from its beginning, the rest from its end.
pub(super) fn excerpt(text: &str, characters: usize) -> std::borrow::Cow<'_, str> {
    // Every character takes a byte at least, so most texts need no counting.
    if text.len() <= characters {
        return text.into();
    }
    let tail = characters / 4;
    let after = |count: usize| text.char_indices().nth(count).map(|(at, _)| at);
    let (Some(head_end), Some(_longer)) = (after(characters - tail), after(characters)) else { return text.into() };
    let tail_start = text.char_indices().rev().nth(tail.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    format!("{}\n[...]\n{}", &text[..head_end], &text[tail_start..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&str]) -> Said {
        let mut said = Said::default();
        pieces.iter().for_each(|piece| said.add_words(piece));
        said
    }

    #[test]
    fn thoughts_before_the_answer_are_no_part_of_it_however_they_are_cut() {
        let answer = "\n<think>I cannot say. é</think>\nParis.";
        for size in 1..answer.len() {
            let characters: Vec<char> = answer.chars().collect();
            let pieces: Vec<String> = characters.chunks(size).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let said = said(&pieces);
            assert_eq!((said.words(), said.characters, said.thought_aloud), ("\nParis.", 7, true), "pieces of {size}");
        }
        assert!(said(&["<think>still", " at it"]).is_empty());
        assert_eq!(said(&["<th", "ing> is a tag"]).words(), "<thing> is a tag");
        assert_eq!(said(&["a <think>b</think>"]).characters, 18);
    }

    #[test]
    fn an_excerpt_holds_both_ends_and_no_more_than_it_may() {
        assert_eq!(excerpt("short", 8), "short");
        assert_eq!(excerpt("éééééééé", 8), "éééééééé");
        assert_eq!(excerpt("ääbbccddeeffgg", 8), "ääbbcc\n[...]\ngg");
    }
}
