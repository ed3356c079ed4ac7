//! Prompts that say nearly the same: which of those that were answered lately is the nearest, whether it is near enough, and whether something
//! that a vector does not see, such as a number, sets the two apart. The threshold is fitted on pairs, never typed in.

mod fit;
mod guards;
mod pairs;
mod recent;

use std::path::Path;
use std::time::Duration;

pub use fit::{Figures, Fitted};
pub use guards::Wording;
pub use pairs::LabelledPair;
use recent::{Answered, Recent};

use super::{CacheError, CacheKey};

/// What reads a text: a vector at unit length, or `None` where nothing of it is known.
pub type ReadMeaning = Box<dyn Fn(&str) -> Option<Vec<f32>> + Send + Sync>;

/// A longer prompt may differ in one word that its vector does not show.
pub const MOST_CHARACTERS: usize = 600;

/// What is remembered unless somebody says how much.
const DEFAULT_BYTES: u64 = 1024 * 1024;

/// Finds prompts that say nearly the same.
pub struct Likeness {
    read: ReadMeaning,
    fitted: Fitted,
    recent: Recent,
}

/// A prompt as it is compared.
#[derive(Debug, Clone)]
pub struct Likened {
    wording: Wording,
    meaning: Vec<f32>,
}

impl Likeness {
    /// Fits the threshold on the pairs of a file, or on those that come with semroute.
    pub fn fit(read: ReadMeaning, file: Option<&Path>) -> Result<Self, CacheError> {
        let pairs = match file {
            Some(file) => pairs::from_file(file)?,
            None => pairs::shipped()?,
        };
        let fitted = fit::fit(&pairs, &read)?;
        Ok(Self { read, fitted, recent: Recent::new(DEFAULT_BYTES) })
    }

    /// Remembers prompts within so many bytes, in place of 1 MiB.
    #[must_use]
    pub fn remembering(self, max_bytes: u64) -> Self {
        Self { recent: Recent::new(max_bytes), ..self }
    }

    /// The threshold, and what it did on pairs that it was not fitted on.
    pub fn fitted(&self) -> Fitted {
        self.fitted
    }

    /// Reads a prompt; `None` where it is too long or says nothing that is known.
    pub fn read(&self, prompt: &str) -> Option<Likened> {
        let prompt = prompt.trim();
        if prompt.is_empty() || prompt.chars().nth(MOST_CHARACTERS).is_some() {
            return None;
        }
        Some(Likened { wording: Wording::of(prompt), meaning: (self.read)(prompt)? })
    }

    /// The answers to prompts that were answered lately in the same surroundings and are near enough, the nearest first. Some may be gone by now:
    /// an answer may have made room for another one.
    pub fn near(&self, surroundings: &CacheKey, prompt: &Likened, now_unix_ms: u64) -> Vec<CacheKey> {
        self.recent.near(surroundings, prompt, self.fitted.threshold, now_unix_ms)
    }

    /// This prompt was answered just now, for so long.
    pub fn remember(&self, surroundings: CacheKey, prompt: Likened, answer: CacheKey, now_unix_ms: u64, ttl: Duration) {
        self.recent.remember(surroundings, Answered { prompt, answer, since_unix_ms: now_unix_ms, ttl });
    }
}

impl Likened {
    /// The similarity to another prompt, -1 to 1; `None` where something sets the two apart whatever their vectors say.
    fn similarity(&self, other: &Self) -> Option<f32> {
        let is_comparable = self.meaning.len() == other.meaning.len() && self.wording == other.wording;
        is_comparable.then(|| self.meaning.iter().zip(&other.meaning).map(|(a, b)| a * b).sum())
    }
}
