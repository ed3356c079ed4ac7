//! Whether predicted qualities of a model mean what they say: quality gates compare them with thresholds.

use serde::Serialize;

use super::calibration::{Calibration, calibrate_values};

/// Figures of one model's predicted quality.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityScores {
    /// The model.
    pub model: String,
    /// Rows.
    pub rows: usize,
    /// Mean real quality.
    pub mean_quality: f64,
    /// Mean predicted quality.
    pub mean_predicted: f64,
    /// Mean squared error of always predicting the mean real quality: what a prediction has to beat.
    pub brier_of_mean: f64,
    /// Brier score, expected calibration error and the bins.
    #[serde(flatten)]
    pub calibration: Calibration,
}

/// Scores one model's predictions against its real qualities, both 0..1.
pub fn score_quality(model: &str, predicted: &[f64], real: &[f64]) -> QualityScores {
    let rows = predicted.len().min(real.len());
    let mean = |values: &[f64]| values[..rows].iter().sum::<f64>() / rows.max(1) as f64;
    let mean_quality = mean(real);
    let squares: f64 = real[..rows].iter().map(|quality| (quality - mean_quality).powi(2)).sum();
    QualityScores {
        model: model.to_owned(),
        rows,
        mean_quality,
        mean_predicted: mean(predicted),
        brier_of_mean: squares / rows.max(1) as f64,
        calibration: calibrate_values(predicted, real),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_worked_by_hand() {
        let scores = score_quality("a", &[0.9, 0.9, 0.1, 0.1], &[1.0, 1.0, 0.0, 1.0]);
        assert!((scores.mean_quality - 0.75).abs() < 1e-12);
        assert!((scores.mean_predicted - 0.5).abs() < 1e-12);
        assert!((scores.brier_of_mean - 0.1875).abs() < 1e-12);
        assert!((scores.calibration.brier - (0.01 * 3.0 + 0.81) / 4.0).abs() < 1e-12);
        // (2 |0.9 - 1| + 2 |0.1 - 0.5|) / 4
        assert!((scores.calibration.ece - 0.25).abs() < 1e-12);
    }
}
