//! Fits how many tokens each model's answers have, by task. A task's cell shrinks toward what the model's mean and the task's effect on
//! all models together let expect, by a strength that held-out rows choose.

use std::collections::BTreeMap;

use super::outcome_tables::{FittedTable, ScoredPrompt};
use super::quality_heads::FOLDS;
use super::set::OutcomeExample;

/// Rows' worth of the expectation in every cell.
const SHRINKAGES: [f64; 5] = [1.0, 4.0, 16.0, 64.0, 256.0];

/// One row that tells a model's length.
struct Told<'a> {
    /// Probabilities of the tasks.
    tasks: &'a [f64],
    tokens: f64,
    fold: usize,
}

/// Of one model.
struct Sums {
    mean: f64,
    /// Rows' worth and tokens of each task.
    rows: Vec<f64>,
    tokens: Vec<f64>,
}

/// Adds the lengths of every model that some row tells to its table.
pub(super) fn fit(
    examples: &[OutcomeExample],
    scored: &[ScoredPrompt],
    fold_of: &[usize],
    tables: &mut BTreeMap<String, FittedTable>,
) {
    let mut told: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
    for ((example, scored), fold) in examples.iter().zip(scored).zip(fold_of) {
        for (model, tokens) in example.output_tokens.iter().filter(|(model, _)| tables.contains_key(*model)) {
            let tasks = scored.classification.task.probabilities.as_slice();
            told.entry(model).or_default().push(Told { tasks, tokens: *tokens, fold: *fold });
        }
    }
    let errors = SHRINKAGES.map(|shrinkage| squared_error(&told, shrinkage));
    let best = (0..SHRINKAGES.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    for (model, (mean, cells)) in cells(&told, None, SHRINKAGES[best]) {
        if let Some(fitted) = tables.get_mut(model) {
            fitted.table.output_tokens = Some(cells.into_iter().map(|tokens| tokens as f32).collect());
            fitted.table.mean_output_tokens = Some(mean);
        }
    }
}

/// Of cells that had not seen a row's fold, in units of each model's mean so that no wordy model decides alone.
fn squared_error(told: &BTreeMap<&str, Vec<Told<'_>>>, shrinkage: f64) -> f64 {
    let folds = told.values().flatten().map(|row| row.fold).max().map_or(0, |last| (last + 1).min(FOLDS));
    let of_fold = |fold: usize| {
        let cells = cells(told, Some(fold), shrinkage);
        let of_model = |(model, rows): (&&str, &Vec<Told<'_>>)| -> f64 {
            let Some((mean, cells)) = cells.get(model) else { return 0.0 };
            let held = rows.iter().filter(|row| row.fold == fold);
            let expected = |row: &Told<'_>| row.tasks.iter().zip(cells).map(|(p, tokens)| p * tokens).sum::<f64>();
            held.map(|row| ((expected(row) - row.tokens) / mean.max(1.0)).powi(2)).sum()
        };
        told.iter().map(of_model).sum::<f64>()
    };
    (0..folds).map(of_fold).sum()
}

/// Mean and cells of every model, without one fold's rows.
fn cells<'a>(
    told: &BTreeMap<&'a str, Vec<Told<'_>>>,
    without: Option<usize>,
    shrinkage: f64,
) -> BTreeMap<&'a str, (f64, Vec<f64>)> {
    let sums_of = |rows: &Vec<Told<'_>>| {
        let seen: Vec<&Told<'_>> = rows.iter().filter(|row| Some(row.fold) != without).collect();
        let tasks = seen.first()?.tasks.len();
        let mut sums = Sums { mean: 0.0, rows: vec![0.0; tasks], tokens: vec![0.0; tasks] };
        for row in &seen {
            sums.mean += row.tokens / seen.len() as f64;
            for (task, p_task) in row.tasks.iter().enumerate() {
                sums.rows[task] += p_task;
                sums.tokens[task] += p_task * row.tokens;
            }
        }
        Some(sums)
    };
    let sums: BTreeMap<&str, Sums> = told.iter().filter_map(|(model, rows)| Some((*model, sums_of(rows)?))).collect();
    let effects = task_effects(&sums, shrinkage);
    let cells_of = |sums: &Sums| {
        let cell = |task: usize| {
            let expected = sums.mean * effects.get(task).copied().unwrap_or(1.0);
            (sums.tokens[task] + shrinkage * expected) / (sums.rows[task] + shrinkage)
        };
        (sums.mean, (0..sums.rows.len()).map(cell).collect())
    };
    sums.iter().map(|(model, sums)| (*model, cells_of(sums))).collect()
}

/// How much longer than its mean a model answers each task, over all models; shrunk toward 1.
fn task_effects(sums: &BTreeMap<&str, Sums>, shrinkage: f64) -> Vec<f64> {
    let tasks = sums.values().map(|sums| sums.rows.len()).max().unwrap_or(0);
    let effect = |task: usize| {
        let (mut rows, mut ratios) = (shrinkage, shrinkage);
        for sums in sums.values().filter(|sums| sums.mean > 0.0) {
            rows += sums.rows[task];
            ratios += sums.tokens[task] / sums.mean;
        }
        ratios / rows
    };
    (0..tasks).map(effect).collect()
}

#[cfg(test)]
mod tests {
    use super::super::outcome_tables;
    use super::super::outcome_tables::tests::seen;
    use super::*;

    /// Both models answer the second task at four times the length; `rare` was asked once.
    fn rows() -> (Vec<OutcomeExample>, Vec<ScoredPrompt>) {
        (0..200)
            .map(|row| {
                let second = row % 2 == 1;
                let tokens = if second { 400.0 } else { 100.0 };
                let mut output_tokens = BTreeMap::from([("often".to_owned(), tokens)]);
                let mut scores = BTreeMap::from([("often".to_owned(), 1.0), ("silent".to_owned(), 1.0)]);
                if row == 0 {
                    output_tokens.insert("rare".into(), 10.0);
                    scores.insert("rare".into(), 1.0);
                }
                let classification = seen(if second { [0.0, 1.0] } else { [1.0, 0.0] });
                let example = OutcomeExample { output_tokens, scores: scores.clone(), ..OutcomeExample::default() };
                (example, ScoredPrompt { classification, scores })
            })
            .unzip()
    }

    #[test]
    fn lengths_follow_the_task_and_a_model_asked_once_borrows_what_the_others_do() {
        let (examples, scored) = rows();
        let folds: Vec<usize> = (0..scored.len()).map(|row| row % 5).collect();
        let mut tables = outcome_tables::fit(&scored, &folds);
        fit(&examples, &scored, &folds, &mut tables);
        let expected = |model: &str, task: [f64; 2]| tables[model].table.expected_output_tokens(&task);
        assert!(
            (expected("often", [1.0, 0.0]) - 100.0).abs() < 5.0 && (expected("often", [0.0, 1.0]) - 400.0).abs() < 5.0
        );
        assert!((expected("often", [0.5, 0.5]) - 250.0).abs() < 5.0);
        assert!(expected("rare", [0.0, 1.0]) > 1.4 * expected("rare", [1.0, 0.0]), "the others' longer task is longer");
        assert!((8.0..20.0).contains(&expected("rare", [0.0, 1.0])), "but as long as the model's own answers");
        assert!(expected("silent", [1.0, 0.0]).is_nan());
        assert_eq!(tables["often"].table.mean_output_tokens, Some(250.0));
    }
}
