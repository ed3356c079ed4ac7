//! The one dial: how much quality may be given up for cost. It becomes the share of the best predicted quality that `balanced` keeps: read off
//! the curve of the artifact's held-out outcomes where there are any, and taken at its word where there are none.

use crate::classifier::{CostQualityCurve, CurvePoint};

/// Where the dial stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dial {
    /// 0: the cheapest model, whatever it answers; 1: the best one; between them by measured quality.
    Quality(f64),
    /// The share of the best model's quality that may be lost, 0..1.
    MaxLoss(f64),
}

impl Dial {
    /// The share of the best predicted quality to keep.
    pub fn share(self, curve: Option<&CostQualityCurve>) -> f64 {
        match (self, curve) {
            (Self::Quality(quality), None) => quality,
            (Self::MaxLoss(loss), None) => 1.0 - loss,
            (Self::Quality(quality), Some(curve)) => {
                let cheapest = curve.points.first().map_or(0.0, |point| point.quality_share);
                if quality >= 1.0 { 1.0 } else { share_reaching(curve, cheapest + quality * (1.0 - cheapest).max(0.0)) }
            }
            (Self::MaxLoss(loss), Some(curve)) => share_reaching(curve, 1.0 - loss),
        }
    }
}

/// The least share from which on the measured quality stays at or above this one; 1 where none does.
fn share_reaching(curve: &CostQualityCurve, quality_share: f64) -> f64 {
    let stays = curve.points.iter().rev().take_while(|point| point.quality_share >= quality_share);
    stays.last().map_or(1.0, |point| point.kept)
}

/// What keeping a share gave, in words: the measured point there, or the next one above it.
pub fn in_words(curve: &CostQualityCurve, share: f64) -> Option<String> {
    let point: &CurvePoint = curve.points.iter().find(|point| point.kept >= share - 1e-9)?;
    Some(format!(
        "{:.0}% of {}'s quality at {:.0}% of its cost on {} validation rows",
        point.quality_share * 100.0,
        curve.best_single,
        point.cost_share * 100.0,
        curve.rows
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> CostQualityCurve {
        let point = |kept, quality_share, cost_share| CurvePoint { kept, quality_share, cost_share };
        let points = vec![
            point(0.0, 0.6, 0.05),
            point(0.5, 0.7, 0.1),
            point(0.8, 0.95, 0.31),
            point(0.9, 0.99, 0.5),
            point(1.0, 1.02, 0.9),
        ];
        CostQualityCurve { points, best_single: "big".into(), models: Vec::new(), rows: 400 }
    }

    #[test]
    fn a_loss_that_is_allowed_is_found_on_the_curve() {
        let share = |dial: Dial| dial.share(Some(&curve()));
        for (dial, expected) in [
            (Dial::MaxLoss(0.05), 0.8),
            (Dial::MaxLoss(0.03), 0.9),
            (Dial::MaxLoss(0.0), 1.0),
            (Dial::MaxLoss(1.0), 0.0),
            (Dial::Quality(0.0), 0.0),
            (Dial::Quality(0.25), 0.5),
            (Dial::Quality(0.5), 0.8),
            (Dial::Quality(1.0), 1.0),
        ] {
            assert!((share(dial) - expected).abs() < 1e-9, "{dial:?}: {}", share(dial));
        }
    }

    #[test]
    fn without_a_curve_the_dial_is_taken_at_its_word() {
        assert!((Dial::MaxLoss(0.1).share(None) - 0.9).abs() < 1e-9);
        assert!((Dial::Quality(0.7).share(None) - 0.7).abs() < 1e-9);
    }

    #[test]
    fn a_quality_that_no_share_reaches_means_the_best_model() {
        let mut curve = curve();
        curve.points.iter_mut().for_each(|point| point.quality_share *= 0.9);
        assert!((Dial::MaxLoss(0.01).share(Some(&curve)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_point_says_what_it_means() {
        assert_eq!(in_words(&curve(), 0.8).unwrap(), "95% of big's quality at 31% of its cost on 400 validation rows");
    }
}
