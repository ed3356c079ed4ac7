//! Fits a linear head: chooses penalty, label weights and the vectors' weight on one held-out fold, then looks at every fold,
//! calibrates on what was held out, and fits all rows. A label's score is fitted against all other labels; a step of an ordered
//! scale, against what lies on its other side.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::TrainingError;
use super::design::{Design, NgramRows};
use super::folds::Folds;
use super::held_out::{HeldOut, Scores};
use super::labelled::Labelled;
use super::margin::{self, Margin, MarginRow};
use super::set::TrainingSet;
use crate::classifier::{BUCKETS, Head, LinearMap, MultinomialHead, OrdinalHead};

/// What a squared shortfall costs: the inverse of the penalty's strength.
const COSTS: [f32; 3] = [0.05, 0.15, 0.45];
const VECTOR_SCALES: [f32; 2] = [1.0, 2.0];
const BALANCES: [f32; 2] = [0.5, 1.0];
/// Weights of a head beyond which its fitting would take gigabytes.
const MOST_WEIGHTS: usize = 64 << 20;

/// A head with what is known of it from rows its folds did not see.
pub(super) struct FittedHead {
    pub(super) head: Head,
    pub(super) held_out: HeldOut,
    pub(super) metrics: Value,
}

/// n-grams of a set, weighed once for all heads.
pub(super) struct Weighed<'a> {
    set: &'a TrainingSet,
    ngrams: NgramRows,
    idf: Vec<f32>,
}

impl<'a> Weighed<'a> {
    pub(super) fn new(set: &'a TrainingSet) -> Self {
        let mut ngrams = set.ngrams.clone();
        let idf = ngrams.finish();
        Self { set, ngrams, idf }
    }

    pub(super) fn set(&self) -> &'a TrainingSet {
        self.set
    }

    fn design(&self, embedders: &[usize], scale: f32) -> Design<'_> {
        let vectors: Vec<_> = embedders.iter().map(|at| (*at, &self.set.vectors[*at], scale)).collect();
        Design::new(&self.ngrams, &self.idf, &self.set.surface, &vectors)
    }
}

/// Whether a linear head for so many labels fits in memory.
pub(super) fn is_feasible(labels: usize) -> bool {
    BUCKETS * labels <= MOST_WEIGHTS
}

/// What is chosen on the validation fold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    cost: f32,
    /// 0: every row counts the same; 1: every label does.
    balance: f32,
    /// Of vectors beside n-grams.
    vector_scale: f32,
}

/// One label field, and how its heads are fitted.
#[derive(Clone, Copy)]
pub(super) struct LinearFit<'a> {
    pub(super) weighed: &'a Weighed<'a>,
    pub(super) data: &'a Labelled,
    pub(super) folds: &'a Folds,
    /// Indices of the vectors that the head reads.
    pub(super) embedders: &'a [usize],
    /// Whether the labels have an order.
    pub(super) ordered: bool,
    pub(super) seed: u64,
}

