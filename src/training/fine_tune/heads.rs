//! What the network says from a pooled vector, and how wrong that is: tasks and auxiliary labels by softmax, complexity by one number for each step of
//! its scale, quality of every model by a sigmoid. Small, so candle computes and differentiates it, whatever runs the encoder.
//!
//! Heads read the vector at unit length times the root of its dimensions, as artifacts do: what an embedder hands out has unit length.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::log_softmax;

use super::rows::{FineTuneRow, HeadKind, Targets};

/// Below this a vector has no direction.
const LEAST_LENGTH: f64 = 1e-12;

/// What counts how much in the loss.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LossSettings {
    pub(super) targets: Targets,
    /// Weight of each label, for the heads that have any.
    pub(super) class_weights: [Vec<f32>; 4],
    /// The share of a label's probability that is spread over all labels.
    pub(super) smoothing: f32,
    /// Of the auxiliary labels' loss beside the others'.
    pub(super) auxiliary_weight: f32,
}

/// One head's weights and bias.
pub(super) struct HeadTensors {
    pub(super) kind: HeadKind,
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

/// Vectors of unit length times the root of their dimensions.
pub(super) fn scaled(pooled: &Tensor) -> Result<Tensor> {
    let length = (pooled.sqr()?.sum_keepdim(D::Minus1)? + LEAST_LENGTH)?.sqrt()?;
    pooled.broadcast_div(&length)? * (pooled.dim(D::Minus1)? as f64).sqrt()
}

impl HeadTensors {
    /// [texts, outputs]
    pub(super) fn scores(&self, input: &Tensor) -> Result<Tensor> {
        input.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

impl LossSettings {
    /// The loss of a batch, each head's a mean over the rows that it learns from; `None` where no row has any target. `input` is what heads read,
    /// [rows, hidden].
    pub(super) fn loss(&self, input: &Tensor, heads: &[HeadTensors], rows: &[&FineTuneRow]) -> Result<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for head in heads {
            let learnt: Vec<u32> = (0..).zip(rows).filter(|(_, row)| row.has(head.kind)).map(|(at, _)| at).collect();
            if learnt.is_empty() {
                continue;
            }
            let of_head: Vec<&FineTuneRow> = learnt.iter().map(|at| rows[*at as usize]).collect();
            let at = Tensor::from_slice(&learnt, learnt.len(), input.device())?;
            let scores = head.scores(&input.index_select(&at, 0)?)?;
            let loss = match head.kind {
                HeadKind::Task | HeadKind::Auxiliary => self.of_labels(head.kind, &scores, &of_head)?,
                HeadKind::Complexity => self.of_steps(&scores, &of_head)?,
                HeadKind::Quality => self.of_models(&scores, &of_head)?,
            };
            let weight = if head.kind == HeadKind::Auxiliary { self.auxiliary_weight } else { 1.0 };
            let loss = (loss * f64::from(weight))?;
            sum = Some(match sum {
                Some(sum) => (sum + loss)?,
                None => loss,
            });
        }
        Ok(sum)
    }

    fn weight_of(&self, kind: HeadKind, label: usize) -> f32 {
        self.class_weights[kind as usize].get(label).copied().unwrap_or(1.0)
    }

    /// Weighted cross-entropy with smoothed labels, as PyTorch's `CrossEntropyLoss` computes it: the mean by weight of the true labels, and the
    /// smoothed share weighed by every label's own.
    fn of_labels(&self, kind: HeadKind, scores: &Tensor, rows: &[&FineTuneRow]) -> Result<Tensor> {
        let labels = self.targets.outputs(kind);
        let truth: Vec<usize> = rows.iter().filter_map(|row| row.label(kind)).collect();
        let all: f32 = truth.iter().map(|label| self.weight_of(kind, *label)).sum();
        let mut shares = Vec::with_capacity(truth.len() * labels);
        for truth in truth {
            shares.extend((0..labels).map(|label| {
                let is_true = if label == truth { 1.0 - self.smoothing } else { 0.0 };
                -(is_true + self.smoothing / labels as f32) * self.weight_of(kind, label) / all
            }));
        }
        log_softmax(scores, D::Minus1)?.mul(&like(shares, scores)?)?.sum_all()
    }

    /// Whether the label lies above each step of the scale.
    fn of_steps(&self, scores: &Tensor, rows: &[&FineTuneRow]) -> Result<Tensor> {
        let steps = self.targets.outputs(HeadKind::Complexity);
        let truth: Vec<usize> = rows.iter().filter_map(|row| row.complexity).collect();
        let weight = |label: usize| self.weight_of(HeadKind::Complexity, label);
        let all = truth.iter().map(|label| weight(*label)).sum::<f32>() * steps as f32;
        let of_rows = |number: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
            truth.iter().flat_map(|label| (0..steps).map(move |step| number(*label, step))).collect()
        };
        let targets = of_rows(&|label, step| if label > step { 1.0 } else { 0.0 });
        binary(scores, targets, of_rows(&|label, _| weight(label) / all))
    }

    /// Against every known score; the others count nothing.
    fn of_models(&self, scores: &Tensor, rows: &[&FineTuneRow]) -> Result<Tensor> {
        let models = self.targets.models;
        let known: usize = rows.iter().map(|row| row.quality.len()).sum();
        let (mut targets, mut weights) = (vec![0.0; rows.len() * models], vec![0.0; rows.len() * models]);
        for (at, row) in rows.iter().enumerate() {
            for (model, score) in &row.quality {
                targets[at * models + model] = *score;
                weights[at * models + model] = 1.0 / known as f32;
            }
        }
        binary(scores, targets, weights)
    }
}

/// Binary cross-entropy of scores before the sigmoid: ln(1 + e^x) - t x, without leaving the numbers where x is large.
fn binary(scores: &Tensor, targets: Vec<f32>, weights: Vec<f32>) -> Result<Tensor> {
    let soft = (scores.abs()?.neg()?.exp()? + 1.0)?.log()?;
    let loss = ((scores.relu()? + soft)? - (scores * like(targets, scores)?)?)?;
    (loss * like(weights, scores)?)?.sum_all()
}

fn like(numbers: Vec<f32>, scores: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(numbers, scores.shape(), &Device::Cpu)?.to_device(scores.device())?.to_dtype(scores.dtype())
}
