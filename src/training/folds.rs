//! Which rows are held out when: whole batches where there are enough of them, otherwise the same share of every label.

use super::labelled::Labelled;
use super::set::TrainingSet;
use crate::random::SplitMix64;

/// Folds where rows are held out.
const ROW_FOLDS: usize = 5;
/// Folds where batches are held out: more, so that each training lacks few of them.
const BATCH_FOLDS: usize = 10;
/// Whole batches are held out where there are this many of some size.
const LEAST_BATCHES: usize = 6;
/// The share of the rows that the largest batch may have for that.
const MOST_OF_ONE_BATCH: f64 = 0.4;
/// The fold of rows that are never held out.
const NEVER: usize = usize::MAX;
/// Rows held out beyond these would hardly change a temperature or a threshold.
const ENOUGH_ROWS: usize = 5_000;

/// How one label field's rows are held out.
#[derive(Debug, Clone)]
pub(super) struct Folds {
    pub(super) count: usize,
    /// How many of the folds, from the first, are held out and measured.
    pub(super) measured: usize,
    /// Fold of every row of the set; a copy has its original's.
    pub(super) of_row: Vec<usize>,
    /// `batches` or `rows`, or which rows else.
    pub(super) kind: &'static str,
}

impl Folds {
    /// Held-out rows that come from other batches than the training rows say what a router will do with prompts from elsewhere;
    /// rows of the same batches would flatter it.
    pub(super) fn of(set: &TrainingSet, data: &Labelled, seed: u64) -> Self {
        Self::of_tuned(set, &data.measurable(set)).unwrap_or_else(|| Self::of_all(set, data, seed))
    }

    /// The same for heads that read nothing of an encoder that was fine-tuned on the rows.
    pub(super) fn of_all(set: &TrainingSet, data: &Labelled, seed: u64) -> Self {
        let originals = data.measurable(set);
        let truth = data.truth(&originals);
        let batches: Vec<usize> = originals.iter().map(|row| set.rows[*row].batch).collect();
        let (kind, count, measured, of_original) = match by_batch(&batches, &truth) {
            Some((count, folds)) => ("batches", count, count, folds),
            None => {
                let count = ROW_FOLDS.min(originals.len());
                let enough = (ENOUGH_ROWS * count).div_ceil(originals.len().max(1)).clamp(1, count);
                ("rows", count, enough, stratified_folds(&truth, count, seed))
            }
        };
        let mut of_row = vec![NEVER; set.len()];
        for (row, fold) in originals.iter().zip(of_original) {
            of_row[*row] = fold;
        }
        for (at, row) in set.rows.iter().enumerate() {
            if let Some(original) = row.copy_of {
                of_row[at] = of_row[original];
            }
        }
        Self { count, measured, of_row, kind }
    }

    /// Where an encoder was fine-tuned on the rows, those that were kept from it: its vectors of the others would flatter every head. `None` where none of
    /// them has a label of this field.
    fn of_tuned(set: &TrainingSet, originals: &[usize]) -> Option<Self> {
        let tuned = set.tuned.as_ref()?;
        let mut of_row = vec![1; set.len()];
        tuned.kept_from_it.iter().for_each(|row| of_row[*row] = 0);
        for (at, row) in set.rows.iter().enumerate() {
            if let Some(original) = row.copy_of {
                of_row[at] = of_row[original];
            }
        }
        let is_measured = originals.iter().any(|row| of_row[*row] == 0);
        is_measured.then_some(Self { count: 2, measured: 1, of_row, kind: "rows kept from the encoder" })
    }

    /// The same folds, every one of them measured.
    pub(super) fn measuring_all(self) -> Self {
        Self { measured: self.count, ..self }
    }

    /// The rows that are measured, in the order in which they are.
    pub(super) fn measured_rows(&self, set: &TrainingSet, data: &Labelled) -> Vec<usize> {
        (0..self.measured).flat_map(|fold| self.split(set, data, fold).1).collect()
    }

    /// Rows to learn from (with copies) and rows to measure on (without) when one fold is held out.
    pub(super) fn split(&self, set: &TrainingSet, data: &Labelled, fold: usize) -> (Vec<usize>, Vec<usize>) {
        let used = data.rows.iter().copied().filter(|row| self.of_row[*row] != fold).collect();
        let held = data.originals(set).into_iter().filter(|row| self.of_row[*row] == fold).collect();
        (used, held)
    }
}

