//! Fits what predicts each model's quality: its table, a ridge regression over surface, label probabilities, difficulty and the vector,
//! and the nearest outcome prompts. How strongly the regression is held back and how far each of the two may move the table is chosen
//! by the squared error on rows held out; where rows are few neither beats the table, and the table stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde_json::Value;

use super::folds::stratified_folds;
use super::network_quality::{self, TunedQuality};
use super::outcome_tables::{self, FittedTable, ScoredPrompt};
use super::output_tokens;
use super::quality_rows::QualityRows;
use super::quality_shares::{Column, Shares};
use super::ridge::{Ridge, Setting};
use super::set::OutcomeExample;
use crate::classifier::{DifficultyReader, OutcomeTable, QualityHeads};

/// Rows of a fold beyond these are learnt from and never measured.
pub(super) const FOLDS: usize = 5;
const NEAREST: [usize; 3] = [120, 60, 20];
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
    /// What was measured of a fine-tuned network's own heads.
    pub(super) network: Option<Value>,
}

/// Whose numbers the heads read beside surface and labels.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a> {
    /// Index of the embedder whose vector is read.
    pub(super) embedder: usize,
    /// The difficulty prior, where its embedder is among the artifact's.
    pub(super) difficulty: Option<&'a DifficultyReader>,
    /// An encoder that was fine-tuned on the rows.
    pub(super) tuned: Option<Tuned<'a>>,
}

/// A fine-tuned encoder beside what is fitted here.
#[derive(Clone, Copy)]
pub(super) struct Tuned<'a> {
    pub(super) quality: &'a TunedQuality,
    /// Whether the heads that classified the rows read its vectors. Then tables and regressions, which read what those heads say, are measured on rows
    /// that were kept from it alone.
    pub(super) classifies: bool,
}

/// Fits every model named in the rows.
pub(super) fn fit(examples: &[OutcomeExample], scored: &[ScoredPrompt], reads: Reads<'_>, seed: u64) -> FittedQuality {
    let mut fold_of = stratified_folds(&vec![0; scored.len()], FOLDS, seed);
    if let Some(tuned) = reads.tuned.filter(|tuned| tuned.classifies) {
        let is_kept = |row: &usize| tuned.quality.kept_from_it.binary_search(row).is_ok();
        fold_of.iter_mut().enumerate().filter(|(row, _)| !is_kept(row)).for_each(|(_, fold)| *fold = FOLDS);
    }
    let mut tables = outcome_tables::fit(scored, &fold_of);
    output_tokens::fit(examples, scored, &fold_of, &mut tables);
    let names: Vec<String> = tables.keys().cloned().collect();
    let models: Vec<&String> = names.iter().collect();
    let Some(rows) = QualityRows::new(examples, scored, reads, &models, fold_of) else {
        let tables = tables.into_iter().map(|(model, fitted)| (model, fitted.table)).collect();
        return FittedQuality { tables, heads: None, metrics: BTreeMap::new(), network: None };
    };
    let of_neighbours = NEAREST.map(|nearest| rows.ask_neighbours(nearest));
    let error = |said: &[Vec<Option<f64>>]| -> f64 {
        let of_row = |(row, said): (usize, &Vec<Option<f64>>)| -> f64 {
            said.iter().zip(rows.scores(row)).filter_map(|(said, score)| Some(((*said)? - score?).powi(2))).sum()
        };
        said.iter().enumerate().filter(|(row, _)| rows.measured[*row]).map(of_row).sum()
    };
    let errors = of_neighbours.each_ref().map(|said| error(said));
    let best = (0..NEAREST.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    let near = &of_neighbours[best];
    let groups: Vec<Group> = rows.groups().into_iter().map(|group| Group::new(&rows, group, &tables, near)).collect();
    let setting = best_setting(&groups, rows.reads_difficulty);
    let linear: Vec<DMatrix<f64>> = groups.iter().map(|group| group.held_out(setting)).collect();
    let shares = best_shares(&groups, &linear);
    let mut heads = rows.empty_heads(NEAREST[best]);
    let mut predicted = vec![vec![None; models.len()]; scored.len()];
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
            for (row, said) in group.rows.iter().zip(column.said(shares).iter()) {
                predicted[*row][*model] = Some(*said);
            }
            metrics.insert(models[*model].clone(), column.report(shares, setting));
        }
    }
    let network = reads.tuned.map(|tuned| {
        let (network, told) = network_quality::fit(&rows, tuned.quality, &mut predicted);
        heads.network = network;
        told
    });
    heads.costs = Arc::new(rows.costs());
    heads.held_out = rows.held_out(&predicted);
    let tables = tables.into_iter().map(|(model, fitted)| (model, fitted.table)).collect();
    FittedQuality { tables, heads: Some(heads), metrics, network }
}

