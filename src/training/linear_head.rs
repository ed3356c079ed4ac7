//! Fits a linear head: chooses penalty, label weights and the vectors' weight on one held-out fold, then looks at the other folds,
//! calibrates on what was held out, and fits all rows. A label's score is fitted against all other labels; a step of an ordered
//! scale, against what lies on its other side. A second tier stands on the first: see `stacked`.

use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::TrainingError;
use super::design::{Design, DesignRows, NgramRows};
use super::folds::Folds;
use super::held_out::{HeldOut, Scores};
use super::labelled::Labelled;
use super::margin::{self, Margin, MarginRow};
use super::set::TrainingSet;
use super::taught::JoinedRows;
use crate::classifier::{BUCKETS, FeatureSpace, Head, LinearMap, MultinomialHead, OrdinalHead};

/// What a squared shortfall costs, the inverse of the penalty's strength: where the search begins, and its neighbours.
const COSTS: [f32; 3] = [0.15, 0.45, 0.05];
const VECTOR_SCALES: [f32; 3] = [1.0, 0.5, 2.0];
const BALANCES: [f32; 2] = [0.5, 1.0];
/// Rows that the search learns from: from more it would choose the same.
const MOST_ROWS_TO_CHOOSE: usize = 30_000;
/// Labels whose largest has less than this many times the rows of the smallest need no balancing.
const EVEN: usize = 2;
/// Outputs that are fitted side by side, and how many where there are few.
const MANY_LANES: usize = 8;
const FEW_LANES: usize = 4;
/// Weights of a head beyond which its fitting would take gigabytes.
const MOST_WEIGHTS: usize = 64 << 20;

/// A head with what is known of it from rows its folds did not see.
#[derive(Debug, Clone)]
pub(super) struct FittedHead {
    pub(super) head: Head,
    pub(super) held_out: HeldOut,
    pub(super) metrics: Value,
}

impl FittedHead {
    /// What a report calls it: how the head was come by, where that is not the only way to its kind.
    pub(super) fn method(&self) -> &str {
        self.metrics["method"].as_str().unwrap_or_else(|| self.head.method())
    }
}

/// n-grams of a set, weighed once for all heads.
pub(super) struct Weighed<'a> {
    set: &'a TrainingSet,
    ngrams: NgramRows,
    idf: Arc<[f32]>,
    joined: Option<JoinedRows>,
}

impl<'a> Weighed<'a> {
    /// Takes the n-grams out of the set: they are most of its memory.
    pub(super) fn new(set: &'a mut TrainingSet) -> Self {
        let mut ngrams = std::mem::take(&mut set.ngrams);
        let joined = set.taught.take().filter(|taught| !taught.is_empty());
        let joined = joined.map(|taught| taught.join(&ngrams, &set.surface, &set.vectors[0]));
        let idf = ngrams.finish().into();
        Self { set, ngrams, idf, joined }
    }

    /// Prompts that a teacher told its opinion of, with the set's own rows behind them; `None` where there are none.
    pub(super) fn joined(&self) -> Option<&JoinedRows> {
        self.joined.as_ref()
    }

    pub(super) fn set(&self) -> &'a TrainingSet {
        self.set
    }

    pub(super) fn design(&self, embedder: usize, scale: f32) -> Design<'_> {
        let vectors = (embedder, &self.set.vectors[embedder], scale);
        Design::new(&self.ngrams, &self.idf, &self.set.surface, vectors)
    }
}

/// Whether a linear head for so many labels fits in memory.
pub(super) fn is_feasible(labels: usize) -> bool {
    BUCKETS * labels <= MOST_WEIGHTS
}

/// What is chosen on the validation fold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub(super) cost: f32,
    /// Of the labels: see [`Labelled::label_weights`].
    pub(super) balance: f32,
    /// Of vectors beside n-grams.
    pub(super) vector_scale: f32,
}

