//! What training sees of the rows: vectors and labels. How they came from files is the command's business.

use std::collections::{BTreeMap, HashMap};

use super::TrainingError;
use crate::classifier::InputRecord;
use crate::embedder::EmbedderIdentity;

/// More labels than this in one head are almost surely a field of free text.
const MOST_LABELS: usize = 20_000;

/// One labelled prompt.
#[derive(Debug, Clone)]
pub struct Example {
    /// For messages.
    pub id: String,
    /// The prompt, if the artifact may keep it.
    pub text: Option<String>,
    /// The prompt's vector.
    pub vector: Vec<f32>,
    /// Its task, if labelled.
    pub task: Option<String>,
    /// Its complexity, if labelled.
    pub complexity: Option<String>,
}

/// How models answered one prompt.
#[derive(Debug, Clone)]
pub struct OutcomeExample {
    /// The classifier's features, one vector for each of its embedders.
    pub features: crate::classifier::Features,
    /// Quality per model, 0..1.
    pub scores: BTreeMap<String, f64>,
}

/// All rows for one artifact.
#[derive(Debug, Clone)]
pub struct TrainingSet {
    /// What made the vectors.
    pub embedder: EmbedderIdentity,
    /// The rows.
    pub examples: Vec<Example>,
    /// Where they came from, for the card.
    pub inputs: Vec<InputRecord>,
}

/// The rows that carry one kind of label, with the labels as indices.
pub(super) struct Labelled<'a> {
    pub(super) target: &'static str,
    pub(super) names: Vec<String>,
    pub(super) vectors: Vec<&'a [f32]>,
    pub(super) labels: Vec<usize>,
}

impl<'a> Labelled<'a> {
    /// Tasks, in the order of `preferred` where they stand there and by name after that. `None` if no row has one.
    pub(super) fn tasks(examples: &'a [Example], preferred: &[String]) -> Result<Option<Self>, TrainingError> {
        let rows = rows_of(examples, |example| example.task.as_deref());
        let mut names: Vec<String> = distinct(&rows);
        names
            .sort_by_key(|name| (preferred.iter().position(|known| known == name).unwrap_or(usize::MAX), name.clone()));
        Self::new("task", names, &rows)
    }

    /// Complexities in the order given, or in the built-in order. `None` if no row has one.
    pub(super) fn complexities(
        examples: &'a [Example],
        order: Option<&[String]>,
        builtin_order: &[String],
    ) -> Result<Option<Self>, TrainingError> {
        let rows = rows_of(examples, |example| example.complexity.as_deref());
        let mut found = distinct(&rows);
        found.sort();
        let names = match order {
            Some(order) => {
                if let Some((example, label)) = rows.iter().find(|(_, label)| !order.iter().any(|name| name == label)) {
                    return Err(TrainingError::NotInOrder {
                        label: (*label).to_owned(),
                        id: example.id.clone(),
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
        Self::new("complexity", names, &rows)
    }

    fn new(
        target: &'static str,
        names: Vec<String>,
        rows: &[(&'a Example, &'a str)],
    ) -> Result<Option<Self>, TrainingError> {
        if rows.is_empty() {
            return Ok(None);
        }
        if let [label] = names.as_slice() {
            return Err(TrainingError::OneLabel { target, label: label.clone(), rows: rows.len() });
        }
        if names.len() > MOST_LABELS {
            return Err(TrainingError::TooManyLabels { target, found: names.len(), most: MOST_LABELS });
        }
        let index: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let labels: Vec<usize> = rows.iter().filter_map(|(_, label)| index.get(label).copied()).collect();
        let mut counts = vec![0usize; names.len()];
        labels.iter().for_each(|&label| counts[label] += 1);
        if let Some(label) = counts.iter().position(|&count| count == 1) {
            let row = labels.iter().position(|&of_row| of_row == label).unwrap_or(0);
            return Err(TrainingError::LoneRow { target, label: names[label].clone(), id: rows[row].0.id.clone() });
        }
        let vectors = rows.iter().map(|(example, _)| example.vector.as_slice()).collect();
        Ok(Some(Self { target, names, vectors, labels }))
    }
}

fn rows_of<'a>(examples: &'a [Example], label: impl Fn(&'a Example) -> Option<&'a str>) -> Vec<(&'a Example, &'a str)> {
    examples.iter().filter_map(|example| label(example).map(|label| (example, label))).collect()
}

fn distinct(rows: &[(&Example, &str)]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    rows.iter().filter(|(_, label)| seen.insert(*label)).map(|(_, label)| (*label).to_owned()).collect()
}