/// Models that were scored on the same rows, and so share a regression's matrix. All matrices: measured rows by models.
struct Group {
    /// Those that are measured.
    rows: Vec<usize>,
    /// Their places among the rows that the regression learns from.
    measured: Vec<usize>,
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
        let measured: Vec<usize> = (0..rows.len()).filter(|row| all.measured[rows[*row]]).collect();
        let tables = matrix(&|row, model| of_tables[model].held_out[row]);
        let near = matrix(&|row, model| near[rows[row]][models[model]].unwrap_or(tables[(row, model)]));
        let ridge = (rows.len() >= LEAST_ROWS).then(|| {
            let fold_of: Vec<usize> = rows.iter().map(|row| all.fold_of[*row]).collect();
            Ridge::new(all.design.select_rows(&rows), &truth, &fold_of, all.difficulty_columns())
        });
        let [truth, tables, near] = [truth, tables, near].map(|matrix| matrix.select_rows(&measured));
        let rows = measured.iter().map(|row| rows[*row]).collect();
        Self { rows, measured, models, truth, tables, near, ridge }
    }

    /// What regressions that had not seen a row's fold say of it; the tables' word where there is none.
    fn held_out(&self, setting: Setting) -> DMatrix<f64> {
        let said = self.ridge.as_ref().and_then(|ridge| ridge.hold_out(setting));
        said.map(|said| said.select_rows(&self.measured)).unwrap_or_else(|| self.tables.clone())
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

/// The setting with the least squared error on the held-out rows of all models together: penalty and weight of the surface first, then
/// the weight of the difficulty, which is a choice of its own.
fn best_setting(groups: &[Group], reads_difficulty: bool) -> Setting {
    let best = best_of(groups, &Setting::all());
    if reads_difficulty { best_of(groups, &best.with_difficulty_weights()) } else { best }
}

fn best_of(groups: &[Group], settings: &[Setting]) -> Setting {
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
    use crate::classifier::{ByModel, Classification, CostForecast, Features, LabelScores, Novelty};
    use crate::random::SplitMix64;

    const READS: Reads<'_> = Reads { embedder: 0, difficulty: None, tuned: None };

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
                    difficulty: None,
                    predicted_quality: ByModel::default(),
                    predicted_output_tokens: ByModel::default(),
                    cost_forecast: CostForecast::default(),
                };
                let scored = ScoredPrompt { classification, scores: scores.clone() };
                (OutcomeExample { features, scores, ..OutcomeExample::default() }, scored)
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
            let said = fitted.heads.as_ref().unwrap().predict(&row.features, even, None, &[of_table]).quality[0];
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
            let of_seed = errors(&fit(&examples, &scored, READS, seed), &new);
            sums.iter_mut().zip(of_seed).for_each(|(sum, error)| *sum += error / 40.0);
        }
        assert!(sums[1] <= sums[0] + 0.002, "table {:.4}, with heads {:.4}", sums[0], sums[1]);
    }

    #[test]
    fn what_the_vector_tells_is_learnt_from_many_rows() {
        let by_vector =
            |vector: &[f32], draw: f64| f64::from(u8::from(draw < if vector[0] > 0.0 { 0.95 } else { 0.05 }));
        let (examples, scored) = rows(600, 1, by_vector);
        let [table, heads] = errors(&fit(&examples, &scored, READS, 1), &rows(500, 2, by_vector).0);
        assert!(heads < 0.6 * table, "table {table:.4}, with heads {heads:.4}");
    }

    /// The artifact tells what was predicted of each remembered row by fits that had not seen it: the row's own score cannot have
    /// moved it.
    #[test]
    fn what_is_kept_of_a_row_was_predicted_without_it() {
        let by_vector = |vector: &[f32], draw: f64| f64::from(u8::from(draw < if vector[0] > 0.0 { 0.9 } else { 0.1 }));
        let (mut examples, mut scored) = rows(300, 3, by_vector);
        let first = fit(&examples, &scored, READS, 1).heads.unwrap();
        assert_eq!(first.neighbours.rows(), 300);
        assert!(first.linear_share[0] > 0.0 || first.neighbour_share[0] > 0.0, "something beside the table is kept");
        for row in [0, 7, 123] {
            let other = 1.0 - scored[row].scores["m"];
            for scores in [&mut examples[row].scores, &mut scored[row].scores] {
                scores.insert("m".into(), other);
            }
            let second = fit(&examples, &scored, READS, 1).heads.unwrap();
            assert_eq!(
                (second.linear_share[0], second.neighbour_share[0]),
                (first.linear_share[0], first.neighbour_share[0])
            );
            let [before, after] = [&first, &second].map(|heads| i16::from(heads.held_out.predicted[row]));
            assert!((before - after).abs() <= 1, "row {row}: {before} became {after}");
            assert_ne!(first.neighbours.scores[row], second.neighbours.scores[row]);
            for scores in [&mut examples[row].scores, &mut scored[row].scores] {
                scores.insert("m".into(), 1.0 - other);
            }
        }
        let predicted = first.held_out.predicted.iter().zip(&first.neighbours.scores);
        let error: f64 = predicted.map(|(said, score)| (f64::from(*said) - f64::from(*score)).powi(2)).sum::<f64>();
        assert!((error / 300.0).sqrt() / 254.0 < 0.45, "they are worth something: {error}");
    }
}
