//! A fine-tuned network's own head as an artifact's head: a linear map of the vector alone, or with one over n-grams and surface beside it. Its vectors know the
//! rows that the encoder learnt from too well, so that everything here is chosen and calibrated on rows that were kept from it.

use serde_json::{Value, json};

use super::TrainingError;
use super::held_out::{HeldOut, Scores};
use super::linear_head::{Choice, FittedHead, Learns, LinearFit, round};
use super::margin::Margin;
use crate::classifier::{BUCKETS, SURFACE_FEATURES};

/// What a squared shortfall of the n-grams' fit may cost.
const COSTS: [f32; 3] = [0.05, 0.15, 0.45];
/// What n-grams may weigh beside the network; its scores lie farther apart than theirs.
const WEIGHTS: [f32; 5] = [0.5, 1.0, 2.0, 3.0, 4.5];

/// A head that was learnt together with its encoder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkHead {
    /// In the order of the outputs; of an ordered scale, easiest first; of quality, the models.
    pub labels: Vec<String>,
    /// [outputs, dims]: a score for each label, or for each step of an ordered scale, of a vector of unit length.
    pub weights: Vec<f32>,
    /// One an output.
    pub intercepts: Vec<f32>,
}

/// An encoder that was fine-tuned on the labels of the very rows that heads are fitted on.
#[derive(Debug, Clone, Default)]
pub struct TunedEncoder {
    /// Index of its vectors.
    pub embedder: usize,
    /// Rows that it did not learn from, as indices into the set.
    pub kept_from_it: Vec<usize>,
    /// Its task head.
    pub task: Option<NetworkHead>,
    /// Its complexity head.
    pub complexity: Option<NetworkHead>,
}

impl TunedEncoder {
    /// The head of a field, if its labels are the field's.
    pub(super) fn head(&self, target: &str, labels: &[String]) -> Option<&NetworkHead> {
        let head = if target == "task" { self.task.as_ref() } else { self.complexity.as_ref() };
        head.filter(|head| head.labels == labels)
    }
}

/// What stands beside a network's scores where that makes them better: how n-grams and surface are fitted, and what they weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NgramsBeside {
    pub(super) choice: Choice,
    pub(super) weight: f32,
}

/// A network's head as heads of an artifact.
#[derive(Debug, Default)]
pub(super) struct NetworkFit {
    /// By itself, and with n-grams.
    pub(super) heads: Vec<FittedHead>,
    /// `None` where n-grams made it no better.
    pub(super) beside: Option<NgramsBeside>,
}

impl LinearFit<'_> {
    /// The network's head by itself, and with n-grams beside it.
    pub(super) fn of_network(&self, head: &NetworkHead, embedder: usize) -> Result<NetworkFit, TrainingError> {
        let set = self.weighed.set();
        let column = &set.vectors[embedder];
        let mut truth = HeldOut::default();
        for fold in 0..self.folds.measured {
            let (_, held) = self.folds.split(set, self.data, fold);
            let scores = held.iter().map(|row| self.scores(head.scores(column.row(*row)))).collect();
            truth.extend(HeldOut { truth: self.data.truth(&held), rows: held, scores });
        }
        let own = Candidate { beside: None, held_out: truth };
        let loss_alone = own.held_out.log_loss(own.held_out.best_temperature());
        let space = self.weighed.design(embedder, 1.0).space;
        let lexical = self.weighed.design(embedder, 0.0);
        let mut best: Option<(f64, Candidate)> = None;
        for cost in COSTS {
            let choice = Choice { cost, balance: 0.5, vector_scale: 0.0 };
            let of_ngrams = self.hold_out(&lexical, choice, Learns::Copies);
            for weight in WEIGHTS {
                let scores = own.held_out.scores.iter().zip(&of_ngrams.scores);
                let scores = scores.map(|(own, ngrams)| own.plus(ngrams, weight)).collect();
                let held_out = HeldOut { scores, ..own.held_out.clone() };
                let loss = held_out.log_loss(held_out.best_temperature());
                if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                    best = Some((loss, Candidate { beside: Some(NgramsBeside { choice, weight }), held_out }));
                }
            }
        }
        let beside = best.as_ref().filter(|(loss, _)| *loss < loss_alone).and_then(|(_, candidate)| candidate.beside);
        let mut heads = Vec::new();
        for candidate in [Some(own), best.map(|(_, candidate)| candidate)].into_iter().flatten() {
            let ngrams =
                candidate.beside.map(|beside| (self.margins(&lexical, &self.data.rows, beside.choice), beside.weight));
            let mean = &space.vectors[0].mean;
            let margins: Vec<Margin> = head
                .outputs()
                .enumerate()
                .map(|(output, (weights, intercept))| {
                    let mut margin = Margin { weights: vec![0.0; BUCKETS + SURFACE_FEATURES], intercept: 0.0 };
                    if let Some((ngrams, weight)) = &ngrams {
                        let sum = margin.weights.iter_mut().zip(&ngrams[output].weights);
                        sum.for_each(|(sum, x)| *sum = weight * x);
                        margin.intercept = weight * ngrams[output].intercept;
                    }
                    margin.weights.extend(weights);
                    // Heads read vectors with their mean taken off.
                    margin.intercept += intercept + weights.iter().zip(mean).map(|(w, x)| w * x).sum::<f32>();
                    margin
                })
                .collect();
            let temperature = candidate.held_out.best_temperature();
            let head = self.head(space.clone(), &margins, temperature)?;
            heads.push(FittedHead { head, metrics: candidate.metrics(temperature), held_out: candidate.held_out });
        }
        Ok(NetworkFit { heads, beside })
    }

    pub(super) fn scores(&self, scores: Vec<f32>) -> Scores {
        if self.ordered { Scores::Steps(scores) } else { Scores::Labels(scores) }
    }
}

impl NetworkHead {
    fn outputs(&self) -> impl Iterator<Item = (&[f32], f32)> {
        let dims = self.weights.len() / self.intercepts.len().max(1);
        self.weights.chunks_exact(dims.max(1)).zip(self.intercepts.iter().copied())
    }

    /// A score for each output, of a vector of unit length.
    pub(super) fn scores(&self, vector: &[f32]) -> Vec<f32> {
        let score = |(weights, intercept): (&[f32], f32)| {
            intercept + weights.iter().zip(vector).map(|(weight, x)| weight * x).sum::<f32>()
        };
        self.outputs().map(score).collect()
    }
}

/// With nothing beside it, the network alone.
struct Candidate {
    beside: Option<NgramsBeside>,
    held_out: HeldOut,
}

impl Candidate {
    fn metrics(&self, temperature: f32) -> Value {
        match self.beside {
            None => json!({"method": "network", "temperature": round(f64::from(temperature))}),
            Some(NgramsBeside { choice, weight }) => json!({
                "method": "network and n-grams",
                "cost": choice.cost,
                "weight_of_ngrams": weight,
                "temperature": round(f64::from(temperature)),
            }),
        }
    }
}
