//! Outcome rows in columns, as the regressions and the search for neighbours read them, and what an artifact remembers of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use nalgebra::DMatrix;
use ndarray::Array2;
use rayon::prelude::*;

use super::outcome_tables::ScoredPrompt;
use super::principal_components::PrincipalComponents;
use super::quality_heads::{FOLDS, Reads};
use super::set::OutcomeExample;
use crate::classifier::{
    DIFFICULTY_COLUMNS, HeldOutRows, OutcomeCosts, OutcomeNeighbours, QualityHeads, UNKNOWN_COST, UNKNOWN_TOKENS,
    quality_columns,
};

/// Prompts that an artifact remembers with their answers.
const MOST_NEIGHBOURS: usize = 2048;
/// Directions along which prompts are compared.
const NEIGHBOUR_DIMS: usize = 64;
/// What one standard deviation of a vector's components weighs beside it.
const VECTOR_WEIGHT: f64 = 0.7;

/// Rows in columns.
pub(super) struct QualityRows<'a> {
    embedder: usize,
    pub(super) reads_difficulty: bool,
    pub(super) columns: usize,
    dims: usize,
    /// Standardised, with a column of ones at the end.
    pub(super) design: DMatrix<f64>,
    mean: Vec<f32>,
    scale: Vec<f32>,
    pub(super) fold_of: Vec<usize>,
    /// Rows whose held-out predictions count.
    pub(super) measured: Vec<bool>,
    examples: &'a [OutcomeExample],
    pub(super) scored: &'a [ScoredPrompt],
    pub(super) models: Vec<&'a String>,
    /// Rows that are remembered, rising.
    kept: Vec<usize>,
    /// Those in which the vectors vary most, one after the other.
    directions: Vec<f32>,
}

impl<'a> QualityRows<'a> {
    /// `None` where a row lacks the vector or there is no row.
    pub(super) fn new(
        examples: &'a [OutcomeExample],
        scored: &'a [ScoredPrompt],
        reads: Reads<'_>,
        models: &[&'a String],
        fold_of: Vec<usize>,
    ) -> Option<Self> {
        let embedder = reads.embedder;
        let difficulty: Option<Vec<[f32; DIFFICULTY_COLUMNS]>> = reads
            .difficulty
            .and_then(|reader| examples.iter().map(|example| reader.scores(&example.features)).collect());
        let raw: Vec<Vec<f32>> = examples
            .iter()
            .zip(scored)
            .enumerate()
            .map(|(row, (example, scored))| {
                let said = &scored.classification;
                let probabilities = [said.task.probabilities.as_slice(), &said.complexity.probabilities];
                let difficulty = difficulty.as_ref().map(|of_rows| &of_rows[row]);
                let vector = example.features.vector(embedder)?;
                Some(quality_columns(&example.features, probabilities, difficulty, vector))
            })
            .collect::<Option<_>>()?;
        let (rows, columns) = (raw.len(), raw.first()?.len());
        let dims = examples.first()?.features.vector(embedder)?.len();
        let (mut mean, mut scale) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        let spread = |column: usize| {
            let mean = raw.iter().map(|row| f64::from(row[column])).sum::<f64>() / rows as f64;
            let variance = raw.iter().map(|row| (f64::from(row[column]) - mean).powi(2)).sum::<f64>() / rows as f64;
            (mean, variance)
        };
        let spreads: Vec<(f64, f64)> = (0..columns).map(spread).collect();
        // A vector's components keep their proportions: one scale for all of them.
        let of_vector =
            spreads[columns - dims..].iter().map(|(_, variance)| variance).sum::<f64>() / dims.max(1) as f64;
        for (column, (of_column, variance)) in spreads.into_iter().enumerate() {
            let is_vector = column >= columns - dims;
            let variance = if is_vector { of_vector } else { variance };
            let weight = if is_vector { VECTOR_WEIGHT } else { 1.0 };
            mean.push(of_column as f32);
            scale.push(if variance > 1e-12 { (weight / variance.sqrt()) as f32 } else { 0.0 });
        }
        let design = DMatrix::from_fn(rows, columns + 1, |row, column| {
            if column == columns { 1.0 } else { f64::from((raw[row][column] - mean[column]) * scale[column]) }
        });
        let remembered = rows.min(MOST_NEIGHBOURS);
        let kept = to_remember(rows, remembered, reads.tuned.map_or(&[][..], |tuned| &tuned.quality.kept_from_it));
        let of_vectors = Array2::from_shape_fn((rows, dims), |(row, at)| design[(row, columns - dims + at)]);
        let components = PrincipalComponents::of(&of_vectors, NEIGHBOUR_DIMS.min(dims));
        let directions = components.directions.t().iter().map(|x| *x as f32).collect();
        let measured = fold_of.iter().map(|fold| *fold < FOLDS).collect();
        Some(Self {
            directions,
            embedder,
            reads_difficulty: difficulty.is_some(),
            columns,
            dims,
            design,
            mean,
            scale,
            fold_of,
            measured,
            examples,
            scored,
            models: models.to_vec(),
            kept,
        })
    }

    /// One row's scores in the order of the models.
    pub(super) fn scores(&self, row: usize) -> impl Iterator<Item = Option<f64>> {
        self.models.iter().map(move |model| self.scored[row].scores.get(*model).copied())
    }

    /// One row's vector as an embedder made it.
    pub(super) fn vector_of(&self, row: usize, embedder: usize) -> Option<&'a [f32]> {
        self.examples[row].features.vector(embedder)
    }

