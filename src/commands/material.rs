//! What is read of a row's prompt: its words, or the features that a log kept of words which it did not keep. Training and evaluation read
//! both alike.

use std::path::Path;

use super::UsageError;
use crate::classifier::{Features, PackedFeatures, SpaceName};
use crate::dataset::{PromptRow, PromptSource};
use crate::prompt::{self, READER_VERSION};
use crate::routing::{Tier, read_features};

/// What is known of one prompt.
#[derive(Debug, Clone)]
pub enum Material {
    /// The words that are classified.
    Words(String),
    /// What they were classified by.
    Kept(Box<KeptFeatures>),
}

/// Features that a log kept.
#[derive(Debug, Clone)]
pub struct KeptFeatures {
    /// File and line, for messages.
    place: String,
    space: SpaceName,
    packed: PackedFeatures,
}

impl Material {
    /// Reads a row of a file.
    pub fn read(path: &Path, row: &PromptRow) -> Result<Self, UsageError> {
        let place = || format!("{}:{}", path.display(), row.line);
        match &row.source {
            PromptSource::Text(text) => Ok(Self::Words(prompt::own_words(text).into_owned())),
            PromptSource::Conversation(request) => {
                let words = prompt::user_words(request.messages()).map(|words| Self::Words(words.text.into_owned()));
                words.ok_or_else(|| UsageError(format!("{}: messages: no user message holds any text", place())))
            }
            PromptSource::Features { space, bytes } => KeptFeatures::read(place(), space, bytes)
                .map(|kept| Self::Kept(Box::new(kept)))
                .map_err(|wrong| UsageError(format!("{}: {wrong}", place()))),
        }
    }

    /// The words; none where features were kept instead.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Words(words) => Some(words),
            Self::Kept(_) => None,
        }
    }

    /// How many characters the words have or had.
    pub fn chars(&self) -> f64 {
        match self {
            Self::Words(words) => words.chars().count() as f64,
            Self::Kept(kept) => kept.packed.prompt_chars as f64,
        }
    }
}

impl KeptFeatures {
    fn read(place: String, space: &str, bytes: &[u8]) -> Result<Self, String> {
        const REMEDY: &str = "leave the row out, or export rows that this semroute logged";
        let name = SpaceName::parse(space)
            .ok_or_else(|| format!("feature_space: {space:?} is no name of a space; export the rows anew"))?;
        if let Some(why) = name.is_foreign(READER_VERSION) {
            return Err(format!("feature_space: {why}; {REMEDY}"));
        }
        let packed = PackedFeatures::from_bytes(bytes).map_err(|wrong| format!("features: {wrong}; {REMEDY}"))?;
        Ok(Self { place, space: name, packed })
    }

    /// With the vectors of these embedders, in their order. A vector that is not there is an error where it is needed.
    pub fn by(&self, tiers: &[Tier], is_needed: impl Fn(usize) -> bool) -> Result<Features, UsageError> {
        let PackedFeatures { features, .. } = &self.packed;
        let vectors = tiers.iter().enumerate().map(|(at, tier)| {
            let identity = tier.identity();
            let vector = self.space.place_of(&identity.fingerprint).and_then(|place| features.vector(place));
            match vector.filter(|vector| vector.len() == identity.dims) {
                Some(vector) => Ok(Some(vector.to_vec())),
                None if !is_needed(at) => Ok(None),
                None => Err(UsageError(format!(
                    "{}: features: there is no vector of the embedder {} among those of {}; leave the row out, or use the embedder that \
                     was in service when it was logged",
                    self.place, identity.name, self.space
                ))),
            }
        });
        Ok(Features { vectors: vectors.collect::<Result<_, _>>()?, ..features.clone() })
    }
}

/// Everything that classification reads of prompts, by all of these embedders. Features that were kept instead of words may lack vectors that are not needed.
pub fn features_of(
    tiers: &[Tier],
    materials: &[&Material],
    is_needed: impl Fn(usize) -> bool,
) -> anyhow::Result<Vec<Features>> {
    let words: Vec<&str> = materials.iter().filter_map(|material| material.words()).collect();
    let mut of_words = read_features(tiers, &words)?.into_iter();
    let of_one = |material: &&Material| match material {
        Material::Words(_) => Ok(of_words.next().unwrap_or_default()),
        Material::Kept(kept) => kept.by(tiers, &is_needed),
    };
    Ok(materials.iter().map(of_one).collect::<Result<_, _>>()?)
}
