//! What is learnt from: token ids with what is known of each text, and how many labels and models there are. A row may lack any target.

use std::borrow::Cow;
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
    /// The same text with slips and greetings, read instead of it in some epochs; never when it is measured.
    pub copies: Vec<Vec<u32>>,
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
            if row.copies.iter().any(Vec::is_empty) {
                return Err(wrong("a copy of it has no token; leave such copies out"));
            }
            if row.texts().flatten().any(|id| *id as usize >= vocabulary) {
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
    /// Its own tokens, and those of its copies.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Vec<u32>> {
        std::iter::once(&self.tokens).chain(&self.copies)
    }

    /// The row as it is read at its `turn`: itself, then one copy after the other, and again.
    pub(super) fn at_turn(&self, turn: usize) -> Cow<'_, Self> {
        match (turn % (self.copies.len() + 1)).checked_sub(1) {
            None => Cow::Borrowed(self),
            Some(copy) => {
                let (tokens, quality) = (self.copies[copy].clone(), self.quality.clone());
                Cow::Owned(Self { tokens, copies: Vec::new(), quality, ..*self })
            }
        }
    }

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
        for copy in &row.copies {
            number(hasher, copy.len());
        }
        row.texts().flatten().for_each(|id| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_its_copies_are_read_in_turns() {
        let row =
            FineTuneRow { tokens: vec![1], copies: vec![vec![2], vec![3]], task: Some(4), ..FineTuneRow::default() };
        let read: Vec<u32> = (0..6).map(|turn| row.at_turn(turn).tokens[0]).collect();
        assert_eq!(read, [1, 2, 3, 1, 2, 3]);
        assert_eq!(row.at_turn(1).task, Some(4), "a copy has its row's targets");
        let alone = FineTuneRow { tokens: vec![1], ..FineTuneRow::default() };
        assert_eq!(*alone.at_turn(5), alone);
    }

    #[test]
    fn copies_are_checked_and_belong_to_the_run() {
        let targets = Targets { tasks: 2, ..Targets::default() };
        let with =
            |copies: Vec<Vec<u32>>| FineTuneRow { tokens: vec![1, 2], copies, task: Some(0), ..FineTuneRow::default() };
        assert!(targets.check(&[with(vec![vec![3]])], 4).is_ok());
        for (copies, what) in [(vec![vec![4]], "vocabulary"), (vec![vec![]], "no token")] {
            let refused = targets.check(&[with(copies)], 4).map_err(|error| error.to_string());
            assert!(refused.as_ref().is_err_and(|message| message.contains(what)), "{refused:?}");
        }
        let hash = |row: FineTuneRow| {
            let mut hasher = blake3::Hasher::new();
            hash_rows(&mut hasher, &[row]);
            hasher.finalize()
        };
        assert_ne!(hash(with(vec![vec![3], vec![1]])), hash(with(vec![vec![3, 1]])));
        assert_ne!(hash(with(vec![vec![3]])), hash(with(vec![])));
    }
}
