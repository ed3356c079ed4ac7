//! Accuracy, macro-F1, figures of each class and the confusion matrix. Counts only; calibration and abstention have files of
//! their own.

use serde::Serialize;

/// A matrix of more labels is not kept: it grows with their square.
const MOST_CONFUSION_LABELS: usize = 1000;

/// How well labels were predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationScores {
    /// Rows that were scored.
    pub rows: usize,
    /// Share of rows whose most probable label is the true one.
    pub accuracy: f64,
    /// Mean F1 over the labels that occur in the truth. A label that is predicted but never true is not averaged: it
    /// already lowers the recall of those it was taken for.
    pub macro_f1: f64,
    /// Share of the label that is predicted most often.
    pub most_predicted_share: f64,
    /// Share of the label that is true most often.
    pub most_true_share: f64,
    /// One entry a label, in label order.
    pub per_class: Vec<ClassScores>,
    /// `confusion[truth][predicted]`, in label order; empty beyond 1,000 labels.
    pub confusion: Vec<Vec<usize>>,
}

/// How well one label was predicted. Precision is 0 where the label was never predicted, recall 0 where it was never true,
/// F1 = 2 PR / (P + R), 0 where both are 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// The label.
    pub label: String,
    /// Rows whose true label it is.
    pub support: usize,
    /// Rows for which it was predicted.
    pub predicted: usize,
    /// Of the rows it was predicted for, the share that are right.
    pub precision: f64,
    /// Of the rows it is true of, the share that were found.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// Index of the most probable label; the first one wins a tie.
pub fn best_label(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (index, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = index;
        }
    }
    best
}

/// Scores predictions; `truth` and the predictions are indices into `labels`, one a row. Rows beyond the shorter list and
/// indices beyond the labels do not count.
pub fn score_classification(labels: &[String], truth: &[usize], predicted: &[usize]) -> ClassificationScores {
    let mut counts = vec![Counts::default(); labels.len()];
    let keeps_confusion = labels.len() <= MOST_CONFUSION_LABELS;
    let mut confusion = if keeps_confusion { vec![vec![0usize; labels.len()]; labels.len()] } else { Vec::new() };
    let mut rows = 0;
    for (&truth, &predicted) in truth.iter().zip(predicted).filter(|(a, b)| **a < labels.len() && **b < labels.len()) {
        rows += 1;
        counts[truth].support += 1;
        counts[predicted].predicted += 1;
        counts[truth].right += usize::from(truth == predicted);
        if keeps_confusion {
            confusion[truth][predicted] += 1;
        }
    }
    let right: usize = counts.iter().map(|count| count.right).sum();
    let per_class: Vec<ClassScores> = labels.iter().zip(&counts).map(|(label, count)| count.class(label)).collect();
    let present: Vec<&ClassScores> = per_class.iter().filter(|class| class.support > 0).collect();
    ClassificationScores {
        rows,
        accuracy: share(right, rows),
        macro_f1: present.iter().fold(0.0, |sum, class| sum + class.f1) / present.len().max(1) as f64,
        most_predicted_share: share(per_class.iter().map(|class| class.predicted).max().unwrap_or(0), rows),
        most_true_share: share(per_class.iter().map(|class| class.support).max().unwrap_or(0), rows),
        per_class,
        confusion,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    support: usize,
    predicted: usize,
    right: usize,
}

impl Counts {
    fn class(self, label: &str) -> ClassScores {
        let Self { support, predicted, right } = self;
        let (precision, recall) = (share(right, predicted), share(right, support));
        let f1 = if right == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        ClassScores { label: label.to_owned(), support, predicted, precision, recall, f1 }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("label {index}")).collect()
    }

    #[test]
    fn a_case_worked_by_hand() {
        // Truth a a a b b c; predicted a a b b c c; label d occurs nowhere.
        let scores = score_classification(&labels(4), &[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 2, 2]);
        assert_eq!(scores.confusion, [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]);
        assert!((scores.accuracy - 4.0 / 6.0).abs() < 1e-12);
        let f1: Vec<f64> = scores.per_class.iter().map(|class| class.f1).collect();
        for (found, expected) in f1.iter().zip([0.8, 0.5, 2.0 / 3.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{f1:?}");
        }
        // d is not among the three labels of the truth, so the mean is over three.
        assert!((scores.macro_f1 - (0.8 + 0.5 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!((scores.per_class[0].precision - 1.0).abs() < 1e-12);
        assert!((scores.per_class[0].recall - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_label_that_is_never_predicted_counts_as_zero() {
        let scores = score_classification(&labels(2), &[0, 1], &[0, 0]);
        assert!((scores.macro_f1 - (2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert!((scores.most_predicted_share - 1.0).abs() < 1e-12);
        assert!((scores.most_true_share - 0.5).abs() < 1e-12);
    }

    #[test]
    fn thousands_of_labels_need_no_matrix() {
        let scores = score_classification(&labels(20_000), &[0, 19_999, 7], &[0, 19_999, 8]);
        assert!(scores.confusion.is_empty());
        assert!((scores.accuracy - 2.0 / 3.0).abs() < 1e-12 && (scores.macro_f1 - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_first_of_equals_is_best() {
        assert_eq!(best_label(&[0.2, 0.4, 0.4]), 1);
        assert_eq!(best_label(&[]), 0);
    }

    proptest! {
        #[test]
        fn order_of_rows_does_not_matter(rows in prop::collection::vec((0usize..4, 0usize..4), 1..60), turn in 0usize..60) {
            let (truth, predicted): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
            let mut turned = rows.clone();
            turned.rotate_left(turn % rows.len());
            turned.reverse();
            let (turned_truth, turned_predicted): (Vec<_>, Vec<_>) = turned.into_iter().unzip();
            let scores = score_classification(&labels(4), &truth, &predicted);
            prop_assert_eq!(&scores, &score_classification(&labels(4), &turned_truth, &turned_predicted));
            prop_assert!((0.0..=1.0).contains(&scores.macro_f1));
            prop_assert_eq!(scores.rows, truth.len());
        }

        #[test]
        fn the_truth_itself_scores_one(truth in prop::collection::vec(0usize..5, 1..40)) {
            let scores = score_classification(&labels(5), &truth, &truth);
            prop_assert!((scores.accuracy - 1.0).abs() < 1e-12 && (scores.macro_f1 - 1.0).abs() < 1e-12);
        }
    }
}