/// Rows to keep from whatever learns from the others, as near to the share as whole batches come where there are enough of them: what is chosen on rows of
/// batches that were learnt from would suit their writers better than anybody else. Otherwise the share of every label.
pub fn kept_rows(batches: &[usize], labels: &[usize], share: f64, seed: u64) -> Vec<usize> {
    let count = ((1.0 / share).round() as usize).max(2);
    let (folds, of_row) = by_batch(batches, labels).unwrap_or_else(|| (count, stratified_folds(labels, count, seed)));
    // Folds of batches have a size of their own, and several of them may make up the share.
    let kept = (folds as f64 * share).round().clamp(1.0, (folds - 1).max(1) as f64) as usize;
    of_row.iter().enumerate().filter(|(_, fold)| **fold < kept).map(|(row, _)| row).collect()
}

/// Batches dealt to folds, the largest first, each to the emptiest fold. `None` where there are too few, or where a label would
/// stand in one fold alone.
fn by_batch(batches: &[usize], truth: &[usize]) -> Option<(usize, Vec<usize>)> {
    let mut sizes = std::collections::BTreeMap::<usize, usize>::new();
    batches.iter().for_each(|batch| *sizes.entry(*batch).or_default() += 1);
    let largest = *sizes.values().max()?;
    if sizes.len() < LEAST_BATCHES || largest as f64 > MOST_OF_ONE_BATCH * batches.len() as f64 {
        return None;
    }
    let folds = BATCH_FOLDS.min(sizes.len());
    let mut largest_first: Vec<(usize, usize)> = sizes.into_iter().collect();
    largest_first.sort_by_key(|(batch, size)| (std::cmp::Reverse(*size), *batch));
    let mut filled = vec![0usize; folds];
    let mut fold_of_batch = std::collections::BTreeMap::new();
    for (batch, size) in largest_first {
        let emptiest = (0..folds).min_by_key(|fold| filled[*fold])?;
        filled[emptiest] += size;
        fold_of_batch.insert(batch, emptiest);
    }
    let of_row: Vec<usize> = batches.iter().map(|batch| fold_of_batch[batch]).collect();
    let mut folds_of_label = std::collections::BTreeMap::<usize, std::collections::BTreeSet<usize>>::new();
    of_row.iter().zip(truth).for_each(|(fold, label)| {
        folds_of_label.entry(*label).or_default().insert(*fold);
    });
    folds_of_label.values().all(|folds| folds.len() > 1).then_some((folds, of_row))
}

/// The fold of each row, 0 to `folds` - 1. Rows of a label are dealt out in shuffled order, so that each fold holds its share.
pub fn stratified_folds(labels: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..labels.len()).collect();
    SplitMix64::new(seed).shuffle(&mut rows);
    rows.sort_by_key(|&row| labels[row]);
    let mut fold_of = vec![0; labels.len()];
    // Every label starts at the fold where the one before it stopped, so that the folds stay equally large.
    for (dealt, row) in rows.into_iter().enumerate() {
        fold_of[row] = dealt % folds.max(1);
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_batches_are_kept_where_there_are_enough() {
        let batches: Vec<usize> = (0..200).map(|row| row % 20).collect();
        let labels: Vec<usize> = (0..200).map(|row| row / 20 % 2).collect();
        let kept = kept_rows(&batches, &labels, 0.1, 1);
        assert_eq!(kept.len(), 20);
        let of_kept: std::collections::BTreeSet<usize> = kept.iter().map(|row| batches[*row]).collect();
        assert_eq!(of_kept.len(), 2, "two batches, and all of each: {kept:?}");

        let one_batch = kept_rows(&[0; 200], &labels, 0.1, 1);
        assert_eq!(one_batch.len(), 20);
        assert_eq!(one_batch.iter().filter(|row| labels[**row] == 0).count(), 10);
    }

    proptest! {
        #[test]
        fn every_label_is_spread_evenly(labels in proptest::collection::vec(0usize..6, 1..300), folds in 2usize..8, seed: u64) {
            let fold_of = stratified_folds(&labels, folds, seed);
            for label in 0..6 {
                let mut counts = vec![0usize; folds];
                labels.iter().zip(&fold_of).filter(|(l, _)| **l == label).for_each(|(_, &fold)| counts[fold] += 1);
                let most = counts.iter().max().copied().unwrap_or(0);
                let least = counts.iter().min().copied().unwrap_or(0);
                prop_assert!(most - least <= 1, "{counts:?}");
            }
            prop_assert_eq!(fold_of, stratified_folds(&labels, folds, seed));
        }
    }
}