    fn vector(&self, row: usize) -> Vec<f32> {
        (self.columns - self.dims..self.columns).map(|column| self.design[(row, column)] as f32).collect()
    }

    pub(super) fn empty_heads(&self, nearest: usize) -> QualityHeads {
        let models = self.models.len();
        QualityHeads {
            embedder: self.embedder,
            reads_difficulty: self.reads_difficulty,
            mean: self.mean.clone(),
            scale: self.scale.clone(),
            weights: vec![0.0; models * self.columns],
            intercepts: vec![0.0; models],
            linear_share: vec![0.0; models],
            neighbour_share: vec![0.0; models],
            neighbours: self.neighbours(nearest),
            network: None,
            costs: Arc::default(),
            held_out: HeldOutRows::default(),
        }
    }

    fn neighbours(&self, nearest: usize) -> OutcomeNeighbours {
        let vectors = self
            .kept
            .iter()
            .flat_map(|row| OutcomeNeighbours::quantise(&self.directions, &self.vector(*row)))
            .collect();
        let scores = self.kept.iter().flat_map(|row| self.scores(*row).map(OutcomeNeighbours::byte_of_score)).collect();
        OutcomeNeighbours {
            dims: self.directions.len() / self.dims.max(1),
            directions: self.directions.clone(),
            vectors,
            scores,
            nearest,
        }
    }

    /// Where the scores of the difficulty prior stand.
    pub(super) fn difficulty_columns(&self) -> Range<usize> {
        let end = self.columns - self.dims;
        if self.reads_difficulty { end - DIFFICULTY_COLUMNS..end } else { end..end }
    }

    /// What models cost on the remembered rows, and on average on all.
    pub(super) fn costs(&self) -> OutcomeCosts {
        let mean_of = |model: &&String| {
            let costs: Vec<f64> = self.examples.iter().filter_map(|row| row.cost_usd.get(*model)).copied().collect();
            if costs.is_empty() { UNKNOWN_COST } else { (costs.iter().sum::<f64>() / costs.len() as f64) as f32 }
        };
        let rows_usd = self.of_kept(|row, model| row.cost_usd.get(model).map(|cost| *cost as f32));
        OutcomeCosts {
            mean_usd: self.models.iter().map(mean_of).collect(),
            rows_usd: known_or_none(&rows_usd, UNKNOWN_COST),
        }
    }

    /// What the artifact keeps of the remembered rows; `predicted` is by row and model.
    pub(super) fn held_out(&self, predicted: &[Vec<Option<f64>>]) -> HeldOutRows {
        let tokens = self.of_kept(|row, model| row.output_tokens.get(model).copied());
        let tokens: Vec<Option<u16>> =
            tokens.iter().map(|n| n.map(|n| HeldOutRows::short_of_tokens(Some(n)))).collect();
        let of_row = |row: &usize| predicted[*row].iter().copied().map(OutcomeNeighbours::byte_of_score);
        HeldOutRows {
            predicted: self.kept.iter().flat_map(of_row).collect(),
            output_tokens: known_or_none(&tokens, UNKNOWN_TOKENS),
            input_tokens: self.kept.iter().map(|row| self.examples[*row].input_tokens as f32).collect(),
        }
    }

    /// A number of every remembered row and model.
    fn of_kept<T>(&self, of: impl Fn(&OutcomeExample, &str) -> Option<T>) -> Vec<Option<T>> {
        let of_row = |row: &usize| self.models.iter().map(|model| of(&self.examples[*row], model)).collect::<Vec<_>>();
        self.kept.iter().flat_map(of_row).collect()
    }

    /// What the nearest remembered rows of other folds say of every row, by row and model.
    pub(super) fn ask_neighbours(&self, nearest: usize) -> Vec<Vec<Option<f64>>> {
        let neighbours = self.neighbours(nearest);
        let models = self.models.len();
        (0..self.scored.len())
            .into_par_iter()
            .map(|row| {
                let fold = self.fold_of[row];
                let near = neighbours.nearest_of(&self.vector(row), |kept| self.fold_of[self.kept[kept]] != fold);
                neighbours.scores(&near, models)
            })
            .collect()
    }

    /// Models that were scored on the same rows: rows and models.
    pub(super) fn groups(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut by_rows: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (at, model) in self.models.iter().enumerate() {
            let rows = (0..self.scored.len()).filter(|row| self.scored[*row].scores.contains_key(*model)).collect();
            by_rows.entry(rows).or_default().push(at);
        }
        by_rows.into_iter().collect()
    }
}

/// Rows to remember, rising: evenly spaced; first among them those of `first`, which alone have predictions to be remembered with where an encoder learnt
/// from the others.
fn to_remember(rows: usize, most: usize, first: &[usize]) -> Vec<usize> {
    let spaced = |count: usize, most: usize| (0..most.min(count)).map(move |at| at * count / most.min(count).max(1));
    let mut kept: Vec<usize> = spaced(first.len(), most).map(|at| first[at]).collect();
    let others: Vec<usize> = (0..rows).filter(|row| first.binary_search(row).is_err()).collect();
    kept.extend(spaced(others.len(), most - kept.len()).map(|at| others[at]));
    kept.sort_unstable();
    kept
}

/// The numbers with a sign for what is not known; nothing at all where nothing is.
fn known_or_none<T: Copy>(numbers: &[Option<T>], unknown: T) -> Vec<T> {
    if numbers.iter().all(Option::is_none) {
        return Vec::new();
    }
    numbers.iter().map(|number| number.unwrap_or(unknown)).collect()
}
