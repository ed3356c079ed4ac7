//! Which rows are learnt from together, and a batch's tokens end to end. Rows of like length share a batch, so that its texts take alike long
//! wherever they are padded.

use crate::embedder::Positions;
use crate::random::SplitMix64;

use super::rows::FineTuneRow;

/// Batches whose rows are sorted by length among themselves: enough that lengths are alike, few enough that batches differ between epochs.
const BATCHES_A_POOL: usize = 16;

/// The batches of one epoch: rows in random order, sorted by length within pools, cut, and the batches in random order again.
pub(super) fn epoch(lengths: &[usize], size: usize, random: &mut SplitMix64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    random.shuffle(&mut order);
    let mut batches = Vec::with_capacity(lengths.len().div_ceil(size));
    for pool in order.chunks_mut(size * BATCHES_A_POOL) {
        pool.sort_by_key(|row| lengths[*row]);
        batches.extend(pool.chunks(size).map(<[usize]>::to_vec));
    }
    random.shuffle(&mut batches);
    batches
}

/// Rows by rising length, for passes whose order does not matter.
pub(super) fn by_length(rows: &[FineTuneRow], size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| rows[*row].tokens.len());
    order.chunks(size).map(<[usize]>::to_vec).collect()
}

/// Tokens of some texts, end to end.
#[derive(Debug, Clone, Default)]
pub(super) struct TokenBatch {
    pub(super) ids: Vec<u32>,
    /// Row of the table of positions for each token.
    pub(super) positions: Vec<u32>,
    /// Where each text begins and ends.
    pub(super) bounds: Vec<usize>,
}

impl TokenBatch {
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a [u32]>, counting: Positions) -> Self {
        let mut batch = Self { bounds: vec![0], ..Self::default() };
        for ids in texts {
            let mut counted = 0;
            for id in ids {
                batch.ids.push(*id);
                batch.positions.push(u32::try_from(counting.row(*id, &mut counted)).unwrap_or(u32::MAX));
            }
            batch.bounds.push(batch.ids.len());
        }
        batch
    }

    pub(super) fn texts(&self) -> usize {
        self.bounds.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_every_row_once_and_rows_of_like_length_together() {
        let lengths: Vec<usize> = (0..1000).map(|row| row * 7919 % 97).collect();
        let batches = epoch(&lengths, 8, &mut SplitMix64::new(1));
        let mut rows: Vec<usize> = batches.concat();
        rows.sort_unstable();
        assert_eq!(rows, (0..1000).collect::<Vec<_>>());
        let spread = |batch: &Vec<usize>| {
            let lengths = || batch.iter().map(|row| lengths[*row]);
            lengths().max().unwrap() - lengths().min().unwrap()
        };
        let mean = batches.iter().map(spread).sum::<usize>() as f64 / batches.len() as f64;
        assert!(mean < 10.0, "{mean}");
        assert_ne!(batches, epoch(&lengths, 8, &mut SplitMix64::new(2)));
    }

    #[test]
    fn positions_are_counted_as_the_family_does() {
        let texts: [&[u32]; 2] = [&[5, 1, 6], &[7]];
        let bert = TokenBatch::of(texts.into_iter(), Positions::FromZero);
        assert_eq!((bert.positions, bert.bounds), (vec![0, 1, 2, 0], vec![0, 3, 4]));
        let roberta = TokenBatch::of(texts.into_iter(), Positions::BehindPadding(1));
        assert_eq!(roberta.positions, [2, 1, 3, 2]);
    }
}
