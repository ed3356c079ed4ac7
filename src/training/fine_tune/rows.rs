//! What is learnt from: token ids with what is known of each text, and how many labels and models there are. A row may lack any target.

use std::path::Path;

use rayon::prelude::*;

use super::error::FineTuneError;
use crate::embedder::TrainableEncoder;

/// Token ids of texts by a model folder's own tokenizer, the special tokens around them; of a text with more than `most` tokens, two thirds from its front
/// and one third from its back, because what a long prompt asks for stands at one of its ends.
///
/// # Errors
/// Where the folder is no model that can be fine-tuned, or the tokenizer refuses a text.
pub fn tokenize(base: &Path, texts: &[&str], most: usize) -> Result<Vec<Vec<u32>>, FineTuneError> {
    let base = TrainableEncoder::open(base)?;
    let tokens = texts.par_iter().map(|text| base.tokenize_ends(text, most));
    Ok(tokens.collect::<Result<_, _>>()?)
}

/// One text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FineTuneRow {
    /// Token ids with the special tokens around them.
    pub tokens: Vec<u32>,
    /// Index of its task.
    pub task: Option<usize>,
    /// Index of its auxiliary label.
    pub auxiliary: Option<usize>,
    /// Index of its complexity, easiest first.
    pub complexity: Option<usize>,
    /// Quality of the models that answered it: index of the model, 0 to 1.
    pub quality: Vec<(usize, f32)>,
}

/// How many labels and models the heads tell apart. A head with none is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Targets {
    /// Tasks.
    pub tasks: usize,
    /// Labels of the auxiliary field.
    pub auxiliary: usize,
    /// Complexities.
    pub complexities: usize,
    /// Models whose quality is predicted.
    pub models: usize,
}

/// A network's output beside its vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadKind {
    Task,
    Auxiliary,
    Complexity,
    Quality,
}

impl HeadKind {
    pub(super) const ALL: [Self; 4] = [Self::Task, Self::Auxiliary, Self::Complexity, Self::Quality];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Auxiliary => "auxiliary",
            Self::Complexity => "complexity",
            Self::Quality => "quality",
        }
    }
}

impl Targets {
    /// Numbers that a head gives; 0 where there is none. An ordered scale has one for each step between its labels.
    pub(super) fn outputs(&self, kind: HeadKind) -> usize {
        match kind {
            HeadKind::Task => self.tasks,
            HeadKind::Auxiliary => self.auxiliary,
            HeadKind::Complexity => self.complexities.saturating_sub(1),
            HeadKind::Quality => self.models,
        }
    }

    /// Heads that are there.
    pub(super) fn kinds(&self) -> impl Iterator<Item = HeadKind> + '_ {
        HeadKind::ALL.into_iter().filter(|kind| self.outputs(*kind) > 0)
    }

    /// Names and outputs of the heads that are there.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.kinds().map(|kind| (kind.name(), self.outputs(kind)))
    }

    /// Refuses rows whose indices or scores do not fit, and rows without tokens.
    pub(super) fn check(&self, rows: &[FineTuneRow], vocabulary: usize) -> Result<(), FineTuneError> {
        if self.kinds().next().is_none() {
            return Err(FineTuneError::NoTargets);
        }
        for (at, row) in rows.iter().enumerate() {
            let wrong = |what: &'static str| FineTuneError::Row { row: at, what };
            if row.tokens.is_empty() {
                return Err(wrong("it has no token; leave rows without words out"));
            }
            if row.tokens.iter().any(|id| *id as usize >= vocabulary) {
                return Err(wrong(
                    "a token id lies beyond the base model's vocabulary; tokenize with its own tokenizer",
                ));
            }
            let labels = [(row.task, self.tasks), (row.auxiliary, self.auxiliary), (row.complexity, self.complexities)];
            if labels.iter().any(|(label, count)| label.is_some_and(|label| label >= *count)) {
                return Err(wrong("a label's index lies beyond the number of labels"));
            }
            if row.quality.iter().any(|(model, score)| *model >= self.models || !(0.0..=1.0).contains(score)) {
                return Err(wrong("a score lies outside of 0 to 1, or its model beyond the number of models"));
            }
        }
        Ok(())
    }
}

impl FineTuneRow {
    /// The label that a softmax head learns.
    pub(super) fn label(&self, kind: HeadKind) -> Option<usize> {
        match kind {
            HeadKind::Task => self.task,
            HeadKind::Auxiliary => self.auxiliary,
            HeadKind::Complexity => self.complexity,
            HeadKind::Quality => None,
        }
    }

    /// Whether a head learns anything from it.
    pub(super) fn has(&self, kind: HeadKind) -> bool {
        match kind {
            HeadKind::Quality => !self.quality.is_empty(),
            kind => self.label(kind).is_some(),
        }
    }
}

/// blake3 of all rows: what a checkpoint remembers of its data.
pub(super) fn hash_rows(hasher: &mut blake3::Hasher, rows: &[FineTuneRow]) {
    let number = |hasher: &mut blake3::Hasher, number: usize| {
        hasher.update(&(number as u64).to_le_bytes());
    };
    number(hasher, rows.len());
    for row in rows {
        number(hasher, row.tokens.len());
        row.tokens.iter().for_each(|id| {
            hasher.update(&id.to_le_bytes());
        });
        for label in [row.task, row.auxiliary, row.complexity] {
            number(hasher, label.map_or(0, |label| label + 1));
        }
        number(hasher, row.quality.len());
        for (model, score) in &row.quality {
            number(hasher, *model);
            hasher.update(&score.to_le_bytes());
        }
    }
}
