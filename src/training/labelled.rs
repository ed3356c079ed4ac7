//! The rows that carry one kind of label, with the labels as indices. Every fault of the labels is found here, before anything is
//! computed.

use std::collections::HashMap;

use super::TrainingError;
use super::set::{LabelledPrompt, TrainingSet};

/// More labels than this in one head are almost surely a field of free text.
const MOST_LABELS: usize = 1_000;

/// One label field of a set.
pub(super) struct Labelled {
    pub(super) target: &'static str,
    pub(super) names: Vec<String>,
    /// Indices into the set, copies included.
    pub(super) rows: Vec<usize>,
    /// Label of every row of the set; 0 where it has none.
    pub(super) labels: Vec<usize>,
}

impl Labelled {
    /// Tasks, in the order of `preferred` where they stand there and by name after that. `None` if no row has one.
    pub(super) fn tasks(rows: &[LabelledPrompt], preferred: &[String]) -> Result<Option<Self>, TrainingError> {
        let labelled = rows_of(rows, |row| row.task.as_deref());
        let mut names: Vec<String> = distinct(&labelled);
        names
            .sort_by_key(|name| (preferred.iter().position(|known| known == name).unwrap_or(usize::MAX), name.clone()));
        Self::new("task", names, rows, &labelled)
    }

    /// Complexities in the order given, or in the built-in order. `None` if no row has one.
    pub(super) fn complexities(
        rows: &[LabelledPrompt],
        order: Option<&[String]>,
        builtin_order: &[String],
    ) -> Result<Option<Self>, TrainingError> {
        let labelled = rows_of(rows, |row| row.complexity.as_deref());
        let mut found = distinct(&labelled);
        found.sort();
        let names = match order {
            Some(order) => {
                if let Some((row, label)) = labelled.iter().find(|(_, label)| !order.iter().any(|name| name == label)) {
                    return Err(TrainingError::NotInOrder {
                        label: (*label).to_owned(),
                        place: rows[*row].place.clone(),
                        order: order.to_vec(),
                    });
                }
                if let Some(label) = order.iter().find(|name| !found.contains(name)) {
                    return Err(TrainingError::EmptyOrderLabel { label: label.clone() });
                }
                order.to_vec()
            }
            None if found.iter().all(|name| builtin_order.contains(name)) => {
                builtin_order.iter().filter(|name| found.contains(name)).cloned().collect()
            }
            None => return Err(TrainingError::UnknownOrder { found }),
        };
        Self::new("complexity", names, rows, &labelled)
    }

    fn new(
        target: &'static str,
        names: Vec<String>,
        rows: &[LabelledPrompt],
        labelled: &[(usize, &str)],
    ) -> Result<Option<Self>, TrainingError> {
        if labelled.is_empty() {
            return Ok(None);
        }
        let originals = || labelled.iter().filter(|(row, _)| rows[*row].copy_of.is_none());
        if let [label] = names.as_slice() {
            return Err(TrainingError::OneLabel { target, label: label.clone(), rows: originals().count() });
        }
        if names.len() > MOST_LABELS {
            return Err(TrainingError::TooManyLabels { target, found: names.len(), most: MOST_LABELS });
        }
        let index: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let mut labels = vec![0; rows.len()];
        for (row, label) in labelled {
            labels[*row] = index.get(label).copied().unwrap_or(0);
        }
        let mut counts = vec![0usize; names.len()];
        originals().for_each(|(row, _)| counts[labels[*row]] += 1);
        if let Some(label) = counts.iter().position(|&count| count == 1) {
            let row = originals().find(|(row, _)| labels[*row] == label).map_or(0, |(row, _)| *row);
            return Err(TrainingError::LoneRow { target, label: names[label].clone(), place: rows[row].place.clone() });
        }
        Ok(Some(Self { target, names, rows: labelled.iter().map(|(row, _)| *row).collect(), labels }))
    }

    /// Labelled rows that are no copies.
    pub(super) fn originals(&self, set: &TrainingSet) -> Vec<usize> {
        self.rows.iter().copied().filter(|row| set.rows[*row].copy_of.is_none()).collect()
    }

    /// Those of them that may be measured on.
    pub(super) fn measurable(&self, set: &TrainingSet) -> Vec<usize> {
        self.originals(set).into_iter().filter(|row| !set.rows[*row].is_extra).collect()
    }

    /// Whether the most frequent label has fewer than `times` the rows of the rarest.
    pub(super) fn is_even(&self, times: usize) -> bool {
        let mut counts = vec![0usize; self.names.len()];
        self.rows.iter().for_each(|row| counts[self.labels[*row]] += 1);
        let (most, least) = (counts.iter().max().copied().unwrap_or(0), counts.iter().min().copied().unwrap_or(0));
        most < times * least.max(1)
    }

    /// What a row of each label counts among these rows: with a balance of 0 every row the same, with 1 every label.
    pub(super) fn label_weights(&self, rows: &[usize], balance: f32) -> Vec<f32> {
        let labels = self.names.len();
        let mut counts = vec![0usize; labels];
        rows.iter().for_each(|row| counts[self.labels[*row]] += 1);
        let even = |count: usize| rows.len() as f64 / (labels * count.max(1)) as f64;
        counts.into_iter().map(|count| libm::pow(even(count), f64::from(balance)) as f32).collect()
    }

    /// The labels of some rows.
    pub(super) fn truth(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|row| self.labels[*row]).collect()
    }
}

fn rows_of<'a>(
    rows: &'a [LabelledPrompt],
    label: impl Fn(&'a LabelledPrompt) -> Option<&'a str>,
) -> Vec<(usize, &'a str)> {
    rows.iter().enumerate().filter_map(|(at, row)| label(row).map(|label| (at, label))).collect()
}

fn distinct(rows: &[(usize, &str)]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    rows.iter().filter(|(_, label)| seen.insert(*label)).map(|(_, label)| (*label).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balance_moves_weight_from_frequent_labels_to_rare_ones() {
        let labels = vec![0, 0, 0, 0, 0, 0, 1, 1];
        let data = Labelled { target: "task", names: vec!["a".into(), "b".into()], rows: (0..8).collect(), labels };
        let all: Vec<usize> = (0..8).collect();
        assert_eq!(data.label_weights(&all, 0.0), [1.0, 1.0]);
        let even = data.label_weights(&all, 1.0);
        assert_eq!([even[0] * 6.0, even[1] * 2.0], [4.0, 4.0], "every label the same, and all rows as before");
        let between = data.label_weights(&all, 0.5);
        assert!(even[0] < between[0] && between[0] < 1.0 && 1.0 < between[1] && between[1] < even[1], "{between:?}");
        assert!(data.label_weights(&[6, 7], 0.5)[0].is_finite(), "a label without rows");
    }
}
