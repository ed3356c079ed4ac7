//! What a cascade is worth: accuracy and latency of each tier alone and of both together, and the curve between them.

use serde::Serialize;

use super::calibration::score_calibration;
use super::classification::{best_label, score_classification};
use super::comparison::Percentiles;
use crate::classifier::lead;

/// Steps of the curve.
const CURVE_STEPS: usize = 20;

/// One row, seen by both tiers.
#[derive(Debug, Clone, Copy)]
pub struct CascadeRow<'a> {
    /// True label.
    pub truth: usize,
    /// The first tier's probabilities.
    pub first: &'a [f64],
    /// The second tier's.
    pub second: &'a [f64],
    /// Whether the router asks the second tier.
    pub asked: bool,
}

/// Figures of one way to classify.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierFigures {
    /// Share of rows that are right.
    pub accuracy: f64,
    /// Mean over labels.
    pub macro_f1: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// Mean time of one prompt, microseconds; None where it was not timed.
    pub mean_us: Option<f64>,
    /// Median, microseconds.
    pub p50_us: Option<f64>,
    /// 95th percentile, microseconds.
    pub p95_us: Option<f64>,
}

/// A point of the latency-accuracy curve: the least sure rows go to the second tier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CascadePoint {
    /// The second tier is asked below this lead of the first tier's best label.
    pub below: f64,
    /// Share of rows that are asked.
    pub second_tier_share: f64,
    /// Accuracy then.
    pub accuracy: f64,
}

/// A cascade measured on one label field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CascadeReport {
    /// Name of the first tier's embedder.
    pub first_name: String,
    /// Name of the second tier's embedder.
    pub second_name: String,
    /// The first tier for every row.
    pub first: TierFigures,
    /// The second tier for every row.
    pub second: TierFigures,
    /// As the router does it.
    pub cascade: TierFigures,
    /// Share of rows that the router asks the second tier for.
    pub second_tier_share: f64,
    /// The cascade's mean time as a share of the second tier's; None where they were not timed.
    pub latency_share: Option<f64>,
    /// What other bands would have given on these rows.
    pub curve: Vec<CascadePoint>,
}

impl CascadeReport {
    /// Measures; timings are added by `set_latency`.
    pub fn new(names: [&str; 2], labels: &[String], rows: &[CascadeRow<'_>]) -> Self {
        let truth: Vec<usize> = rows.iter().map(|row| row.truth).collect();
        let figures = |of_row: &dyn Fn(&CascadeRow<'_>) -> Vec<f64>| {
            let probabilities: Vec<Vec<f64>> = rows.iter().map(of_row).collect();
            let predicted: Vec<usize> = probabilities.iter().map(|row| best_label(row)).collect();
            let scores = score_classification(labels, &truth, &predicted);
            let (accuracy, macro_f1) = (scores.accuracy, scores.macro_f1);
            let ece = score_calibration(&truth, &probabilities).ece;
            TierFigures { accuracy, macro_f1, ece, mean_us: None, p50_us: None, p95_us: None }
        };
        let asked = rows.iter().filter(|row| row.asked).count();
        Self {
            first_name: names[0].to_owned(),
            second_name: names[1].to_owned(),
            first: figures(&|row| row.first.to_vec()),
            second: figures(&|row| row.second.to_vec()),
            cascade: figures(&|row| if row.asked { row.second } else { row.first }.to_vec()),
            second_tier_share: asked as f64 / rows.len().max(1) as f64,
            latency_share: None,
            curve: curve(rows),
        }
    }

    /// Adds what single prompts took, in microseconds: first tier, second tier, cascade.
    pub fn set_latency(&mut self, timings_us: [Vec<f64>; 3]) {
        for (figures, timings) in [&mut self.first, &mut self.second, &mut self.cascade].into_iter().zip(timings_us) {
            figures.mean_us = (!timings.is_empty()).then(|| timings.iter().sum::<f64>() / timings.len() as f64);
            let percentiles = Percentiles::of(timings);
            (figures.p50_us, figures.p95_us) = (percentiles.at(50), percentiles.at(95));
        }
        self.latency_share = self.cascade.mean_us.zip(self.second.mean_us).map(|(cascade, second)| cascade / second);
    }
}

fn curve(rows: &[CascadeRow<'_>]) -> Vec<CascadePoint> {
    let mut rising: Vec<(f64, bool, bool)> = rows
        .iter()
        .map(|row| (lead(row.first), best_label(row.first) == row.truth, best_label(row.second) == row.truth))
        .collect();
    rising.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = rising.len().max(1) as f64;
    let points = (0..=CURVE_STEPS).map(|step| {
        let asked = rising.len() * step / CURVE_STEPS;
        let right =
            rising.iter().enumerate().filter(|(at, (_, first, second))| if *at < asked { *second } else { *first });
        CascadePoint {
            below: rising.get(asked).map_or(1.0, |(lead, ..)| *lead),
            second_tier_share: asked as f64 / all,
            accuracy: right.count() as f64 / all,
        }
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_goes_from_one_tier_to_the_other() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let (sure_right, unsure_wrong) = (vec![0.9, 0.1], vec![0.45, 0.55]);
        let rows: Vec<CascadeRow<'_>> = (0..40)
            .map(|at| {
                let first = if at % 2 == 0 { &sure_right } else { &unsure_wrong };
                CascadeRow { truth: 0, first, second: &sure_right, asked: at % 2 == 1 }
            })
            .collect();
        let mut report = CascadeReport::new(["x", "y"], &labels, &rows);
        assert_eq!((report.first.accuracy, report.second.accuracy, report.cascade.accuracy), (0.5, 1.0, 1.0));
        assert_eq!(report.second_tier_share, 0.5);
        assert_eq!(report.curve[0].accuracy, 0.5);
        assert_eq!(report.curve[CURVE_STEPS / 2].accuracy, 1.0);
        assert_eq!(report.curve[CURVE_STEPS].accuracy, 1.0);
        report.set_latency([vec![1.0, 1.0], vec![100.0, 100.0], vec![1.0, 101.0]]);
        assert_eq!(report.latency_share, Some(0.51));
    }
}
