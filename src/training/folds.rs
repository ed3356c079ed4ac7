//! Which rows are held out when: the same share of every label in every fold.

use super::random::SplitMix64;

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
