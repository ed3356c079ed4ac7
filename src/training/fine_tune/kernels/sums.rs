//! Sums over rows, in an order that does not depend on how many threads there are: the rows of a fixed share first, then the shares.

use rayon::prelude::*;

/// Rows of one share.
pub(super) const ROWS_A_SHARE: usize = 64;
/// Numbers that one task adds.
const NUMBERS_A_SHARE: usize = 64 * 1024;

/// The sum of every column.
pub(in super::super) fn column_sums(matrix: &[f32], columns: usize) -> Vec<f32> {
    let shares: Vec<Vec<f32>> = matrix
        .par_chunks(ROWS_A_SHARE * columns)
        .map(|share| {
            let mut sums = vec![0.0; columns];
            for row in share.chunks_exact(columns) {
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
            sums
        })
        .collect();
    added_up(shares.iter().map(Vec::as_slice), columns)
}

/// The shares one after the other.
pub(super) fn added_up<'a>(shares: impl Iterator<Item = &'a [f32]>, columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    for share in shares {
        sums.iter_mut().zip(share).for_each(|(sum, x)| *sum += x);
    }
    sums
}

/// Adds number by number.
pub(in super::super) fn add(into: &mut [f32], numbers: &[f32]) {
    let share = NUMBERS_A_SHARE;
    into.par_chunks_mut(share).zip(numbers.par_chunks(share)).for_each(|(into, numbers)| {
        into.iter_mut().zip(numbers).for_each(|(x, number)| *x += number);
    });
}
