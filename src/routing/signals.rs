//! What the classifier says of one prompt, in the words of a decision.

use super::brain::{Brain, Classified};
use super::kept_prompt::KeptPrompt;
use crate::classifier::ByModel;

/// Probabilities by label are sorted by label order of the artifact and sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// The most likely task.
    pub task: String,
    /// Its calibrated probability.
    pub task_confidence: f64,
    /// All tasks.
    pub task_scores: Vec<(String, f64)>,
    /// The most likely complexity.
    pub complexity: String,
    /// Its calibrated probability.
    pub complexity_confidence: f64,
    /// All complexities, easiest first.
    pub complexity_scores: Vec<(String, f64)>,
    /// Expected position on the complexity scale: 0 easiest, 1 hardest.
    pub complexity_score: f64,
    /// False when nothing like this prompt was seen in training.
    pub known: bool,
    /// 0: at the heart of the training data; 1: farther out than everything in it.
    pub novelty: f64,
    /// Whether words of the prompt were left unread.
    pub truncated: bool,
    /// Whether the last turn only confirms or continues: the labels are then those of the turn it refers to.
    pub follow_up: bool,
    /// `builtin` or the transformer's name.
    pub tier: String,
    /// Name and short hash of the artifact that classified.
    pub artifact: String,
    /// Predicted quality per model named in the artifact's outcomes, 0..1.
    pub predicted_quality: ByModel,
    /// Expected tokens of the answer per model whose answers' lengths the artifact's outcomes tell.
    pub predicted_output_tokens: ByModel,
    /// What was classified, where a log asked for it.
    pub kept: Option<KeptPrompt>,
}

impl Signals {
    /// Puts names to what the classifier says.
    pub(super) fn of(brain: &Brain, classified: Classified) -> Self {
        let Classified { classification, truncated, by_second_tier } = classified;
        let (task_labels, complexity_labels) = (brain.task_labels(), brain.complexity_labels());
        let named = |labels: &[String], probabilities: &[f64]| -> Vec<(String, f64)> {
            labels.iter().cloned().zip(probabilities.iter().copied()).collect()
        };
        Self {
            task: task_labels[classification.task.best()].clone(),
            task_confidence: classification.task.confidence(),
            task_scores: named(task_labels, &classification.task.probabilities),
            complexity: complexity_labels[classification.complexity.best()].clone(),
            complexity_confidence: classification.complexity.confidence(),
            complexity_score: classification.complexity.expected_position(),
            complexity_scores: named(complexity_labels, &classification.complexity.probabilities),
            known: classification.known,
            novelty: classification.novelty.rank,
            truncated,
            follow_up: false,
            tier: brain.tier_name(by_second_tier).to_owned(),
            artifact: brain.artifact().to_owned(),
            predicted_quality: classification.predicted_quality,
            predicted_output_tokens: classification.predicted_output_tokens,
            kept: None,
        }
    }
}
