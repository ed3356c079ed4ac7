//! What is known of one prompt before classification: its n-grams, its surface, and a vector from each embedder that ran. Pure.

use super::lexical::{LexicalWindows, NgramCounts, count_ngrams};
use super::surface::{SURFACE_FEATURES, surface_features};

/// Everything that heads read of one prompt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// Hashed n-grams.
    pub ngrams: NgramCounts,
    /// Surface counts, unscaled.
    pub surface: [f32; SURFACE_FEATURES],
    /// A vector for each embedder of the artifact, in its order; `None` where that embedder did not run.
    pub vectors: Vec<Option<Vec<f32>>>,
}

impl Features {
    /// Reads n-grams and surface; vectors are added by whoever runs the embedders.
    pub fn of(windows: LexicalWindows<'_>) -> Self {
        Self { ngrams: count_ngrams(windows), surface: surface_features(windows), vectors: Vec::new() }
    }

    /// The vector of one embedder, if it ran.
    pub fn vector(&self, embedder: usize) -> Option<&[f32]> {
        self.vectors.get(embedder)?.as_deref()
    }
}
