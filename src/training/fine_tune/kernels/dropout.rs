//! Dropout by counting: whether a number is dropped follows from a seed, its row and its place in it, so that the backward pass finds the same ones
//! without remembering them, whichever thread asks.

use crate::random::SplitMix64;

/// Steps of the rate: a number is dropped where 16 random bits are below it.
const STEPS: f32 = 65_536.0;

/// Which numbers of a matrix are dropped, and by how much the others grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Dropout {
    below: u64,
    scale: f32,
    seed: u64,
}

impl Dropout {
    /// `rate`: the share that is dropped, below 1.
    pub(in super::super) fn new(rate: f32, seed: u64) -> Self {
        let below = (rate * STEPS).round().clamp(0.0, STEPS - 1.0);
        Self { below: below as u64, scale: STEPS / (STEPS - below), seed }
    }

    /// Drops nothing.
    pub(in super::super) fn none() -> Self {
        Self::new(0.0, 0)
    }

    pub(in super::super) fn is_none(&self) -> bool {
        self.below == 0
    }

    /// What each number of this row is multiplied with: 0, or the scale.
    pub(in super::super) fn factors(&self, row: usize, factors: &mut [f32]) {
        if self.is_none() {
            factors.fill(1.0);
            return;
        }
        // Far apart for neighbouring rows: the generator's own first number.
        let mut random = SplitMix64::new(SplitMix64::new(self.seed ^ row as u64).next());
        for four in factors.chunks_mut(4) {
            let mut bits = random.next();
            for factor in four {
                *factor = if bits & 0xffff < self.below { 0.0 } else { self.scale };
                bits >>= 16;
            }
        }
    }

    /// Drops numbers of one row.
    pub(in super::super) fn apply(&self, row: usize, numbers: &mut [f32], room: &mut [f32]) {
        if self.is_none() {
            return;
        }
        let factors = &mut room[..numbers.len()];
        self.factors(row, factors);
        numbers.iter_mut().zip(factors).for_each(|(x, factor)| *x *= *factor);
    }
}
