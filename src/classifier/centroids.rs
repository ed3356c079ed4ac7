//! One head: the cosine to each label's centroids, made into probabilities by a fitted temperature.

use super::head::softmax;
use super::vector::{dot, normalise};
use super::{LabelScores, Whitening};

/// Centroids of every label in whitened space. A label's score is the cosine to its nearest centroid; its probability is
/// softmax(score / temperature).
#[derive(Debug, Clone, PartialEq)]
pub struct CentroidHead {
    labels: Vec<String>,
    whitening: Whitening,
    /// Unit length, `dims` each.
    centroids: Vec<f32>,
    /// Label index of each centroid.
    centroid_labels: Vec<usize>,
    temperature: f32,
}

impl CentroidHead {
    /// Puts a head together; the message says what does not fit.
    pub fn new(
        labels: Vec<String>,
        whitening: Whitening,
        centroids: Vec<f32>,
        centroid_labels: Vec<usize>,
        temperature: f32,
    ) -> Result<Self, String> {
        if labels.len() < 2 {
            return Err(format!("a head needs at least two labels, found {}", labels.len()));
        }
        if centroids.len() != centroid_labels.len() * whitening.dims() {
            return Err(format!(
                "{} centroid labels of {} dimensions need {} numbers, found {}",
                centroid_labels.len(),
                whitening.dims(),
                centroid_labels.len() * whitening.dims(),
                centroids.len()
            ));
        }
        if let Some(label) = (0..labels.len()).find(|label| !centroid_labels.contains(label)) {
            return Err(format!("label {:?} has no centroid", labels[label]));
        }
        if centroid_labels.iter().any(|&label| label >= labels.len()) {
            return Err("a centroid belongs to no label".into());
        }
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(format!("the temperature must be above 0, found {temperature}"));
        }
        Ok(Self { labels, whitening, centroids, centroid_labels, temperature })
    }

    /// The labels; for complexity, easiest first.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The change of coordinates.
    pub fn whitening(&self) -> &Whitening {
        &self.whitening
    }

    /// Centroids, one after the other.
    pub fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// Label index of each centroid.
    pub fn centroid_labels(&self) -> &[usize] {
        &self.centroid_labels
    }

    /// The fitted temperature.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// Cosine to the nearest centroid of each label, -1..1, in label order.
    pub fn cosines(&self, vector: &[f32]) -> Vec<f32> {
        let mut whitened = self.whitening.apply(vector);
        normalise(&mut whitened);
        let mut nearest = vec![-1.0f32; self.labels.len()];
        for (centroid, &label) in self.centroids.chunks_exact(self.whitening.dims().max(1)).zip(&self.centroid_labels) {
            nearest[label] = nearest[label].max(dot(centroid, &whitened));
        }
        nearest
    }

    /// Calibrated probabilities, in label order, beside the cosines they come from.
    pub fn score(&self, vector: &[f32]) -> LabelScores {
        let cosines = self.cosines(vector);
        let probabilities = softmax(&cosines, self.temperature);
        LabelScores { raw: cosines, probabilities }
    }
}
