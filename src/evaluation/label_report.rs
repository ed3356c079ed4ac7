//! Everything that is measured of one label field, put together from truth and probabilities.

use serde::Serialize;

use super::calibration::{Calibration, score_calibration};
use super::classification::{ClassificationScores, best_label, score_classification};
use super::ordinal::{OrdinalScores, score_ordinal};
use super::risk_coverage::{RiskCoverage, risk_coverage};

/// A prediction that is one and the same for more than this share of rows is reported as near-constant.
const NEAR_CONSTANT_SHARE: f64 = 0.95;
/// Slices of fewer rows say nothing.
const LEAST_SLICE_ROWS: usize = 10;

/// Rows whose label is known to the router.
#[derive(Debug, Clone, Copy)]
pub struct LabelledRows<'a> {
    /// Labels; for an ordered field, in order.
    pub labels: &'a [String],
    /// True label of each row.
    pub truth: &'a [usize],
    /// Probabilities of each row, in label order.
    pub probabilities: &'a [Vec<f64>],
}

/// Figures of one label field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelReport {
    /// The field of the rows.
    pub field: String,
    /// Labels; for an ordered field, in order.
    pub labels: Vec<String>,
    /// Accuracy, macro-F1, classes, confusion.
    #[serde(flatten)]
    pub scores: ClassificationScores,
    /// Calibration of the most probable label.
    pub calibration: Calibration,
    /// Error against coverage.
    pub risk_coverage: RiskCoverage,
    /// For a field whose labels have an order.
    pub ordinal: Option<OrdinalScores>,
    /// What plain predictors reach on the same rows.
    pub baselines: Vec<LabelBaseline>,
    /// The same figures for parts of the rows.
    pub slices: Vec<LabelSlice>,
}

/// What a plain predictor reaches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelBaseline {
    /// Its name.
    pub name: String,
    /// Share of rows it gets right.
    pub accuracy: f64,
    /// As for the router.
    pub macro_f1: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// For a field whose labels have an order.
    pub quadratic_weighted_kappa: Option<f64>,
}

/// Figures of the rows that share a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSlice {
    /// What they share: a field of the rows, or the file they stand in.
    pub by: String,
    /// The value.
    pub value: String,
    /// Rows.
    pub rows: usize,
    /// Share of rows that are right.
    pub accuracy: f64,
    /// Mean over the labels of these rows.
    pub macro_f1: f64,
}

impl LabelReport {
    /// Measures. `ordered`: whether the labels stand in an order that counts.
    pub fn new(field: &str, rows: LabelledRows<'_>, ordered: bool) -> Self {
        let predicted: Vec<usize> = rows.probabilities.iter().map(|row| best_label(row)).collect();
        Self {
            field: field.to_owned(),
            labels: rows.labels.to_vec(),
            scores: score_classification(rows.labels, rows.truth, &predicted),
            calibration: score_calibration(rows.truth, rows.probabilities),
            risk_coverage: risk_coverage(rows.truth, rows.probabilities),
            ordinal: ordered.then(|| score_ordinal(rows.truth, rows.probabilities)),
            baselines: Vec::new(),
            slices: Vec::new(),
        }
    }

    /// Measures a plain predictor on the same rows.
    pub fn add_baseline(&mut self, name: &str, rows: LabelledRows<'_>) {
        let predicted: Vec<usize> = rows.probabilities.iter().map(|row| best_label(row)).collect();
        let scores = score_classification(rows.labels, rows.truth, &predicted);
        let ordinal = self.ordinal.is_some().then(|| score_ordinal(rows.truth, rows.probabilities));
        self.baselines.push(LabelBaseline {
            name: name.to_owned(),
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            ece: score_calibration(rows.truth, rows.probabilities).ece,
            quadratic_weighted_kappa: ordinal.and_then(|scores| scores.quadratic_weighted_kappa),
        });
    }

    /// Measures the parts that share a value, where there are two parts or more.
    pub fn add_slices(&mut self, by: &str, values: &[Option<String>], rows: LabelledRows<'_>) {
        let mut distinct: Vec<&String> = values.iter().flatten().collect();
        distinct.sort();
        distinct.dedup();
        if distinct.len() < 2 {
            return;
        }
        for value in distinct {
            let chosen: Vec<usize> = (0..rows.truth.len()).filter(|row| values[*row].as_ref() == Some(value)).collect();
            if chosen.len() < LEAST_SLICE_ROWS {
                continue;
            }
            let truth: Vec<usize> = chosen.iter().map(|row| rows.truth[*row]).collect();
            let predicted: Vec<usize> = chosen.iter().map(|row| best_label(&rows.probabilities[*row])).collect();
            let scores = score_classification(rows.labels, &truth, &predicted);
            self.slices.push(LabelSlice {
                by: by.to_owned(),
                value: value.clone(),
                rows: scores.rows,
                accuracy: scores.accuracy,
                macro_f1: scores.macro_f1,
            });
        }
    }

    /// What a reader must be told, if anything.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let scores = &self.scores;
        if scores.most_predicted_share > NEAR_CONSTANT_SHARE && scores.most_true_share <= NEAR_CONSTANT_SHARE {
            let most = scores.per_class.iter().max_by_key(|class| class.predicted);
            warnings.push(format!(
                "{}: the router is near-constant, {:.1}% of its predictions are {:?} where {:.1}% are true at most",
                self.field,
                scores.most_predicted_share * 100.0,
                most.map_or("", |class| class.label.as_str()),
                scores.most_true_share * 100.0
            ));
        }
        for baseline in self.baselines.iter().filter(|baseline| baseline.macro_f1 > scores.macro_f1) {
            warnings.push(format!(
                "{}: the baseline \"{}\" reaches macro-F1 {:.3}, the router {:.3}",
                self.field, baseline.name, baseline.macro_f1, scores.macro_f1
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_router_is_called_one() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let truth: Vec<usize> = (0..40).map(|row| row % 2).collect();
        let constant = vec![vec![0.6, 0.4]; 40];
        let right: Vec<Vec<f64>> =
            truth.iter().map(|label| if *label == 0 { vec![0.9, 0.1] } else { vec![0.1, 0.9] }).collect();
        let rows = |probabilities| LabelledRows { labels: &labels, truth: &truth, probabilities };
        let mut report = LabelReport::new("task", rows(&constant), false);
        assert!(report.warnings()[0].contains("near-constant, 100.0% of its predictions are \"a\""));
        report.add_baseline("better", rows(&right));
        assert!(report.warnings()[1].contains("\"better\" reaches macro-F1 1.000, the router 0.333"));
        assert!(LabelReport::new("task", rows(&right), false).warnings().is_empty());
    }

    #[test]
    fn slices_hold_the_rows_of_their_value() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let truth = vec![0; 30];
        let probabilities: Vec<Vec<f64>> =
            (0..30).map(|row| if row < 15 { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect();
        let values: Vec<Option<String>> =
            (0..30).map(|row| (row < 25).then(|| if row < 15 { "de".into() } else { "en".into() })).collect();
        let rows = LabelledRows { labels: &labels, truth: &truth, probabilities: &probabilities };
        let mut report = LabelReport::new("task", rows, false);
        report.add_slices("language", &values, rows);
        let found: Vec<(&str, usize, f64)> =
            report.slices.iter().map(|slice| (slice.value.as_str(), slice.rows, slice.accuracy)).collect();
        assert_eq!(found, [("de", 15, 1.0), ("en", 10, 0.0)]);
    }
}
