//! Fits each model's quality by task and complexity from outcome rows. Cells are soft (a row counts in each by its
//! probability) and shrink toward the model's mean by a strength that held-out rows choose.

use std::collections::BTreeMap;

use super::quality_heads::FOLDS;
use crate::classifier::{Classification, OutcomeTable};

/// Rows' worth of the model's mean in every cell.
const SHRINKAGES: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0];
const UNMEASURED_SHRINKAGE: f64 = 64.0;

/// One classified prompt with the models' scores.
pub(super) struct ScoredPrompt {
    pub(super) classification: Classification,
    pub(super) scores: BTreeMap<String, f64>,
}

/// A table, and what tables that had not seen a row's fold said of that row.
pub(super) struct FittedTable {
    pub(super) table: OutcomeTable,
    /// One for each row that has a score of the model, in their order.
    pub(super) held_out: Vec<f64>,
}

/// A row's classification, the model's score and its fold.
type Scored<'a> = (&'a Classification, f64, usize);

/// A table for every model named in the rows. Rows of a fold beyond the last one that is held out are learnt from and never measured.
pub(super) fn fit(rows: &[ScoredPrompt], fold_of: &[usize]) -> BTreeMap<String, FittedTable> {
    let mut of_model: BTreeMap<&str, Vec<Scored<'_>>> = BTreeMap::new();
    for (row, fold) in rows.iter().zip(fold_of) {
        for (model, score) in &row.scores {
            of_model.entry(model).or_default().push((&row.classification, *score, *fold));
        }
    }
    of_model.into_iter().map(|(model, rows)| (model.to_owned(), fit_model(&rows))).collect()
}

fn fit_model(rows: &[Scored<'_>]) -> FittedTable {
    // Without any row to choose on, cells stay near the mean.
    let is_measured = rows.iter().any(|(_, _, fold)| *fold < FOLDS);
    let shrinkages = if is_measured { SHRINKAGES } else { [UNMEASURED_SHRINKAGE; SHRINKAGES.len()] };
    let tried = shrinkages.map(|shrinkage| {
        let held_out = hold_out(rows, shrinkage);
        let measured = rows.iter().zip(&held_out).filter(|((_, _, fold), _)| *fold < FOLDS);
        let error: f64 = measured.map(|((_, score, _), said)| (said - score).powi(2)).sum();
        (shrinkage, error, held_out)
    });
    let (shrinkage, _, held_out) =
        tried.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((SHRINKAGES[0], 0.0, Vec::new()));
    FittedTable { table: table_of(rows, shrinkage), held_out }
}

fn hold_out(rows: &[Scored<'_>], shrinkage: f64) -> Vec<f64> {
    let mut held_out = vec![0.0; rows.len()];
    let folds = rows.iter().map(|(_, _, fold)| *fold).max().map_or(0, |last| last + 1);
    for fold in 0..folds {
        let others: Vec<Scored<'_>> = rows.iter().filter(|(_, _, of_row)| *of_row != fold).copied().collect();
        let table = table_of(&others, shrinkage);
        for (said, (seen, _, of_row)) in held_out.iter_mut().zip(rows) {
            if *of_row == fold && !others.is_empty() {
                *said = predict(&table, seen);
            }
        }
    }
    held_out
}

fn predict(table: &OutcomeTable, seen: &Classification) -> f64 {
    table.expected(&seen.task.probabilities, &seen.complexity.probabilities)
}

fn table_of(rows: &[Scored<'_>], shrinkage: f64) -> OutcomeTable {
    let mean = rows.iter().map(|(_, score, _)| score).sum::<f64>() / rows.len().max(1) as f64;
    let (tasks, complexities) =
        rows.first().map_or((0, 0), |(seen, ..)| (seen.task.probabilities.len(), seen.complexity.probabilities.len()));
    let mut weights = vec![shrinkage; tasks * complexities];
    let mut sums = vec![shrinkage * mean; tasks * complexities];
    for (seen, score, _) in rows {
        for (task, p_task) in seen.task.probabilities.iter().enumerate() {
            for (complexity, p_complexity) in seen.complexity.probabilities.iter().enumerate() {
                let cell = task * complexities + complexity;
                weights[cell] += p_task * p_complexity;
                sums[cell] += p_task * p_complexity * score;
            }
        }
    }
    let quality = sums.iter().zip(&weights).map(|(sum, weight)| (sum / weight) as f32).collect();
    OutcomeTable { quality, complexities, mean, rows: rows.len(), ..OutcomeTable::default() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::classifier::{ByModel, CostForecast, LabelScores, Novelty};

    pub(in super::super) fn seen(task: [f64; 2]) -> Classification {
        let scores = |probabilities: Vec<f64>| LabelScores { raw: vec![0.0; probabilities.len()], probabilities };
        Classification {
            task: scores(task.to_vec()),
            complexity: scores(vec![0.5, 0.5]),
            novelty: Novelty { distance: 0.0, rank: 0.0, known: true },
            known: true,
            difficulty: None,
            predicted_quality: ByModel::default(),
            predicted_output_tokens: ByModel::default(),
            cost_forecast: CostForecast::default(),
        }
    }

    #[test]
    fn a_model_good_at_one_task_is_predicted_so() {
        let rows: Vec<ScoredPrompt> = (0..200)
            .map(|row| {
                let first = row % 2 == 0;
                let classification = seen(if first { [0.9, 0.1] } else { [0.1, 0.9] });
                ScoredPrompt { classification, scores: BTreeMap::from([("m".into(), f64::from(u8::from(first)))]) }
            })
            .collect();
        let folds: Vec<usize> = (0..rows.len()).map(|row| row % 5).collect();
        let table = &fit(&rows, &folds)["m"].table;
        assert!((table.mean - 0.5).abs() < 1e-9);
        assert!(predict(table, &seen([0.9, 0.1])) > 0.7);
        assert!(predict(table, &seen([0.1, 0.9])) < 0.3);
    }
}
