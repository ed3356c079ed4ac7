//! Fits what predicts each model's quality: its table, a ridge regression over surface, label probabilities and the vector, and the
//! nearest outcome prompts. How strongly the regression is held back and how far each of the two may move the table is chosen by
//! the squared error on rows held out; where rows are few neither beats the table, and the table stands.

use std::collections::BTreeMap;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde_json::Value;

use super::folds::stratified_folds;
use super::outcome_tables::{self, FittedTable, ScoredPrompt};
use super::quality_shares::{Column, Shares};
use super::ridge::{Ridge, Setting};
use super::set::OutcomeExample;
use crate::classifier::{OutcomeNeighbours, OutcomeTable, QualityHeads, UNKNOWN_COST, quality_columns};

const FOLDS: usize = 5;
/// Prompts that an artifact remembers with their answers.
const MOST_NEIGHBOURS: usize = 2048;
const NEAREST: [usize; 2] = [60, 20];
/// What one standard deviation of a vector's components weighs beside it.
const VECTOR_WEIGHT: f64 = 0.7;
/// Shares that are tried for the regression and for the neighbours.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const MOST_SHARES: f64 = 1.25;
/// A model with fewer rows keeps to its table.
const LEAST_ROWS: usize = 20;

/// Tables and heads of all models, in the same order.
pub(super) struct FittedQuality {
    pub(super) tables: BTreeMap<String, OutcomeTable>,
    pub(super) heads: Option<QualityHeads>,
    pub(super) metrics: BTreeMap<String, Value>,
}

/// Fits every model named in the rows. `embedder`: whose vector is read.
pub(super) fn fit(examples: &[OutcomeExample], scored: &[ScoredPrompt], embedder: usize, seed: u64) -> FittedQuality {
    let fold_of = stratified_folds(&vec![0; scored.len()], FOLDS, seed);
    let tables = outcome_tables::fit(scored, &fold_of);
    let models: Vec<&String> = tables.keys().collect();
    let rows = QualityRows::new(examples, scored, embedder, &models, fold_of);
    let Some(rows) = rows else {
        let tables = tables.iter().map(|(model, fitted)| (model.clone(), fitted.table.clone())).collect();
        return FittedQuality { tables, heads: None, metrics: BTreeMap::new() };
    };
    let of_neighbours = NEAREST.map(|nearest| rows.ask_neighbours(nearest));
    let error = |said: &[Vec<Option<f64>>]| -> f64 {
        let of_row = |(row, said): (usize, &Vec<Option<f64>>)| -> f64 {
            said.iter().zip(rows.scores(row)).filter_map(|(said, score)| Some(((*said)? - score?).powi(2))).sum()
        };
        said.iter().enumerate().map(of_row).sum()
    };
    let best = usize::from(error(&of_neighbours[1]) < error(&of_neighbours[0]));
    let near = &of_neighbours[best];
    let groups: Vec<Group> = rows.groups().into_iter().map(|group| Group::new(&rows, group, &tables, near)).collect();
    let setting = best_setting(&groups);
    let linear: Vec<DMatrix<f64>> = groups.iter().map(|group| group.held_out(setting)).collect();
    let shares = best_shares(&groups, &linear);
    let mut heads = rows.empty_heads(NEAREST[best]);
    let mut metrics = BTreeMap::new();
    for (group, linear) in groups.iter().zip(&linear) {
        let solution = group.ridge.as_ref().and_then(|ridge| ridge.solve(setting, None));
        for (at, model) in group.models.iter().enumerate() {
            let column = group.column(at, linear);
            // Without a regression of its own a model has nothing to share.
            let shares = if column.gains(shares) && solution.is_some() { shares } else { Shares::default() };
            if let Some(solution) = solution.as_ref().filter(|_| shares.linear > 0.0) {
                let weights = solution.column(at);
                for (kept, weight) in
                    heads.weights[model * rows.columns..].iter_mut().zip(&weights.as_slice()[..rows.columns])
                {
                    *kept = *weight as f32;
                }
                heads.intercepts[*model] = weights[rows.columns] as f32;
            }
            heads.linear_share[*model] = shares.linear as f32;
            heads.neighbour_share[*model] = shares.neighbours as f32;
            metrics.insert(models[*model].clone(), column.report(shares, setting));
        }
    }
    let tables = tables.into_iter().map(|(model, fitted)| (model, fitted.table)).collect();
    FittedQuality { tables, heads: Some(heads), metrics }
}

/// Rows in columns.
struct QualityRows<'a> {
    embedder: usize,
    columns: usize,
    dims: usize,
    /// Standardised, with a column of ones at the end.
    design: DMatrix<f64>,
    mean: Vec<f32>,
    scale: Vec<f32>,
    fold_of: Vec<usize>,
    examples: &'a [OutcomeExample],
    scored: &'a [ScoredPrompt],
    models: Vec<&'a String>,
    /// Rows that are remembered, rising.
    kept: Vec<usize>,
}

