//! How well a network does on rows that it does not learn from: what early stopping goes by.

use serde::{Deserialize, Serialize};

use crate::evaluation::{best_label, score_classification};

use super::batch::by_length;
use super::error::FineTuneError;
use super::network::{Network, Said};
use super::rows::{FineTuneRow, HeadKind, Targets};

/// Rows of one pass.
const ROWS_A_PASS: usize = 64;
/// Probabilities are not taken for less: the logarithm of nothing has no bound.
const LEAST_PROBABILITY: f64 = 1e-12;

/// One look at the validation rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps taken before it.
    pub step: usize,
    /// Mean loss of the steps since the look before.
    pub training_loss: f64,
    /// Mean of -ln p of the true task; absent without tasks.
    pub task_loss: Option<f64>,
    /// Share of the tasks that are right.
    pub task_accuracy: Option<f64>,
    /// Mean F1 of the tasks.
    pub task_macro_f1: Option<f64>,
    /// Share of the complexities that are right.
    pub complexity_accuracy: Option<f64>,
    /// Mean binary cross-entropy of the known scores.
    pub quality_loss: Option<f64>,
    /// What the best look has most of: the mean of accuracy and macro-F1 of tasks, or without tasks the accuracy of complexities; less the loss of quality,
    /// each where it is there.
    pub score: f64,
}

/// What the network says of all rows, in their order.
pub(super) fn say_all(network: &Network, rows: &[FineTuneRow]) -> Result<Vec<Said>, FineTuneError> {
    let mut said: Vec<Option<Said>> = vec![None; rows.len()];
    for batch in by_length(rows, ROWS_A_PASS) {
        let of_batch: Vec<&FineTuneRow> = batch.iter().map(|row| &rows[*row]).collect();
        for (row, of_row) in batch.iter().zip(network.say(&of_batch)?) {
            said[*row] = Some(of_row);
        }
    }
    Ok(said.into_iter().flatten().collect())
}

/// Looks at the rows.
pub(super) fn evaluate(
    network: &Network,
    rows: &[FineTuneRow],
    targets: &Targets,
    step: usize,
    training_loss: f64,
) -> Result<Evaluation, FineTuneError> {
    let said = say_all(network, rows)?;
    let task = labels(rows, &said, HeadKind::Task, softmax);
    let complexity = labels(rows, &said, HeadKind::Complexity, of_steps);
    let of_tasks = task.as_ref().map(|found| {
        let names: Vec<String> = (0..targets.tasks).map(|label| label.to_string()).collect();
        score_classification(&names, &found.truth, &found.predicted)
    });
    let complexity_accuracy = complexity.as_ref().map(Found::accuracy);
    let quality_loss = quality_loss(rows, &said);
    let task_accuracy = of_tasks.as_ref().map(|scores| scores.accuracy);
    let task_macro_f1 = of_tasks.map(|scores| scores.macro_f1);
    let of_labels = match (task_accuracy, task_macro_f1, complexity_accuracy) {
        (Some(accuracy), Some(macro_f1), _) => (accuracy + macro_f1) / 2.0,
        (_, _, accuracy) => accuracy.unwrap_or(0.0),
    };
    let score = of_labels - quality_loss.unwrap_or(0.0);
    let task_loss = task.map(|found| found.loss);
    Ok(Evaluation {
        step,
        training_loss,
        task_loss,
        task_accuracy,
        task_macro_f1,
        complexity_accuracy,
        quality_loss,
        score,
    })
}

struct Found {
    truth: Vec<usize>,
    predicted: Vec<usize>,
    loss: f64,
}

impl Found {
    fn accuracy(&self) -> f64 {
        let right = self.truth.iter().zip(&self.predicted).filter(|(truth, predicted)| truth == predicted).count();
        right as f64 / self.truth.len().max(1) as f64
    }
}

fn labels(
    rows: &[FineTuneRow],
    said: &[Said],
    kind: HeadKind,
    probabilities: impl Fn(&[f32]) -> Vec<f64>,
) -> Option<Found> {
    let mut found = Found { truth: Vec::new(), predicted: Vec::new(), loss: 0.0 };
    for (row, said) in rows.iter().zip(said) {
        let Some(truth) = row.label(kind) else { continue };
        let of_row = probabilities(said.of(kind));
        found.truth.push(truth);
        found.predicted.push(best_label(&of_row));
        found.loss -= libm::log(of_row.get(truth).copied().unwrap_or(0.0).max(LEAST_PROBABILITY));
    }
    found.loss /= found.truth.len().max(1) as f64;
    (!found.truth.is_empty()).then_some(found)
}

fn quality_loss(rows: &[FineTuneRow], said: &[Said]) -> Option<f64> {
    let (mut sum, mut known) = (0.0, 0usize);
    for (row, said) in rows.iter().zip(said) {
        for (model, truth) in &row.quality {
            let likely = sigmoid(said.quality[*model]).clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
            let truth = f64::from(*truth);
            sum -= truth * libm::log(likely) + (1.0 - truth) * libm::log(1.0 - likely);
            known += 1;
        }
    }
    (known > 0).then(|| sum / known as f64)
}

fn sigmoid(score: f32) -> f64 {
    1.0 / (1.0 + libm::exp(-f64::from(score)))
}

fn softmax(scores: &[f32]) -> Vec<f64> {
    crate::classifier::softmax(scores, 1.0)
}

fn of_steps(steps: &[f32]) -> Vec<f64> {
    crate::classifier::ordinal_probabilities(steps, 1.0)
}
