//! Label rows and predictions to the reports of task and complexity.

use std::collections::BTreeSet;

use super::super::UsageError;
use super::EvaluateOptions;
use super::field::Field;
use super::predictions::{BothSaid, Predictions, Split};
use super::rows::{InputRows, SLICE_FIELDS, TextLabels};
use crate::evaluation::report::AbstentionReport;
use crate::evaluation::{AbstentionRow, LabelReport, LabelledRows, baselines, score_abstention};

/// Labels of an error message are cut after this many.
const MOST_LABELS_NAMED: usize = 12;

/// What label rows say.
pub(super) struct MeasuredLabels {
    pub(super) task: Option<LabelReport>,
    pub(super) complexity: Option<LabelReport>,
    pub(super) abstention: Option<AbstentionReport>,
    pub(super) warnings: Vec<String>,
}

/// Refuses labels that the router could never predict, unless they are named as the unknown one.
pub(super) fn check_known(
    options: &EvaluateOptions,
    input: &InputRows,
    task_labels: &[String],
    complexity_labels: &[String],
) -> Result<(), UsageError> {
    for (field, name, known) in
        [(Field::Task, options.label_field.as_str(), task_labels), (Field::Complexity, "complexity", complexity_labels)]
    {
        let is_known = |label: &String| {
            known.contains(label) || (field == Field::Task && options.unknown_label.as_ref() == Some(label))
        };
        let mut unknown = input.labels.iter().filter(|row| field.of(row).is_some_and(|label| !is_known(label)));
        let Some(first) = unknown.next() else { continue };
        if skips_complexity(options, field) {
            continue;
        }
        let distinct: BTreeSet<&String> = unknown.chain([first]).filter_map(|row| field.of(row)).collect();
        let remedy = match field {
            Field::Task => {
                "; --unknown-label LABEL marks rows of no known label, and --folds N or --holdout SHARE trains on \
                            your labels"
            }
            Field::Complexity => "; --folds N or --holdout SHARE trains on your labels",
        };
        return Err(UsageError(format!(
            "{}:{}: {name} {:?} is no label of the router {} (unknown to it: {}); it knows {}{remedy}",
            first.file,
            first.line,
            field.of(first).map_or("", String::as_str),
            options.router,
            named(distinct.iter().map(|label| label.as_str())),
            named(known.iter().map(String::as_str)),
        )));
    }
    Ok(())
}

/// Whoever names a field of their own did not ask for the complexity that happens to stand beside it.
fn skips_complexity(options: &EvaluateOptions, field: Field) -> bool {
    field == Field::Complexity && !["task", "complexity"].contains(&options.label_field.as_str())
}

fn named<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = labels.collect();
    let mut text = all.iter().take(MOST_LABELS_NAMED).copied().collect::<Vec<_>>().join(", ");
    if let Some(more) = all.len().checked_sub(MOST_LABELS_NAMED).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// Measures both fields.
pub(super) fn measure(
    options: &EvaluateOptions,
    input: &InputRows,
    predictions: &Predictions,
) -> anyhow::Result<MeasuredLabels> {
    let mut warnings = Vec::new();
    let without_words = input.without_words();
    if without_words > 0 {
        warnings.push(format!(
            "{without_words} rows hold features in place of words, so they are not in the figures of baselines, robustness and latency"
        ));
    }
    let mut field_report = |field: Field, name: &str, labels: &[String]| {
        let ordered = field == Field::Complexity;
        let rows = FieldRows::new(field, labels, input, predictions);
        if rows.truth.is_empty() {
            if rows.left_out > 0 {
                warnings.push(format!("{name}: no row has a label that the router knows, so it is not measured"));
            }
            return None;
        }
        if rows.left_out > 0 && options.unknown_label.is_none() {
            warnings.push(format!("{name}: {} rows have a label that the router does not know", rows.left_out));
        }
        let mut report = LabelReport::new(name, rows.view(labels, &rows.probabilities), ordered);
        for (baseline, probabilities) in rows.baselines(field, labels, input, predictions, options.seed) {
            report.add_baseline(baseline, rows.view(labels, &probabilities));
        }
        for (at, by) in SLICE_FIELDS.into_iter().enumerate() {
            let values: Vec<_> = rows.measured.iter().map(|row| input.labels[*row].slices[at].clone()).collect();
            report.add_slices(by, &values, rows.view(labels, &rows.probabilities));
        }
        let files: Vec<_> = rows.measured.iter().map(|row| Some(input.labels[*row].file.clone())).collect();
        report.add_slices("file", &files, rows.view(labels, &rows.probabilities));
        Some(report)
    };
    let task = field_report(Field::Task, &options.label_field, &predictions.task_labels);
    let complexity = field_report(Field::Complexity, "complexity", &predictions.complexity_labels);
    Ok(MeasuredLabels { task, complexity, abstention: abstention(options, input, predictions)?, warnings })
}