impl LinearFit<'_> {
    /// Chooses, calibrates and fits.
    pub(super) fn fit(&self) -> Result<FittedHead, TrainingError> {
        let (choice, tried) = self.choose();
        let design = self.weighed.design(self.embedders, choice.vector_scale);
        let mut held_out = HeldOut::default();
        for fold in 0..self.folds.count {
            let of_fold = self.hold_out(&design, fold, choice);
            held_out.rows.extend(of_fold.rows);
            held_out.truth.extend(of_fold.truth);
            held_out.scores.extend(of_fold.scores);
        }
        let temperature = held_out.best_temperature();
        let head = self.head(&design, &self.margins(&design, &self.data.rows, choice), temperature)?;
        let metrics = json!({
            "cost": choice.cost,
            "balance": choice.balance,
            "vector_scale": choice.vector_scale,
            "temperature": temperature,
            "tried_on_the_first_fold": tried,
        });
        Ok(FittedHead { head, held_out, metrics })
    }

    /// One setting after the other, on the first fold: the penalty, then the vectors' weight, then the balance of the labels.
    fn choose(&self) -> (Choice, Vec<Value>) {
        let mut tried = Vec::new();
        let mut best = (f64::INFINITY, Choice { cost: COSTS[0], balance: BALANCES[0], vector_scale: VECTOR_SCALES[0] });
        let mut attempt = |choice: Choice, best: &mut (f64, Choice)| {
            let design = self.weighed.design(self.embedders, choice.vector_scale);
            let held = self.hold_out(&design, 0, choice);
            let temperature = held.best_temperature();
            let loss = held.log_loss(temperature);
            let said = held.probabilities(temperature);
            let right = said.iter().zip(&held.truth).filter(|(p, truth)| crate::evaluation::best_label(p) == **truth);
            tried.push(json!({
                "cost": choice.cost,
                "balance": choice.balance,
                "vector_scale": choice.vector_scale,
                "accuracy": round(right.count() as f64 / held.truth.len().max(1) as f64),
                "log_loss": round(loss),
            }));
            if loss < best.0 {
                *best = (loss, choice);
            }
        };
        for cost in COSTS {
            attempt(Choice { cost, ..best.1 }, &mut best);
        }
        for vector_scale in &VECTOR_SCALES[1..] {
            attempt(Choice { vector_scale: *vector_scale, ..best.1 }, &mut best);
        }
        for balance in &BALANCES[1..] {
            attempt(Choice { balance: *balance, ..best.1 }, &mut best);
        }
        (best.1, tried)
    }

    /// Fits without one fold and scores it.
    fn hold_out(&self, design: &Design<'_>, fold: usize, choice: Choice) -> HeldOut {
        let (used, held) = self.folds.split(self.weighed.set, self.data, fold);
        let margins = self.margins(design, &used, choice);
        let scores = held
            .par_iter()
            .map(|row| {
                let scores =
                    margins.iter().map(|margin| design.score(*row, &margin.weights) + margin.intercept).collect();
                if self.ordered { Scores::Steps(scores) } else { Scores::Labels(scores) }
            })
            .collect();
        HeldOut { truth: self.data.truth(&held), rows: held, scores }
    }

    /// A score for each label, or for each step between labels.
    fn margins(&self, design: &Design<'_>, used: &[usize], choice: Choice) -> Vec<Margin> {
        let labels = self.data.names.len();
        let mut counts = vec![0usize; labels];
        used.iter().for_each(|row| counts[self.data.labels[*row]] += 1);
        let weights: Vec<f32> = counts
            .iter()
            .map(|count| {
                let even = used.len() as f64 / (labels * (*count).max(1)) as f64;
                libm::pow(even, f64::from(choice.balance)) as f32
            })
            .collect();
        let squared_lengths = design.squared_lengths();
        let outputs = if self.ordered { labels - 1 } else { labels };
        (0..outputs)
            .into_par_iter()
            .map(|output| {
                let rows: Vec<MarginRow> = used
                    .iter()
                    .map(|row| {
                        let label = self.data.labels[*row];
                        let above = if self.ordered { label > output } else { label == output };
                        let weighs = above || self.ordered;
                        let cost = choice.cost * if weighs { weights[label] } else { 1.0 };
                        MarginRow { row: *row, above, cost }
                    })
                    .collect();
                margin::fit(design, &rows, &squared_lengths, self.seed ^ output as u64)
            })
            .collect()
    }

    fn head(&self, design: &Design<'_>, margins: &[Margin], temperature: f32) -> Result<Head, TrainingError> {
        let outputs = margins.len();
        // A column's weights stand together in the head: one prompt reads few columns and all outputs.
        let column_by_column = |columns: std::ops::Range<usize>| -> Vec<f32> {
            columns.flat_map(|column| margins.iter().map(move |margin| margin.weights[column])).collect()
        };
        let (bytes, steps) = LinearMap::quantise(&column_by_column(0..BUCKETS), outputs);
        let dense = column_by_column(BUCKETS..design.columns());
        let intercepts = margins.iter().map(|margin| margin.intercept).collect();
        let labels = self.data.names.clone();
        let map = LinearMap::new(design.space.clone(), bytes, steps, dense, intercepts);
        let head = map.and_then(|map| {
            if self.ordered {
                OrdinalHead::new(labels, map, temperature).map(Head::Ordinal)
            } else {
                MultinomialHead::new(labels, map, temperature).map(Head::Multinomial)
            }
        });
        head.map_err(|_| TrainingError::Numeric("the linear head could not be fitted; are all vectors finite?"))
    }
}

/// Four digits are what such a measurement can carry.
pub(super) fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
