//! How features become the numbers that a linear head reads: TF-IDF of the n-grams, block by block at unit length; standardised
//! surface counts; centred vectors. One definition for training and for serving. Pure; what is fitted here is fitted by `training`.

use std::sync::Arc;

use super::Features;
use super::lexical::{BUCKETS, block_of, bucket_of};
use super::surface::SURFACE_FEATURES;

/// Surface counts beyond this many standard deviations count as this many.
const MOST_DEVIATIONS: f32 = 3.0;

/// One embedder's vector as a head reads it: `(x - mean) * scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorInput {
    /// Index into the artifact's embedders.
    pub embedder: usize,
    /// The training rows' mean.
    pub mean: Vec<f32>,
    /// Its weight beside the n-grams.
    pub scale: f32,
}

/// The fitted part.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSpace {
    /// Inverse document frequency of each bucket; 0 where training saw none, so that unseen n-grams say nothing. Heads that were
    /// fitted to the same rows share it, and then a prompt's n-grams are weighed once for all of them.
    pub idf: Arc<[f32]>,
    /// Mean of each surface count over the training rows.
    pub surface_mean: Vec<f32>,
    /// What a surface count is multiplied with after the mean is taken off.
    pub surface_scale: Vec<f32>,
    /// The vectors it reads.
    pub vectors: Vec<VectorInput>,
}

/// A prompt's n-grams as they were weighed last: bucket and value; a bucket may stand in several blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeighedNgrams {
    by: Option<Arc<[f32]>>,
    values: Vec<(u32, f32)>,
}

impl WeighedNgrams {
    /// The values in this space. One `WeighedNgrams` belongs to one prompt: the features must be the same at every call.
    pub fn of(&mut self, space: &FeatureSpace, features: &Features) -> &[(u32, f32)] {
        if !self.by.as_ref().is_some_and(|by| Arc::ptr_eq(by, &space.idf)) {
            self.values = space.lexical(features);
            self.by = Some(Arc::clone(&space.idf));
        }
        &self.values
    }
}

impl FeatureSpace {
    /// Checks that the parts fit; the message says what does not.
    pub fn check(&self) -> Result<(), String> {
        if self.idf.len() != BUCKETS {
            return Err(format!("{} document frequencies, expected {BUCKETS}", self.idf.len()));
        }
        if self.surface_mean.len() != SURFACE_FEATURES || self.surface_scale.len() != SURFACE_FEATURES {
            return Err(format!("{} surface counts, expected {SURFACE_FEATURES}", self.surface_mean.len()));
        }
        Ok(())
    }

    /// Length of [`FeatureSpace::dense`].
    pub fn dense_columns(&self) -> usize {
        SURFACE_FEATURES + self.vectors.iter().map(|input| input.mean.len()).sum::<usize>()
    }

    /// One prompt's n-grams.
    pub fn lexical(&self, features: &Features) -> Vec<(u32, f32)> {
        let mut lexical = Vec::with_capacity(features.ngrams.len());
        for block in features.ngrams.chunk_by(|(a, _), (b, _)| block_of(*a) == block_of(*b)) {
            let start = lexical.len();
            for &(key, count) in block {
                let bucket = bucket_of(key);
                let value = term_frequency(count) * self.idf[bucket as usize];
                if value > 0.0 {
                    lexical.push((bucket, value));
                }
            }
            let norm = lexical[start..].iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
            if norm > 0.0 {
                let inverse = 1.0 / norm;
                lexical[start..].iter_mut().for_each(|(_, value)| *value *= inverse);
            }
        }
        lexical
    }

    /// One prompt's surface counts, then the vectors in order. A vector that is missing counts as the mean: it says nothing.
    pub fn dense(&self, features: &Features) -> Vec<f32> {
        let mut dense = Vec::with_capacity(self.dense_columns());
        dense.extend((0..SURFACE_FEATURES).map(|at| self.surface(at, features.surface[at])));
        for input in &self.vectors {
            match features.vector(input.embedder) {
                Some(vector) => dense.extend(vector.iter().zip(&input.mean).map(|(x, mean)| (x - mean) * input.scale)),
                None => dense.extend(std::iter::repeat_n(0.0, input.mean.len())),
            }
        }
        dense
    }

    /// One surface count, standardised.
    fn surface(&self, at: usize, value: f32) -> f32 {
        let scale = self.surface_scale[at];
        ((value - self.surface_mean[at]) * scale)
            .clamp(-MOST_DEVIATIONS * SURFACE_WEIGHT, MOST_DEVIATIONS * SURFACE_WEIGHT)
    }
}

/// What one standard deviation of a surface count weighs beside a block of n-grams at unit length.
pub const SURFACE_WEIGHT: f32 = 0.2;

/// Steps of an inverse document frequency of 1, as it is kept in a byte: up to 10.6, which is one row in 15,000.
const IDF_STEPS: f32 = 24.0;

/// An inverse document frequency as it is kept.
pub fn byte_of_idf(idf: f32) -> u8 {
    (idf * IDF_STEPS).round().clamp(0.0, 255.0) as u8
}

/// What is kept, read again.
pub fn idf_of_byte(byte: u8) -> f32 {
    f32::from(byte) / IDF_STEPS
}

/// 1 + ln(count), the sublinear term frequency.
pub fn term_frequency(count: u16) -> f32 {
    if count <= 1 { 1.0 } else { 1.0 + libm::logf(f32::from(count)) }
}
