//! Whether probabilities mean what they say: expected calibration error over equal-width bins, and the Brier score.

use serde::Serialize;

use super::classification::best_label;

/// Bins of the expected calibration error, of equal width over 0..1.
pub const CALIBRATION_BINS: usize = 15;

/// How far stated probabilities lie from what happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error (Guo et al. 2017, arXiv 1706.04599, eq. 3): the mean over rows of
    /// |mean stated - mean happened| of the row's bin.
    pub ece: f64,
    /// Mean squared error; for labels, summed over the labels of a row (Brier 1950), so 0..2.
    pub brier: f64,
    /// The reliability diagram: the bins that hold rows.
    pub bins: Vec<CalibrationBin>,
}

/// One bar of a reliability diagram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// Lower edge; a probability of 0 belongs to the first bin.
    pub above: f64,
    /// Upper edge, which belongs to the bin.
    pub up_to: f64,
    /// Rows.
    pub rows: usize,
    /// Mean of what was stated.
    pub stated: f64,
    /// Mean of what happened.
    pub happened: f64,
}

/// Calibration of the most probable label's probability; rows of `probabilities` are in label order.
pub fn score_calibration(truth: &[usize], probabilities: &[Vec<f64>]) -> Calibration {
    let mut stated = Vec::with_capacity(truth.len());
    let mut happened = Vec::with_capacity(truth.len());
    let mut squared = 0.0;
    for (truth, row) in truth.iter().zip(probabilities) {
        let best = best_label(row);
        stated.push(row.get(best).copied().unwrap_or(0.0));
        happened.push(if best == *truth { 1.0 } else { 0.0 });
        for (label, probability) in row.iter().enumerate() {
            squared += (probability - if label == *truth { 1.0 } else { 0.0 }).powi(2);
        }
    }
    let brier = squared / stated.len().max(1) as f64;
    Calibration { brier, ..calibrate_values(&stated, &happened) }
}

/// Calibration of predictions of a value that is itself 0..1, as a quality is; `brier` is the plain mean squared error.
pub fn calibrate_values(stated: &[f64], happened: &[f64]) -> Calibration {
    let mut sums = [(0usize, 0.0f64, 0.0f64); CALIBRATION_BINS];
    let mut squared = 0.0;
    let rows = stated.len().min(happened.len());
    for (stated, happened) in stated.iter().zip(happened) {
        let bin = (stated * CALIBRATION_BINS as f64).ceil().clamp(1.0, CALIBRATION_BINS as f64) as usize - 1;
        sums[bin].0 += 1;
        sums[bin].1 += stated;
        sums[bin].2 += happened;
        squared += (stated - happened).powi(2);
    }
    let mut ece = 0.0;
    let mut bins = Vec::new();
    for (bin, (count, stated, happened)) in sums.into_iter().enumerate().filter(|(_, (count, _, _))| *count > 0) {
        ece += (stated - happened).abs() / rows as f64;
        bins.push(CalibrationBin {
            above: bin as f64 / CALIBRATION_BINS as f64,
            up_to: (bin + 1) as f64 / CALIBRATION_BINS as f64,
            rows: count,
            stated: stated / count as f64,
            happened: happened / count as f64,
        });
    }
    Calibration { ece, brier: squared / rows.max(1) as f64, bins }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_case_worked_by_hand() {
        // Two rows at 0.9 of which one is right, two at 0.6 of which both are right.
        let probabilities = vec![vec![0.9, 0.1], vec![0.9, 0.1], vec![0.6, 0.4], vec![0.4, 0.6]];
        let calibration = score_calibration(&[0, 1, 0, 1], &probabilities);
        // (2 |0.9 - 0.5| + 2 |0.6 - 1|) / 4
        assert!((calibration.ece - 0.4).abs() < 1e-12);
        // 0.01+0.01, 0.81+0.81, 0.16+0.16, 0.16+0.16 over 4
        assert!((calibration.brier - 2.28 / 4.0).abs() < 1e-12);
        assert_eq!(calibration.bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn edges_belong_to_the_bin_below() {
        let calibration = calibrate_values(&[0.0, 1.0 / 15.0, 1.0], &[0.0, 0.0, 1.0]);
        assert_eq!(calibration.bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [2, 1]);
        assert!((calibration.bins[1].up_to - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_rows_give_no_error() {
        assert_eq!(calibrate_values(&[], &[]), Calibration { ece: 0.0, brier: 0.0, bins: vec![] });
    }

    proptest! {
        #[test]
        fn the_error_is_a_share(rows in prop::collection::vec((0.0f64..=1.0, prop::bool::ANY), 1..80)) {
            let stated: Vec<f64> = rows.iter().map(|(p, _)| *p).collect();
            let happened: Vec<f64> = rows.iter().map(|(_, y)| f64::from(u8::from(*y))).collect();
            let calibration = calibrate_values(&stated, &happened);
            prop_assert!((0.0..=1.0).contains(&calibration.ece));
            prop_assert_eq!(calibration.bins.iter().map(|bin| bin.rows).sum::<usize>(), rows.len());
            let (reversed_stated, reversed_happened): (Vec<f64>, Vec<f64>) =
                stated.iter().copied().zip(happened.iter().copied()).rev().unzip();
            let reversed = calibrate_values(&reversed_stated, &reversed_happened);
            prop_assert!((reversed.ece - calibration.ece).abs() < 1e-9);
        }

        #[test]
        fn what_is_stated_exactly_has_no_error(stated in prop::collection::vec(0.0f64..=1.0, 1..50)) {
            prop_assert!(calibrate_values(&stated, &stated).ece < 1e-12);
        }
    }
}
