//! Tokens of a whole request, estimated for every family of tokenizers at once. Long texts are sampled, so that a prompt of a megabyte costs less
//! than a millisecond.

use super::token_estimate::{Family, Tally, with_margin};

/// What a chat format adds to each message: its role and the marks around it.
const TOKENS_A_MESSAGE: u64 = 4;
/// Texts are counted whole up to this length.
const WHOLE_BYTES: usize = 32 * 1024;
/// Of longer ones, this many pieces, evenly spaced ...
const PIECES: usize = 8;
/// ... of this length each.
const PIECE_BYTES: usize = 4 * 1024;

/// Estimated tokens by family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenCounts([u64; Family::ALL.len()]);

impl TokenCounts {
    /// The same number for every family.
    pub fn same(tokens: u64) -> Self {
        Self([tokens; Family::ALL.len()])
    }

    /// Of all these texts, in as many messages.
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>, messages: usize) -> Self {
        let mut counts = Self::same(TOKENS_A_MESSAGE * messages as u64);
        // Short texts are counted together: what is rounded up is rounded up once.
        let mut short = Tally::default();
        for text in texts {
            if text.len() <= WHOLE_BYTES {
                short.add(text);
            } else {
                counts.add_sampled(text);
            }
        }
        counts.add(|family| short.tokens(family));
        counts
    }

    /// With as many more for every family.
    #[must_use]
    pub fn plus(mut self, tokens: u64) -> Self {
        self.add(|_| tokens);
        self
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.add(|family| other.expected(family));
        self
    }

    /// The estimate for a family, to reckon costs with.
    pub fn expected(&self, family: Family) -> u64 {
        self.0[family as usize]
    }

    /// An upper estimate, to compare with context windows.
    pub fn at_most(&self, family: Family) -> u64 {
        with_margin(self.expected(family), family)
    }

    fn add(&mut self, tokens: impl Fn(Family) -> u64) {
        self.0.iter_mut().zip(Family::ALL).for_each(|(count, family)| *count += tokens(family));
    }

    fn add_sampled(&mut self, text: &str) {
        let mut tally = Tally::default();
        let mut read = 0;
        for piece in 0..PIECES {
            let start = text.ceil_char_boundary((text.len() - PIECE_BYTES) / (PIECES - 1) * piece);
            let end = text.floor_char_boundary((start + PIECE_BYTES).min(text.len()));
            tally.add(&text[start..end]);
            read += end - start;
        }
        let (all, read) = (text.len() as u128, read.max(1) as u128);
        self.add(|family| u64::try_from(u128::from(tally.tokens(family)) * all / read).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::token_estimate::estimate;

    #[test]
    fn texts_add_up_and_messages_cost_a_little() {
        let texts = ["What is the capital of Mongolia?", "Ulaanbaatar."];
        for family in Family::ALL {
            let alone: u64 = texts.iter().map(|text| estimate(text, family)).sum();
            let counts = TokenCounts::of(texts.into_iter(), 2);
            assert!(counts.expected(family).abs_diff(alone + 8) <= 1, "{family:?}");
            assert!(counts.at_most(family) > counts.expected(family));
        }
    }

    #[test]
    fn a_long_text_is_sampled_to_within_a_few_percent() {
        let prose = "The committee met on Tuesday and agreed to postpone the vote until the report is complete. ";
        let code = "fn main() { let x = vec![1, 2, 3]; println!(\"{x:?}\"); }\n";
        let text = prose.repeat(6000) + &code.repeat(6000);
        for family in [Family::OpenAi, Family::Claude] {
            let (whole, sampled) = (estimate(&text, family), TokenCounts::of([text.as_str()].into_iter(), 0));
            let ratio = sampled.expected(family) as f64 / whole as f64;
            assert!((0.93..1.07).contains(&ratio), "{family:?}: {ratio}");
        }
    }
}
