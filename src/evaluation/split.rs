//! Which rows are held out of training: about the same share of every label, decided by a seed. Trains nothing.

use crate::random::SplitMix64;

/// Whether each row is held out: `share` of every label, rounded, at least one row and never all of a label that has two.
pub fn hold_out(labels: &[usize], share: f64, seed: u64) -> Vec<bool> {
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); labels.iter().max().map_or(0, |most| most + 1)];
    labels.iter().enumerate().for_each(|(row, label)| groups[*label].push(row));
    let mut held = vec![false; labels.len()];
    for (label, rows) in groups.iter_mut().enumerate() {
        SplitMix64::new(seed.wrapping_add(label as u64)).shuffle(rows);
        let most = rows.len().saturating_sub(1);
        let count = ((rows.len() as f64 * share).round() as usize).clamp(most.min(1), most);
        rows.iter().take(count).for_each(|row| held[*row] = true);
    }
    held
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_label_of_one_row_is_not_held_out() {
        let held = hold_out(&[0, 0, 0, 0, 1], 0.25, 7);
        assert_eq!(held.iter().filter(|held| **held).count(), 1);
        assert!(!held[4]);
    }

    #[test]
    fn the_seed_decides() {
        let labels = vec![0; 50];
        assert_eq!(hold_out(&labels, 0.3, 1), hold_out(&labels, 0.3, 1));
        assert_ne!(hold_out(&labels, 0.3, 1), hold_out(&labels, 0.3, 2));
    }

    proptest! {
        #[test]
        fn every_label_gives_its_share(labels in prop::collection::vec(0usize..4, 1..80), share in 0.05f64..0.95, seed: u64) {
            let held = hold_out(&labels, share, seed);
            for label in 0..4 {
                let rows = labels.iter().filter(|of_row| **of_row == label).count();
                let out = labels.iter().zip(&held).filter(|(of_row, held)| **of_row == label && **held).count();
                prop_assert!(rows == 0 || out < rows);
                prop_assert!((out as f64 - rows as f64 * share).abs() <= 1.0);
            }
        }
    }
}
