//! How far figures would move on other rows of the same kind: the percentile bootstrap (Efron 1979). Draws rows anew and reads
//! intervals; knows no figure itself. The seed is fixed, so the same rows in the same order have the same intervals.

use rayon::prelude::*;
use serde::Serialize;

use crate::random::SplitMix64;

/// How often the rows are drawn anew.
const RESAMPLES: usize = 1000;
const SEED: u64 = 0x5eed_0b00;
/// Share of the resamples on either side of an interval.
const TAIL: f64 = 0.025;
/// A figure that more of the resamples than this do not have gets no interval: those that have it are not like the others.
const MOST_UNDEFINED: f64 = 0.05;

/// How the intervals of a report are made, in words.
pub const INTERVAL_METHOD: &str = "intervals: 95%, percentiles of 1,000 resamples of the rows; they say how much other rows \
                                   would change a figure, not how much another training would";

/// The middle 95% of a figure's resamples. In JSON `[low, high]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// 2.5% of the resamples lie below.
    pub low: f64,
    /// 2.5% of the resamples lie above.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// Intervals of the figures that `figures` makes of a resample, in its order. It is told how often each row was drawn, which
/// is as many draws as there are rows, and gives None for a figure that a resample does not have.
pub fn bootstrap(rows: usize, figures: impl Fn(&[u32]) -> Vec<Option<f64>> + Sync) -> Vec<Option<Interval>> {
    if rows == 0 {
        return Vec::new();
    }
    let mut seeds = SplitMix64::new(SEED);
    let seeds: Vec<u64> = (0..RESAMPLES).map(|_| seeds.next()).collect();
    let resamples: Vec<Vec<Option<f64>>> = seeds.into_par_iter().map(|seed| figures(&draw(rows, seed))).collect();
    let count = resamples.iter().map(Vec::len).min().unwrap_or(0);
    (0..count)
        .map(|figure| interval(resamples.iter().filter_map(|of_resample| of_resample[figure]).collect()))
        .collect()
}

/// How often each row is drawn when as many are drawn as there are, each one from all.
fn draw(rows: usize, seed: u64) -> Vec<u32> {
    let mut generator = SplitMix64::new(seed);
    let mut times = vec![0; rows];
    (0..rows).for_each(|_| times[generator.below(rows)] += 1);
    times
}

fn interval(mut values: Vec<f64>) -> Option<Interval> {
    if (values.len() as f64) < RESAMPLES as f64 * (1.0 - MOST_UNDEFINED) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Interval { low: quantile(&values, TAIL), high: quantile(&values, 1.0 - TAIL) })
}

/// Linear between order statistics.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * share;
    let below = place as usize;
    let next = sorted.get(below + 1).unwrap_or(&sorted[below]);
    sorted[below] + (next - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean_of(values: &[f64]) -> impl Fn(&[u32]) -> Vec<Option<f64>> + Sync {
        move |times| {
            let sum: f64 = values.iter().zip(times).map(|(value, times)| value * f64::from(*times)).sum();
            vec![Some(sum / values.len() as f64)]
        }
    }

    #[test]
    fn the_interval_of_a_share_is_that_of_the_normal_approximation() {
        // 120 of 400 rows are right: 0.3, with a standard error of sqrt(0.3 * 0.7 / 400).
        let values: Vec<f64> = (0..400).map(|row| if row % 10 < 3 { 1.0 } else { 0.0 }).collect();
        let half = 1.96 * (0.21f64 / 400.0).sqrt();
        let found = bootstrap(400, mean_of(&values))[0].unwrap();
        // A thousand resamples know each end to about a tenth of the half width.
        assert!((found.low - (0.3 - half)).abs() < 0.2 * half, "{found:?} beside 0.3 +- {half}");
        assert!((found.high - (0.3 + half)).abs() < 0.2 * half, "{found:?} beside 0.3 +- {half}");
    }

    #[test]
    fn a_figure_that_resamples_lack_has_no_interval() {
        // One row is missing from a resample with probability 0.37; that half of the rows are missing never happens.
        let found = bootstrap(200, |times| {
            let any = |times: &[u32]| times.iter().any(|times| *times > 0).then_some(1.0);
            vec![any(&times[..1]), any(&times[..100])]
        });
        assert_eq!(found, [None, Some(Interval { low: 1.0, high: 1.0 })]);
        assert_eq!(bootstrap(0, |_| vec![Some(1.0)]), []);
    }

    #[test]
    fn json_has_both_ends_in_a_list() {
        assert_eq!(serde_json::to_string(&Interval { low: 0.25, high: 0.5 }).unwrap(), "[0.25,0.5]");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_resample_has_as_many_rows(rows in 1usize..500, seed: u64) {
            prop_assert_eq!(draw(rows, seed).iter().sum::<u32>() as usize, rows);
        }

        #[test]
        fn the_mean_lies_within_and_a_constant_has_no_width(
            values in prop::collection::vec(0.0f64..1.0, 20..120), constant in -5.0f64..5.0,
        ) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let found = bootstrap(values.len(), mean_of(&values));
            prop_assert!(found[0].is_some_and(|found| found.low <= mean && mean <= found.high), "{:?}", found);
            prop_assert_eq!(&found, &bootstrap(values.len(), mean_of(&values)), "the same rows, the same interval");
            let constants = vec![constant; values.len()];
            let width = bootstrap(values.len(), mean_of(&constants))[0].map(|found| found.high - found.low);
            prop_assert!(width.is_some_and(|width| width.abs() < 1e-9));
        }
    }
}
