//! How far a prompt lies from everything seen in training: the distance to the nearest prototype, as a rank among the
//! distances that prompts held out of training had.

use super::vector::{dot, normalise};

/// Prototypes (centres of clusters of training prompts) and what distances to them are usual.
#[derive(Debug, Clone, PartialEq)]
pub struct NoveltyModel {
    mean: Vec<f32>,
    /// Unit length, centred, one after the other.
    prototypes: Vec<f32>,
    /// Distances at ranks 0, 1/(n-1), ..., 1 of the held-out prompts, ascending.
    quantiles: Vec<f32>,
    threshold: f64,
}

/// A prompt's novelty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Novelty {
    /// 1 - cosine to the nearest prototype, 0..2.
    pub distance: f32,
    /// Share of held-out training prompts that lie nearer, 0..1.
    pub rank: f64,
    /// Whether the rank is below the fitted threshold.
    pub known: bool,
}

impl NoveltyModel {
    /// Puts a model together; the message says what does not fit.
    pub fn new(mean: Vec<f32>, prototypes: Vec<f32>, quantiles: Vec<f32>, threshold: f64) -> Result<Self, String> {
        if mean.is_empty() || prototypes.is_empty() || !prototypes.len().is_multiple_of(mean.len()) {
            return Err(format!("{} numbers are no list of prototypes of {}", prototypes.len(), mean.len()));
        }
        if quantiles.len() < 2 || !quantiles.is_sorted() {
            return Err("the distance quantiles must be ascending and at least two".into());
        }
        if !(0.0..=1.0).contains(&threshold) {
            return Err(format!("the novelty threshold must be between 0 and 1, found {threshold}"));
        }
        Ok(Self { mean, prototypes, quantiles, threshold })
    }

    /// The mean that is taken off before the cosine.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The prototypes.
    pub fn prototypes(&self) -> &[f32] {
        &self.prototypes
    }

    /// The usual distances.
    pub fn quantiles(&self) -> &[f32] {
        &self.quantiles
    }

    /// The rank from which a prompt counts as unknown.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Distance of a vector to the nearest prototype. A vector of zeros (no known token) is as far as can be.
    pub fn distance(&self, vector: &[f32]) -> f32 {
        if vector.iter().all(|x| *x == 0.0) {
            return 2.0;
        }
        let mut centred: Vec<f32> = vector.iter().zip(&self.mean).map(|(x, mean)| x - mean).collect();
        normalise(&mut centred);
        let nearest = self.prototypes.chunks_exact(self.mean.len()).map(|prototype| dot(prototype, &centred));
        1.0 - nearest.fold(-1.0, f32::max)
    }

    /// Distance, rank and verdict.
    pub fn measure(&self, vector: &[f32]) -> Novelty {
        let distance = self.distance(vector);
        let rank = self.rank(distance);
        Novelty { distance, rank, known: rank < self.threshold }
    }

    /// Linear between quantiles.
    fn rank(&self, distance: f32) -> f64 {
        let above = self.quantiles.partition_point(|quantile| *quantile <= distance);
        if above == 0 {
            return 0.0;
        }
        let steps = (self.quantiles.len() - 1) as f64;
        let Some(&next) = self.quantiles.get(above) else { return 1.0 };
        let below = self.quantiles[above - 1];
        let fraction = f64::from((distance - below) / (next - below));
        ((above - 1) as f64 + fraction) / steps
    }
}
