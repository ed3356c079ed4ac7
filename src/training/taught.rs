//! Prompts without labels, each with what a fine-tuned encoder's heads said of it: columns of what a first tier reads, and the teacher's scores. However many are
//! told, they fit into a bounded memory. Where they come from is the command's business; what is learnt from them, `distilled_head`'s.

use std::sync::Arc;

use super::design::{Design, NgramRows, VectorColumn};
use super::network_head::{NetworkHead, TunedEncoder};
use crate::classifier::{Features, SURFACE_FEATURES};

/// n-grams that are kept, six bytes each: a gigabyte, or 100,000 prompts of 40 words. Beyond that every second row goes.
const MOST_NGRAMS: usize = 170_000_000;

/// Rows that a first tier learns from a teacher.
#[derive(Debug, Clone, Default)]
pub struct TaughtRows {
    ngrams: NgramRows,
    surface: Vec<[f32; SURFACE_FEATURES]>,
    vectors: VectorColumn,
    task: Said,
    complexity: Said,
    /// One of so many rows is kept.
    every: usize,
    told: usize,
    most_ngrams: usize,
}

/// What one head of the teacher said of every row, before its temperature.
#[derive(Debug, Clone, Default)]
struct Said {
    outputs: usize,
    scores: Vec<f32>,
}

impl TaughtRows {
    /// None yet; vectors of the first embedder have so many numbers.
    pub fn new(dims: usize) -> Self {
        let vectors = VectorColumn { dims, values: Vec::new() };
        Self { vectors, every: 1, most_ngrams: MOST_NGRAMS, ..Self::default() }
    }

    /// Adds a prompt that has vectors of the first embedder and of the teacher's.
    pub fn push(&mut self, features: &Features, teacher: &TunedEncoder) {
        self.told += 1;
        let (Some(first), Some(taught)) = (features.vector(0), features.vector(teacher.embedder)) else { return };
        if !(self.told - 1).is_multiple_of(self.every) {
            return;
        }
        self.ngrams.push(features);
        self.surface.push(features.surface);
        self.vectors.values.extend_from_slice(first);
        for (head, said) in [(&teacher.task, &mut self.task), (&teacher.complexity, &mut self.complexity)] {
            if let Some(head) = head {
                let scores = head.scores(taught);
                said.outputs = scores.len();
                said.scores.extend(scores);
            }
        }
        if self.ngrams.ngrams() > self.most_ngrams && self.len() > 1 {
            self.thin();
        }
    }

    /// Rows that are kept.
    pub fn len(&self) -> usize {
        self.surface.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.surface.is_empty()
    }

    fn thin(&mut self) {
        self.every *= 2;
        self.ngrams.thin();
        let kept = |width: usize, values: &mut Vec<f32>| {
            let rows = values.chunks_exact(width.max(1)).step_by(2);
            *values = rows.flatten().copied().collect();
        };
        self.surface = self.surface.iter().step_by(2).copied().collect();
        kept(self.vectors.dims, &mut self.vectors.values);
        kept(self.task.outputs, &mut self.task.scores);
        kept(self.complexity.outputs, &mut self.complexity.scores);
    }

    /// With a set's own rows behind them, weighed together: an n-gram that no labelled row has is worth learning here.
    pub(super) fn join(
        self,
        ngrams: &NgramRows,
        surface: &[[f32; SURFACE_FEATURES]],
        vectors: &VectorColumn,
    ) -> JoinedRows {
        let taught = self.len();
        let mut joined = JoinedRows {
            taught,
            ngrams: self.ngrams,
            idf: Arc::default(),
            surface: self.surface,
            vectors: self.vectors,
            task: self.task,
            complexity: self.complexity,
        };
        joined.ngrams.append(ngrams);
        joined.surface.extend_from_slice(surface);
        joined.vectors.values.extend_from_slice(&vectors.values);
        joined.idf = joined.ngrams.finish().into();
        joined
    }
}

/// Taught rows first, then the rows of a set.
pub(super) struct JoinedRows {
    /// How many are taught: the set's own row 0 stands here.
    pub(super) taught: usize,
    ngrams: NgramRows,
    idf: Arc<[f32]>,
    surface: Vec<[f32; SURFACE_FEATURES]>,
    vectors: VectorColumn,
    task: Said,
    complexity: Said,
}

impl JoinedRows {
    /// What a linear head reads of all rows.
    pub(super) fn design(&self, scale: f32) -> Design<'_> {
        Design::new(&self.ngrams, &self.idf, &self.surface, (0, &self.vectors, scale))
    }

    /// What the teacher said of a taught row; empty where it has no head for the field.
    pub(super) fn said(&self, target: &str, row: usize) -> &[f32] {
        let said = if target == "task" { &self.task } else { &self.complexity };
        said.scores.get(row * said.outputs..(row + 1) * said.outputs).unwrap_or_default()
    }

    /// Whether the teacher's opinions are this head's.
    pub(super) fn is_taught_by(&self, target: &str, head: &NetworkHead) -> bool {
        self.said(target, 0).len() == head.intercepts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teacher() -> TunedEncoder {
        let head = NetworkHead {
            labels: vec!["a".into(), "b".into()],
            weights: vec![1.0, 0.0, 0.0, 1.0],
            intercepts: vec![0.0, 0.5],
        };
        TunedEncoder { embedder: 1, task: Some(head), ..TunedEncoder::default() }
    }

    fn features(number: f32) -> Features {
        Features {
            ngrams: vec![(7, 1), (9, 2)],
            vectors: vec![Some(vec![number]), Some(vec![number, -number])],
            ..Features::default()
        }
    }

    #[test]
    fn more_rows_than_fit_are_thinned_evenly_and_every_column_alike() {
        let mut rows = TaughtRows { most_ngrams: 20, ..TaughtRows::new(1) };
        for number in 0..37 {
            rows.push(&features(number as f32), &teacher());
        }
        assert!(rows.ngrams.ngrams() <= 22 && rows.len() >= 5, "{} rows", rows.len());
        assert_eq!(rows.ngrams.len(), rows.len());
        let (kept, every) = (rows.vectors.values.clone(), rows.every as f32);
        for (at, number) in kept.iter().enumerate() {
            assert_eq!(*number, at as f32 * every, "{kept:?}");
            assert_eq!(rows.task.scores[at * 2..at * 2 + 2], [*number, 0.5 - number]);
        }
        let joined = rows.clone().join(&rows.ngrams, &rows.surface, &rows.vectors);
        assert_eq!(joined.surface.len(), 2 * rows.len());
        assert_eq!(joined.said("task", 1), [kept[1], 0.5 - kept[1]]);
        assert!(joined.said("complexity", 1).is_empty());
    }
}