/// One label field, and how its heads are fitted.
#[derive(Clone, Copy)]
pub(super) struct LinearFit<'a> {
    pub(super) weighed: &'a Weighed<'a>,
    pub(super) data: &'a Labelled,
    pub(super) folds: &'a Folds,
    /// Index of the vectors that the head reads.
    pub(super) embedder: usize,
    /// Whether the labels have an order.
    pub(super) ordered: bool,
    pub(super) seed: u64,
}

/// Whether noisy copies are learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learns {
    Copies,
    Originals,
}

/// A fitted head before it is rounded, for a second tier to stand on.
pub(super) struct FittedLinear {
    pub(super) fitted: FittedHead,
    pub(super) margins: Vec<Margin>,
    pub(super) space: FeatureSpace,
    pub(super) choice: Choice,
}

impl LinearFit<'_> {
    /// Chooses, calibrates and fits.
    pub(super) fn fit(&self) -> Result<FittedLinear, TrainingError> {
        let Chosen { choice, tried } = self.choose();
        let design = self.weighed.design(self.embedder, choice.vector_scale);
        let held_out = self.hold_out(&design, choice, Learns::Copies);
        let temperature = held_out.best_temperature();
        let margins = self.margins(&design, &self.data.rows, choice);
        let head = self.head(design.space.clone(), &margins, temperature)?;
        let metrics = json!({
            "cost": choice.cost,
            "balance": choice.balance,
            "vector_scale": choice.vector_scale,
            "temperature": temperature,
            "tried_on_the_first_fold": tried,
        });
        Ok(FittedLinear { fitted: FittedHead { head, held_out, metrics }, margins, space: design.space, choice })
    }

    /// One setting after the other, on the first fold: the penalty, then the vectors' weight, then the balance of the labels. Each
    /// begins in the middle and goes to the other side only where the first side was no better.
    fn choose(&self) -> Chosen {
        let start = Choice { cost: COSTS[0], balance: BALANCES[0], vector_scale: VECTOR_SCALES[0] };
        let mut search = Search { fit: self, best: None, tried: Vec::new() };
        search.attempt(start);
        for cost in &COSTS[1..] {
            if search.attempt(Choice { cost: *cost, ..search.choice(start) }) {
                break;
            }
        }
        for vector_scale in &VECTOR_SCALES[1..] {
            if search.attempt(Choice { vector_scale: *vector_scale, ..search.choice(start) }) {
                break;
            }
        }
        if !self.data.is_even(EVEN) {
            search.attempt(Choice { balance: BALANCES[1], ..search.choice(start) });
        }
        Chosen { choice: search.choice(start), tried: search.tried }
    }

    /// What is said of every measured fold by a fit without it.
    pub(super) fn hold_out(&self, design: &impl DesignRows, choice: Choice, learns: Learns) -> HeldOut {
        let set = self.weighed.set;
        let of_fold = |fold: usize| {
            let (mut used, held) = self.folds.split(set, self.data, fold);
            if learns == Learns::Originals {
                used.retain(|row| set.rows[*row].copy_of.is_none());
            }
            self.score_held_out(design, &used, held, choice)
        };
        let folds: Vec<HeldOut> = (0..self.folds.measured).into_par_iter().map(of_fold).collect();
        folds.into_iter().fold(HeldOut::default(), |mut all, of_fold| {
            all.extend(of_fold);
            all
        })
    }

    /// Fits the used rows and scores the held ones.
    fn score_held_out(&self, design: &impl DesignRows, used: &[usize], held: Vec<usize>, choice: Choice) -> HeldOut {
        let margins = self.margins(design, used, choice);
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
    pub(super) fn margins(&self, design: &impl DesignRows, used: &[usize], choice: Choice) -> Vec<Margin> {
        let labels = self.data.names.len();
        let weights = self.data.label_weights(used, choice.balance);
        let outputs: Vec<usize> = (0..if self.ordered { labels - 1 } else { labels }).collect();
        let lanes = Lanes { fit: self, design, used, weights, squared_lengths: design.squared_lengths(), choice };
        if outputs.len() <= FEW_LANES {
            lanes.fit::<FEW_LANES>(&outputs)
        } else {
            outputs.par_chunks(MANY_LANES).flat_map_iter(|outputs| lanes.fit::<MANY_LANES>(outputs)).collect()
        }
    }

    /// Rounds what was fitted in this space into a head.
    pub(super) fn head(
        &self,
        space: FeatureSpace,
        margins: &[Margin],
        temperature: f32,
    ) -> Result<Head, TrainingError> {
        let outputs = margins.len();
        // A column's weights stand together in the head: one prompt reads few columns and all outputs.
        let column_by_column = |columns: std::ops::Range<usize>| -> Vec<f32> {
            columns.flat_map(|column| margins.iter().map(move |margin| margin.weights[column])).collect()
        };
        let (bytes, steps) = LinearMap::quantise(&column_by_column(0..BUCKETS), outputs);
        let dense = column_by_column(BUCKETS..BUCKETS + space.dense_columns());
        let intercepts = margins.iter().map(|margin| margin.intercept).collect();
        let labels = self.data.names.clone();
        let map = LinearMap::new(space, bytes, steps, dense, intercepts);
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

/// What the fits of some outputs share.
struct Lanes<'a, D> {
    fit: &'a LinearFit<'a>,
    design: &'a D,
    used: &'a [usize],
    /// Of each label's rows.
    weights: Vec<f32>,
    squared_lengths: Vec<f32>,
    choice: Choice,
}

impl<D: DesignRows> Lanes<'_, D> {
    /// Fits these outputs side by side.
    fn fit<const N: usize>(&self, outputs: &[usize]) -> Vec<Margin> {
        let ordered = self.fit.ordered;
        let row = |row: &usize| {
            let label = self.fit.data.labels[*row];
            let mut costs = [0.0; N];
            for (cost, output) in costs.iter_mut().zip(outputs) {
                let above = if ordered { label > *output } else { label == *output };
                let weight = if above || ordered { self.weights[label] } else { 1.0 };
                *cost = self.choice.cost * if above { weight } else { -weight };
            }
            MarginRow { row: *row, costs }
        };
        let rows: Vec<MarginRow<N>> = self.used.iter().map(row).collect();
        let seed = self.fit.seed ^ outputs.first().map_or(0, |output| *output as u64);
        margin::fit(self.design, &rows, outputs.len(), &self.squared_lengths, seed)
    }
}

