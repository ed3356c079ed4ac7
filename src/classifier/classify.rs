//! The classifier as a whole: which embedder each head reads, and one prompt's classification.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CentroidHead, ExampleIndex, Novelty, NoveltyModel, OutcomeTable};

/// What is known of one prompt before classification: a vector for each embedder of the artifact, in its order.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// `None` where that embedder did not run.
    pub vectors: Vec<Option<Vec<f32>>>,
}

/// Scores of one head, in label order.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScores {
    /// Cosine to each label's nearest centroid.
    pub cosines: Vec<f32>,
    /// Calibrated; they sum to 1.
    pub probabilities: Vec<f64>,
}

impl LabelScores {
    /// Index of the most likely label; the first one wins a tie.
    pub fn best(&self) -> usize {
        let mut best = 0;
        for (index, probability) in self.probabilities.iter().enumerate() {
            if *probability > self.probabilities[best] {
                best = index;
            }
        }
        best
    }

    /// The best label's probability.
    pub fn confidence(&self) -> f64 {
        self.probabilities.get(self.best()).copied().unwrap_or(0.0)
    }

    /// Expected position on an ordered scale: 0 the first label, 1 the last.
    pub fn expected_position(&self) -> f64 {
        let last = self.probabilities.len().saturating_sub(1).max(1) as f64;
        self.probabilities.iter().enumerate().map(|(index, p)| p * index as f64 / last).sum()
    }
}

/// A head and the embedder it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedHead {
    /// The head, shared between artifacts that inherit it.
    pub head: Arc<CentroidHead>,
    /// Index into the artifact's embedders.
    pub embedder: usize,
}

/// Everything an artifact knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// What a prompt asks for.
    pub task: PlacedHead,
    /// How hard it is.
    pub complexity: PlacedHead,
    /// Whether anything like it was seen.
    pub novelty: NoveltyModel,
    /// Index of the embedder that novelty reads.
    pub novelty_embedder: usize,
    /// Remembered prompts, in the space of the embedder that novelty reads.
    pub examples: ExampleIndex,
    /// Quality of models by task and complexity, from outcome rows; empty without them.
    pub outcomes: BTreeMap<String, OutcomeTable>,
}

/// What is said of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Task scores in label order.
    pub task: LabelScores,
    /// Complexity scores, easiest first.
    pub complexity: LabelScores,
    /// How far it lies from the training data.
    pub novelty: Novelty,
    /// Per model named in the artifact's outcomes, 0..1.
    pub predicted_quality: BTreeMap<String, f64>,
}

impl Classifier {
    /// Classifies one prompt. A missing vector counts as zeros: nothing is known of the prompt then.
    pub fn classify(&self, features: &Features) -> Classification {
        let zeros = |dims: usize| vec![0.0f32; dims];
        let score = |placed: &PlacedHead| match features.vectors.get(placed.embedder) {
            Some(Some(vector)) => placed.head.score(vector),
            _ => placed.head.score(&zeros(placed.head.whitening().dims())),
        };
        let task = score(&self.task);
        let complexity = score(&self.complexity);
        let novelty = match features.vectors.get(self.novelty_embedder) {
            Some(Some(vector)) => self.novelty.measure(vector),
            _ => self.novelty.measure(&zeros(self.novelty.mean().len())),
        };
        let predicted_quality = self
            .outcomes
            .iter()
            .map(|(model, table)| (model.clone(), table.expected(&task.probabilities, &complexity.probabilities)))
            .collect();
        Classification { task, complexity, novelty, predicted_quality }
    }
}
