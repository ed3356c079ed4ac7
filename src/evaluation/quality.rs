//! Whether predicted qualities of a model mean what they say: quality gates compare them with thresholds.

use serde::Serialize;

use super::bootstrap::{Interval, bootstrap};
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
    /// What a quality gate delivers of this model.
    pub gate: Option<GateDelivery>,
    /// Brier score, expected calibration error and the bins.
    #[serde(flatten)]
    pub calibration: Calibration,
}

/// The gate that is looked at: the one that `quality_gated` has unless the configuration says otherwise.
const GATE: f64 = 0.8;

/// What came of the rows that a model was predicted to clear a gate on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateDelivery {
    /// The gate.
    pub gate: f64,
    /// Rows that it let through.
    pub rows: usize,
    /// Their mean real quality. It keeps its promise where this is no less than the gate, within its interval.
    pub quality: f64,
    /// 95%, by resampling the rows.
    pub quality_interval: Option<Interval>,
}

impl GateDelivery {
    /// Whether the gate's promise lies within what was measured.
    pub fn delivers(&self) -> bool {
        self.quality >= self.gate || self.quality_interval.is_some_and(|interval| interval.high >= self.gate)
    }

    fn of(gate: f64, predicted: &[f64], real: &[f64]) -> Option<Self> {
        let through = predicted.iter().zip(real).filter(|(predicted, _)| **predicted >= gate);
        let real: Vec<f64> = through.map(|(_, real)| *real).collect();
        if real.is_empty() {
            return None;
        }
        let quality = real.iter().sum::<f64>() / real.len() as f64;
        let mean_of = |draws: &[u32]| {
            let sum: f64 = draws.iter().zip(&real).map(|(times, real)| f64::from(*times) * real).sum();
            let rows: f64 = draws.iter().map(|times| f64::from(*times)).sum();
            vec![Some(sum / rows.max(1.0))]
        };
        let quality_interval = bootstrap(real.len(), mean_of).pop().flatten();
        Some(Self { gate, rows: real.len(), quality, quality_interval })
    }
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
        gate: GateDelivery::of(GATE, &predicted[..rows], &real[..rows]),
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

    #[test]
    fn a_gate_lets_through_what_is_predicted_to_clear_it() {
        let scores = score_quality("a", &[0.9, 0.85, 0.8, 0.5], &[1.0, 1.0, 0.0, 0.0]);
        let gate = scores.gate.unwrap();
        assert_eq!(gate.rows, 3);
        assert!((gate.quality - 2.0 / 3.0).abs() < 1e-12);
        assert!(gate.delivers(), "three rows settle nothing: {:?}", gate.quality_interval);
        let many = score_quality("a", &[0.9; 400], &[[1.0; 200], [0.0; 200]].concat());
        assert!(!many.gate.unwrap().delivers(), "half of four hundred is not four fifths");
        assert_eq!(score_quality("a", &[0.1], &[1.0]).gate, None);
    }
}