fn abstention(
    options: &EvaluateOptions,
    input: &InputRows,
    predictions: &Predictions,
) -> Result<Option<AbstentionReport>, UsageError> {
    let Some(unknown_label) = &options.unknown_label else { return Ok(None) };
    let mut rows = Vec::new();
    for (row, classification) in input.labels.iter().zip(&predictions.labels) {
        if let (Some(label), Some(classification)) = (&row.task, classification.as_ref().map(BothSaid::chosen)) {
            rows.push(AbstentionRow {
                is_known: label != unknown_label,
                called_known: classification.known,
                novelty: classification.novelty.rank,
                label_right: predictions.task_labels.get(classification.task.best()) == Some(label),
            });
        }
    }
    if rows.iter().all(|row| row.is_known) {
        return Err(UsageError(format!("--unknown-label {unknown_label:?}: no measured row has this label")));
    }
    Ok(Some(AbstentionReport { unknown_label: unknown_label.clone(), scores: score_abstention(&rows) }))
}

/// The rows of one field that are measured.
struct FieldRows {
    /// Index of each among the label rows.
    measured: Vec<usize>,
    truth: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    left_out: usize,
}

impl FieldRows {
    fn new(field: Field, labels: &[String], input: &InputRows, predictions: &Predictions) -> Self {
        let mut rows = Self { measured: Vec::new(), truth: Vec::new(), probabilities: Vec::new(), left_out: 0 };
        for (at, (row, classification)) in input.labels.iter().zip(&predictions.labels).enumerate() {
            let (Some(label), Some(said)) = (field.of(row), classification) else { continue };
            match labels.iter().position(|known| known == label) {
                Some(truth) => {
                    rows.measured.push(at);
                    rows.truth.push(truth);
                    rows.probabilities.push(field.scores(said.chosen()).probabilities.clone());
                }
                None => rows.left_out += 1,
            }
        }
        rows
    }

    fn view<'a>(&'a self, labels: &'a [String], probabilities: &'a [Vec<f64>]) -> LabelledRows<'a> {
        LabelledRows { labels, truth: &self.truth, probabilities }
    }

    /// Probabilities of every baseline for the measured rows; none where there is nothing to fit them on.
    fn baselines(
        &self,
        field: Field,
        labels: &[String],
        input: &InputRows,
        predictions: &Predictions,
        seed: u64,
    ) -> Vec<(&'static str, Vec<Vec<f64>>)> {
        let fit = |train: Vec<(&str, usize)>, test: &[&str]| {
            let (prompts, truth): (Vec<&str>, Vec<usize>) = train.into_iter().unzip();
            if truth.is_empty() {
                Vec::new()
            } else {
                baselines::predict_all(&prompts, &truth, labels.len(), test, seed)
            }
        };
        let known =
            |row: &'_ TextLabels| field.of(row).and_then(|label| labels.iter().position(|known| known == label));
        let words_of = |row: &usize| input.labels[*row].material.words();
        // They read words, and are no measure where some rows have none.
        if self.measured.iter().any(|row| words_of(row).is_none()) {
            return Vec::new();
        }
        match &predictions.split {
            Split::BaselineFiles => {
                let train = input.baseline_labels.iter().filter_map(|row| Some((row.material.words()?, known(row)?)));
                fit(train.collect(), &self.measured.iter().filter_map(words_of).collect::<Vec<_>>())
            }
            Split::Parts { of_row, measured } => {
                let mut joined: Vec<(&'static str, Vec<Vec<f64>>)> =
                    baselines::NAMES.map(|name| (name, vec![Vec::new(); self.measured.len()])).to_vec();
                for part in measured {
                    let train = input.labels.iter().zip(of_row).filter(|(_, of_row)| *of_row != part);
                    let train = train.filter_map(|(row, _)| Some((row.material.words()?, known(row)?))).collect();
                    let places: Vec<usize> =
                        (0..self.measured.len()).filter(|place| of_row[self.measured[*place]] == *part).collect();
                    let test: Vec<&str> = places.iter().filter_map(|place| words_of(&self.measured[*place])).collect();
                    for ((_, all), (_, of_part)) in joined.iter_mut().zip(fit(train, &test)) {
                        places.iter().zip(of_part).for_each(|(place, row)| all[*place] = row);
                    }
                }
                joined
            }
        }
    }
}
