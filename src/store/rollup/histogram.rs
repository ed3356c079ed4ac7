//! Times counted in buckets whose bounds grow by a fixed ratio, so that a percentile is within five per cent of the true one however many
//! times were counted, and two histograms add up to one. Keeps no single time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::add_up::AddUp;

/// A percentile is off by at most this share of itself.
pub const RELATIVE_ERROR: f64 = 0.05;
/// Bounds grow by this: the middle of a bucket, as [`Histogram::percentile_ms`] states it, is then within the error of both its ends.
const RATIO: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// Everything up to a microsecond is one bucket.
const SMALLEST_MS: f64 = 0.001;
/// The bucket of more than a day.
const LAST: u16 = 253;

/// Milliseconds, counted. Written down as `{bucket: count}`, empty buckets left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::store) struct Histogram(BTreeMap<u16, u64>);

impl AddUp for Histogram {
    fn add_up(&mut self, other: &Self) {
        self.0.add_up(&other.0);
    }
}

impl Histogram {
    /// Counts one time. What is no number counts as the shortest.
    pub(super) fn add(&mut self, ms: f64) {
        let bucket = ((ms / SMALLEST_MS).ln() / RATIO.ln()).ceil();
        // The cast saturates, and makes 0 of what is no number.
        let bucket = (bucket as u16).min(LAST);
        *self.0.entry(bucket).or_default() += 1;
    }

    /// The time that this share (0..1) of all does not exceed, by the nearest rank; `None` where nothing was counted.
    pub(in crate::store) fn percentile_ms(&self, share: f64) -> Option<f64> {
        let all: u64 = self.0.values().sum();
        let rank = ((share * all as f64).ceil() as u64).clamp(1, all.max(1));
        let mut below = 0;
        let reaches = |(_, count): &(&u16, &u64)| {
            below += **count;
            below >= rank
        };
        let (bucket, _) = self.0.iter().find(reaches)?;
        Some(SMALLEST_MS * RATIO.powi(i32::from(*bucket)) * 2.0 / (RATIO + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_the_stated_error_and_add_up() {
        let times: Vec<f64> = (1..=5000).map(|at| 0.02 * 1.003_f64.powi(at)).collect();
        let (mut even, mut odd) = (Histogram::default(), Histogram::default());
        for (at, ms) in times.iter().enumerate() {
            if at % 2 == 0 { even.add(*ms) } else { odd.add(*ms) }
        }
        even.add_up(&odd);
        for share in [0.001, 0.5, 0.9, 0.95, 0.99, 1.0] {
            let exact = times[(share * 5000.0_f64).ceil() as usize - 1];
            let told = even.percentile_ms(share).unwrap();
            assert!((told / exact - 1.0).abs() <= RELATIVE_ERROR + 1e-9, "{share}: {told} for {exact}");
        }
    }

    #[test]
    fn odd_times_are_counted_and_nothing_is_no_time() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_ms(0.5), None);
        for ms in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 1e-9] {
            histogram.add(ms);
        }
        assert!(histogram.percentile_ms(1.0).unwrap() <= SMALLEST_MS);
        histogram.add(f64::INFINITY);
        assert!(histogram.percentile_ms(1.0).unwrap() > 24.0 * 3600.0 * 1000.0);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, r#"{"0":5,"253":1}"#);
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
    }
}
