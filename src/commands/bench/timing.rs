//! Repeated timing: warm up, then take the distribution and not the mean.

use std::time::{Duration, Instant};

/// Percentiles of repeated runs.
pub(super) struct Timing {
    sorted: Vec<Duration>,
}

impl Timing {
    /// Runs `work` for about `budget` after a warm-up, at least ten and at most ten thousand times.
    pub(super) fn of<E>(budget: Duration, mut work: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        for _ in 0..3 {
            work()?;
        }
        let started = Instant::now();
        let mut runs = Vec::new();
        while (started.elapsed() < budget && runs.len() < 10_000) || runs.len() < 10 {
            let run = Instant::now();
            work()?;
            runs.push(run.elapsed());
        }
        Ok(Self::from_runs(runs))
    }

    /// From durations that were taken elsewhere.
    pub(super) fn from_runs(mut runs: Vec<Duration>) -> Self {
        runs.sort();
        Self { sorted: runs }
    }

    /// How many there were.
    pub(super) fn runs(&self) -> usize {
        self.sorted.len()
    }

    /// The duration that this share of the runs did not exceed, in microseconds with three digits.
    pub(super) fn percentile_us(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let index = (share * last as f64).round() as usize;
        let nanos = self.sorted.get(index).map_or(0, Duration::as_nanos) as f64;
        (nanos / 1e3 * 1e3).round() / 1e3
    }

    /// The median in microseconds.
    pub(super) fn p50_us(&self) -> f64 {
        self.percentile_us(0.5)
    }

    /// As `percentile_us`, in milliseconds.
    pub(super) fn percentile_ms(&self, share: f64) -> f64 {
        in_ms(self.percentile_us(share))
    }

    /// The median in milliseconds.
    pub(super) fn p50_ms(&self) -> f64 {
        self.percentile_ms(0.5)
    }
}

/// Microseconds as milliseconds, to the microsecond.
pub(super) fn in_ms(us: f64) -> f64 {
    us.round() / 1e3
}
