//! Fits each model's quality by task and complexity from outcome rows. Cells are soft (a row counts in each by its
//! probability) and shrink toward the model's mean by a strength that held-out rows choose.

use std::collections::BTreeMap;

use super::folds::stratified_folds;
use crate::classifier::{Classification, OutcomeTable};

const FOLDS: usize = 5;
/// Rows' worth of the model's mean in every cell.
const SHRINKAGES: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0];

/// One classified prompt with the models' scores.
pub(super) struct ScoredPrompt {
    pub(super) classification: Classification,
    pub(super) scores: BTreeMap<String, f64>,
}

/// A table for every model named in the rows.
pub(super) fn fit(rows: &[ScoredPrompt], seed: u64) -> BTreeMap<String, OutcomeTable> {
    let mut of_model: BTreeMap<&str, Vec<(&Classification, f64)>> = BTreeMap::new();
    for row in rows {
        for (model, score) in &row.scores {
            of_model.entry(model).or_default().push((&row.classification, *score));
        }
    }
    of_model.into_iter().map(|(model, rows)| (model.to_owned(), fit_model(&rows, seed))).collect()
}

fn fit_model(rows: &[(&Classification, f64)], seed: u64) -> OutcomeTable {
    let folds = FOLDS.min(rows.len()).max(1);
    let fold_of = stratified_folds(&vec![0; rows.len()], folds, seed);
    let error_of = |shrinkage: f64| -> f64 {
        (0..folds)
            .map(|fold| {
                let part = |held_out: bool| {
                    let of_fold = rows.iter().zip(&fold_of).filter(move |(_, f)| (**f == fold) == held_out);
                    of_fold.map(|(row, _)| *row).collect::<Vec<_>>()
                };
                let table = table_of(&part(false), shrinkage);
                part(true).iter().map(|(seen, score)| (predict(&table, seen) - score).powi(2)).sum::<f64>()
            })
            .sum()
    };
    let errors = SHRINKAGES.map(error_of);
    let best = (0..SHRINKAGES.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    table_of(rows, SHRINKAGES[best])
}

fn predict(table: &OutcomeTable, seen: &Classification) -> f64 {
    table.expected(&seen.task.probabilities, &seen.complexity.probabilities)
}

fn table_of(rows: &[(&Classification, f64)], shrinkage: f64) -> OutcomeTable {
    let mean = rows.iter().map(|(_, score)| score).sum::<f64>() / rows.len().max(1) as f64;
    let (tasks, complexities) =
        rows.first().map_or((0, 0), |(seen, _)| (seen.task.probabilities.len(), seen.complexity.probabilities.len()));
    let mut weights = vec![shrinkage; tasks * complexities];
    let mut sums = vec![shrinkage * mean; tasks * complexities];
    for (seen, score) in rows {
        for (task, p_task) in seen.task.probabilities.iter().enumerate() {
            for (complexity, p_complexity) in seen.complexity.probabilities.iter().enumerate() {
                let cell = task * complexities + complexity;
                weights[cell] += p_task * p_complexity;
                sums[cell] += p_task * p_complexity * score;
            }
        }
    }
    let quality = sums.iter().zip(&weights).map(|(sum, weight)| (sum / weight) as f32).collect();
    OutcomeTable { quality, complexities, mean, rows: rows.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classifier::{LabelScores, Novelty};

    fn seen(task: [f64; 2]) -> Classification {
        let scores = |probabilities: Vec<f64>| LabelScores { raw: vec![0.0; probabilities.len()], probabilities };
        Classification {
            task: scores(task.to_vec()),
            complexity: scores(vec![0.5, 0.5]),
            novelty: Novelty { distance: 0.0, rank: 0.0, known: true },
            known: true,
            predicted_quality: BTreeMap::new(),
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
        let table = &fit(&rows, 1)["m"];
        assert!((table.mean - 0.5).abs() < 1e-9);
        assert!(predict(table, &seen([0.9, 0.1])) > 0.7);
        assert!(predict(table, &seen([0.1, 0.9])) < 0.3);
    }
}