impl<'a> QualityRows<'a> {
    /// `None` where a row lacks the vector or there is no row.
    fn new(
        examples: &'a [OutcomeExample],
        scored: &'a [ScoredPrompt],
        embedder: usize,
        models: &[&'a String],
        fold_of: Vec<usize>,
    ) -> Option<Self> {
        let raw: Vec<Vec<f32>> = examples
            .iter()
            .zip(scored)
            .map(|(example, scored)| {
                let said = &scored.classification;
                let probabilities = [said.task.probabilities.as_slice(), &said.complexity.probabilities];
                Some(quality_columns(&example.features, probabilities, example.features.vector(embedder)?))
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
        let step = rows.div_ceil(MOST_NEIGHBOURS).max(1);
        let kept = (0..rows).step_by(step).collect();
        Some(Self {
            embedder,
            columns,
            dims,
            design,
            mean,
            scale,
            fold_of,
            examples,
            scored,
            models: models.to_vec(),
            kept,
        })
    }

    /// One row's scores in the order of the models.
    fn scores(&self, row: usize) -> impl Iterator<Item = Option<f64>> {
        self.models.iter().map(move |model| self.scored[row].scores.get(*model).copied())
    }

    fn vector(&self, row: usize) -> Vec<f32> {
        (self.columns - self.dims..self.columns).map(|column| self.design[(row, column)] as f32).collect()
    }

    fn empty_heads(&self, nearest: usize) -> QualityHeads {
        let models = self.models.len();
        QualityHeads {
            embedder: self.embedder,
            mean: self.mean.clone(),
            scale: self.scale.clone(),
            weights: vec![0.0; models * self.columns],
            intercepts: vec![0.0; models],
            linear_share: vec![0.0; models],
            neighbour_share: vec![0.0; models],
            mean_cost_usd: self.mean_costs(),
            neighbours: self.neighbours(nearest),
        }
    }

    fn neighbours(&self, nearest: usize) -> OutcomeNeighbours {
        let vectors = self.kept.iter().flat_map(|row| OutcomeNeighbours::quantise(&self.vector(*row))).collect();
        let scores = self.kept.iter().flat_map(|row| self.scores(*row).map(OutcomeNeighbours::byte_of_score)).collect();
        let costs =
            self.kept.iter().flat_map(|row| self.costs(*row).map(|cost| cost.map_or(UNKNOWN_COST, |x| x as f32)));
        let costs_usd = costs.collect();
        OutcomeNeighbours { dims: self.dims, vectors, scores, costs_usd, nearest }
    }

    fn costs(&self, row: usize) -> impl Iterator<Item = Option<f64>> {
        self.models.iter().map(move |model| self.examples[row].cost_usd.get(*model).copied())
    }

    fn mean_costs(&self) -> Vec<f32> {
        let mean_of = |model: &&String| {
            let costs: Vec<f64> = self.examples.iter().filter_map(|row| row.cost_usd.get(*model)).copied().collect();
            if costs.is_empty() { UNKNOWN_COST } else { (costs.iter().sum::<f64>() / costs.len() as f64) as f32 }
        };
        self.models.iter().map(mean_of).collect()
    }

    /// What the nearest remembered rows of other folds say of every row, by row and model.
    fn ask_neighbours(&self, nearest: usize) -> Vec<Vec<Option<f64>>> {
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
    fn groups(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut by_rows: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (at, model) in self.models.iter().enumerate() {
            let rows = (0..self.scored.len()).filter(|row| self.scored[*row].scores.contains_key(*model)).collect();
            by_rows.entry(rows).or_default().push(at);
        }
        by_rows.into_iter().collect()
    }
}

/// Models that were scored on the same rows, and so share a regression's matrix. All matrices: rows by models.
struct Group {
    models: Vec<usize>,
    truth: DMatrix<f64>,
    /// What held-out tables said.
    tables: DMatrix<f64>,
    /// What the nearest rows of other folds said.
    near: DMatrix<f64>,
    /// `None` where rows are few.
    ridge: Option<Ridge>,
}

impl Group {
    fn new(
        all: &QualityRows<'_>,
        (rows, models): (Vec<usize>, Vec<usize>),
        tables: &BTreeMap<String, FittedTable>,
        near: &[Vec<Option<f64>>],
    ) -> Self {
        let of_tables: Vec<&FittedTable> = models.iter().map(|model| &tables[all.models[*model]]).collect();
        let matrix = |value: &dyn Fn(usize, usize) -> f64| DMatrix::from_fn(rows.len(), models.len(), value);
        let truth = matrix(&|row, model| all.scored[rows[row]].scores[all.models[models[model]]]);
        let tables = matrix(&|row, model| of_tables[model].held_out[row]);
        let near = matrix(&|row, model| near[rows[row]][models[model]].unwrap_or(tables[(row, model)]));
        let ridge = (rows.len() >= LEAST_ROWS).then(|| {
            let fold_of: Vec<usize> = rows.iter().map(|row| all.fold_of[*row]).collect();
            Ridge::new(all.design.select_rows(&rows), &truth, &fold_of)
        });
        Self { models, truth, tables, near, ridge }
    }

    /// What regressions that had not seen a row's fold say of it; the tables' word where there is none.
    fn held_out(&self, setting: Setting) -> DMatrix<f64> {
        let said = self.ridge.as_ref().and_then(|ridge| ridge.hold_out(setting));
        said.unwrap_or_else(|| self.tables.clone())
    }

    fn squared_error(&self, linear: &DMatrix<f64>, shares: Shares) -> f64 {
        (shares.blend(&self.tables, linear, &self.near) - &self.truth).norm_squared()
    }

    fn column(&self, at: usize, linear: &DMatrix<f64>) -> Column {
        let of = |matrix: &DMatrix<f64>| matrix.columns(at, 1).into_owned();
        Column { truth: of(&self.truth), tables: of(&self.tables), linear: of(linear), near: of(&self.near) }
    }
}

/// The shares with the least squared error on the held-out rows of all models together.
fn best_shares(groups: &[Group], linear: &[DMatrix<f64>]) -> Shares {
    let all = SHARES.into_iter().flat_map(|linear| SHARES.map(|neighbours| Shares { linear, neighbours }));
    let tried: Vec<Shares> = all.filter(|shares| shares.linear + shares.neighbours <= MOST_SHARES).collect();
    let errors: Vec<f64> = tried
        .par_iter()
        .map(|shares| groups.iter().zip(linear).map(|(group, linear)| group.squared_error(linear, *shares)).sum())
        .collect();
    let best = (0..tried.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b]));
    best.map(|best| tried[best]).unwrap_or_default()
}

/// The setting with the least squared error on the held-out rows of all models together.
fn best_setting(groups: &[Group]) -> Setting {
    let settings = Setting::all();
    let alone = Shares { linear: 1.0, neighbours: 0.0 };
    let errors: Vec<f64> = settings
        .par_iter()
        .map(|setting| groups.iter().map(|group| group.squared_error(&group.held_out(*setting), alone)).sum())
        .collect();
    let best = (0..settings.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    settings[best]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classifier::{Classification, Features, LabelScores, Novelty};
    use crate::random::SplitMix64;

    /// Rows of random vectors; `score` tells the model's score from the vector and a draw.
    fn rows(count: usize, seed: u64, score: impl Fn(&[f32], f64) -> f64) -> (Vec<OutcomeExample>, Vec<ScoredPrompt>) {
        let mut random = SplitMix64::new(seed);
        let mut draw = move || random.below(1 << 20) as f64 / f64::from(1 << 20);
        let even = || LabelScores { raw: vec![0.0; 2], probabilities: vec![0.5; 2] };
        (0..count)
            .map(|_| {
                let vector: Vec<f32> = (0..8).map(|_| (draw() - 0.5) as f32).collect();
                let scores = BTreeMap::from([("m".to_owned(), score(&vector, draw()))]);
                let features = Features { vectors: vec![Some(vector)], ..Features::default() };
                let classification = Classification {
                    task: even(),
                    complexity: even(),
                    novelty: Novelty { distance: 0.0, rank: 0.0, known: true },
                    known: true,
                    predicted_quality: BTreeMap::new(),
                    predicted_cost_usd: BTreeMap::new(),
                };
                let scored = ScoredPrompt { classification, scores: scores.clone() };
                (OutcomeExample { features, scores, cost_usd: BTreeMap::new() }, scored)
            })
            .unzip()
    }

    /// Mean squared errors on new rows: of the table alone, and with its heads.
    fn errors(fitted: &FittedQuality, new: &[OutcomeExample]) -> [f64; 2] {
        let table = &fitted.tables["m"];
        let even: [&[f64]; 2] = [&[0.5, 0.5], &[0.5, 0.5]];
        let mut errors = [0.0; 2];
        for row in new {
            let of_table = table.expected(even[0], even[1]);
            let said = fitted.heads.as_ref().unwrap().predict(&row.features, even, &[of_table]).quality[0];
            for (error, said) in errors.iter_mut().zip([of_table, said]) {
                *error += (said - row.scores["m"]).powi(2) / new.len() as f64;
            }
        }
        errors
    }

    #[test]
    fn twenty_rows_of_noise_do_no_worse_than_their_table() {
        let noise = |_: &[f32], draw: f64| f64::from(u8::from(draw < 0.7));
        let mut sums = [0.0; 2];
        for seed in 0..40 {
            let (examples, scored) = rows(20, seed, noise);
            let new = rows(200, seed + 1000, noise).0;
            let of_seed = errors(&fit(&examples, &scored, 0, seed), &new);
            sums.iter_mut().zip(of_seed).for_each(|(sum, error)| *sum += error / 40.0);
        }
        assert!(sums[1] <= sums[0] + 0.002, "table {:.4}, with heads {:.4}", sums[0], sums[1]);
    }

    #[test]
    fn what_the_vector_tells_is_learnt_from_many_rows() {
        let by_vector =
            |vector: &[f32], draw: f64| f64::from(u8::from(draw < if vector[0] > 0.0 { 0.95 } else { 0.05 }));
        let (examples, scored) = rows(600, 1, by_vector);
        let [table, heads] = errors(&fit(&examples, &scored, 0, 1), &rows(500, 2, by_vector).0);
        assert!(heads < 0.6 * table, "table {table:.4}, with heads {heads:.4}");
    }
}
