//! Whether novelty tells prompts of no known label from the others, and how the verdict `known: false` does.

use serde::Serialize;

use super::ordinal::mean_ranks;

/// How well rows of no known label were recognised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AbstentionScores {
    /// Rows of a known label.
    pub known_rows: usize,
    /// Rows of none.
    pub unknown_rows: usize,
    /// Chance that a row of no known label is more novel than one of a known label, ties counting half (area under the ROC
    /// curve as Mann and Whitney's U). None where one of the two kinds is missing.
    pub novelty_auroc: Option<f64>,
    /// Of the rows that were called unknown, the share that are.
    pub precision: f64,
    /// Of the rows of no known label, the share that were called unknown.
    pub recall: f64,
    /// Share of rows of a known label that were called unknown.
    pub false_alarms: f64,
    /// Share of all rows answered right: the right label and called known, or unknown and called so.
    pub accuracy_with_unknown: f64,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbstentionRow {
    /// Whether the row's label is a known one.
    pub is_known: bool,
    /// Whether the router called it known.
    pub called_known: bool,
    /// Its novelty.
    pub novelty: f64,
    /// Whether the predicted label is the true one.
    pub label_right: bool,
}

/// Scores rows.
pub fn score_abstention(rows: &[AbstentionRow]) -> AbstentionScores {
    let count = |keep: &dyn Fn(&AbstentionRow) -> bool| rows.iter().filter(|row| keep(row)).count();
    let known_rows = count(&|row| row.is_known);
    let unknown_rows = rows.len() - known_rows;
    let called_unknown = count(&|row| !row.called_known);
    let found = count(&|row| !row.called_known && !row.is_known);
    let right = found + count(&|row| row.called_known && row.is_known && row.label_right);
    AbstentionScores {
        known_rows,
        unknown_rows,
        novelty_auroc: auroc(rows, known_rows, unknown_rows),
        precision: share(found, called_unknown),
        recall: share(found, unknown_rows),
        false_alarms: share(called_unknown - found, known_rows),
        accuracy_with_unknown: share(right, rows.len()),
    }
}

fn auroc(rows: &[AbstentionRow], known_rows: usize, unknown_rows: usize) -> Option<f64> {
    if known_rows == 0 || unknown_rows == 0 {
        return None;
    }
    let novelty: Vec<f64> = rows.iter().map(|row| row.novelty).collect();
    let ranks = mean_ranks(&novelty);
    let sum: f64 = ranks.iter().zip(rows).filter(|(_, row)| !row.is_known).map(|(rank, _)| rank).sum();
    let unknown = unknown_rows as f64;
    Some((sum - unknown * (unknown + 1.0) / 2.0) / (unknown * known_rows as f64))
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(is_known: bool, novelty: f64) -> AbstentionRow {
        AbstentionRow { is_known, called_known: novelty < 0.5, novelty, label_right: is_known }
    }

    #[test]
    fn a_case_worked_by_hand() {
        let scores =
            score_abstention(&[row(true, 0.1), row(true, 0.6), row(false, 0.6), row(false, 0.9), row(false, 0.2)]);
        // Pairs (unknown, known): 0.6 beats 0.1 and ties 0.6; 0.9 beats both; 0.2 beats 0.1: 1.5 + 2 + 1 of 6.
        assert!(scores.novelty_auroc.is_some_and(|area| (area - 4.5 / 6.0).abs() < 1e-12));
        assert!((scores.precision - 2.0 / 3.0).abs() < 1e-12);
        assert!((scores.recall - 2.0 / 3.0).abs() < 1e-12);
        assert!((scores.false_alarms - 0.5).abs() < 1e-12);
        assert!((scores.accuracy_with_unknown - 3.0 / 5.0).abs() < 1e-12);
    }

    #[test]
    fn one_kind_alone_has_no_area() {
        assert_eq!(score_abstention(&[row(true, 0.1)]).novelty_auroc, None);
    }
}