/// What the search on the first fold ended with.
struct Chosen {
    choice: Choice,
    tried: Vec<Value>,
}

/// The search while it runs.
struct Search<'a> {
    fit: &'a LinearFit<'a>,
    /// Log loss and setting.
    best: Option<(f64, Choice)>,
    tried: Vec<Value>,
}

impl Search<'_> {
    fn choice(&self, start: Choice) -> Choice {
        self.best.as_ref().map_or(start, |(_, choice)| *choice)
    }

    /// Whether this setting is the best so far.
    fn attempt(&mut self, choice: Choice) -> bool {
        let fit = self.fit;
        let design = fit.weighed.design(fit.embedder, choice.vector_scale);
        let (mut used, held) = fit.folds.split(fit.weighed.set, fit.data, 0);
        let every = used.len().div_ceil(MOST_ROWS_TO_CHOOSE);
        used = used.into_iter().step_by(every.max(1)).collect();
        let held = fit.score_held_out(&design, &used, held, choice);
        let temperature = held.best_temperature();
        let loss = held.log_loss(temperature);
        let said = held.probabilities(temperature);
        let right = said.iter().zip(&held.truth).filter(|(p, truth)| crate::evaluation::best_label(p) == **truth);
        self.tried.push(json!({
            "cost": choice.cost,
            "balance": choice.balance,
            "vector_scale": choice.vector_scale,
            "accuracy": round(right.count() as f64 / held.truth.len().max(1) as f64),
            "log_loss": round(loss),
        }));
        let is_best = self.best.as_ref().is_none_or(|(least, _)| loss < *least);
        if is_best {
            self.best = Some((loss, choice));
        }
        is_best
    }
}

/// Four digits are what such a measurement can carry.
pub(super) fn round(value: f64) -> f64 {
    // Adding 0 makes -0 into 0.
    (value * 1e4).round() / 1e4 + 0.0
}
