//! The change of coordinates before the cosine: centre, then divide out the spread that prompts of one label have anyway.
//! With S the pooled within-label covariance (shrunk) and S = L L^T, z = L^-1 (x - mean): Fisher's discriminant space.

use super::vector::dot;

/// `z = lower_inverse (x - mean)`; `lower_inverse` is lower triangular, stored as full rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitening {
    mean: Vec<f32>,
    lower_inverse: Vec<f32>,
}

impl Whitening {
    /// `mean`: dims; `lower_inverse`: dims * dims, row after row. `None` if the lengths disagree.
    pub fn new(mean: Vec<f32>, lower_inverse: Vec<f32>) -> Option<Self> {
        (lower_inverse.len() == mean.len() * mean.len()).then_some(Self { mean, lower_inverse })
    }

    /// Length of the vectors it takes and gives.
    pub fn dims(&self) -> usize {
        self.mean.len()
    }

    /// The mean that is taken off.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The matrix, row after row.
    pub fn lower_inverse(&self) -> &[f32] {
        &self.lower_inverse
    }

    /// Whitens one vector of length `dims`.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let centred: Vec<f32> = vector.iter().zip(&self.mean).map(|(x, mean)| x - mean).collect();
        self.lower_inverse
            .chunks_exact(self.dims().max(1))
            .enumerate()
            .map(|(row, weights)| dot(&weights[..=row], &centred[..=row]))
            .collect()
    }
}
