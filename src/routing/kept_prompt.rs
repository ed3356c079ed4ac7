//! What a decision carries of the prompt, for a log that asked for it. Nothing is copied or packed where nobody asked. What of it may be
//! kept, and in which shape, is for whoever writes the log: the words here are as the client wrote them.

use std::fmt::{self, Debug, Formatter};

use crate::classifier::{Features, PackedFeatures, SpaceName};
use crate::prompt;

/// What is wanted of prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeepOfPrompts {
    /// Nothing.
    #[default]
    Nothing,
    /// The words that are classified.
    Words,
    /// The same, to tell prompts apart by, and the features they are classified by.
    Features,
}

/// What is carried of one prompt.
#[derive(Clone, PartialEq)]
pub struct KeptPrompt {
    /// The ends of the words that were classified, as they came: 16 KiB at most.
    pub words: String,
    /// What they were classified by.
    pub features: Option<KeptFeatures>,
}

/// What a prompt was classified by.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFeatures {
    /// The name of their space.
    pub space: String,
    /// Packed.
    pub bytes: Vec<u8>,
}

impl KeptPrompt {
    /// What is wanted of a prompt that was classified by these features in this space.
    pub(super) fn of(words: &str, features: Features, space: &SpaceName, wanted: KeepOfPrompts) -> Option<Self> {
        let features = match wanted {
            KeepOfPrompts::Nothing => return None,
            KeepOfPrompts::Words => None,
            KeepOfPrompts::Features => {
                let packed = PackedFeatures { features, prompt_chars: words.chars().count() as u64 };
                Some(KeptFeatures { space: space.to_string(), bytes: packed.to_bytes() })
            }
        };
        Some(Self { words: prompt::ends_of(words), features })
    }
}

/// The words are the client's, so they do not get into a log by being shown.
impl Debug for KeptPrompt {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeptPrompt").finish_non_exhaustive()
    }
}
