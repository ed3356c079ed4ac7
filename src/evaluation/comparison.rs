//! Several ways to classify the same rows, side by side: each router, and of a cascade each tier alone and both together. Pure; whoever runs them says what they
//! said and how long it took.

use serde::Serialize;

use super::calibration::score_calibration;
use super::classification::{best_label, score_classification};

/// One way to classify, as it was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayName {
    /// The router: `builtin` or a folder.
    pub router: String,
    /// `alone` for a router of one tier; `first tier`, `second tier` or `cascade`.
    pub way: &'static str,
    /// Whether its encoder is as published or was trained, and its head learnt from one: `frozen`, `fine-tuned` or `distilled`; of a cascade both, first tier first.
    pub learnt: String,
}

/// What one way said.
#[derive(Debug, Clone)]
pub struct WaySaid {
    /// Which way.
    pub name: WayName,
    /// Labels in the order of its probabilities.
    pub labels: Vec<String>,
    /// True labels, as indices into its own.
    pub truth: Vec<usize>,
    /// A row's probabilities together.
    pub probabilities: Vec<Vec<f64>>,
    /// Share of the rows that its second tier answered.
    pub second_tier_share: f64,
    /// Single prompts, microseconds.
    pub timings_us: Vec<f64>,
}

/// One way's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedWay {
    /// The router.
    pub router: String,
    /// The way.
    pub way: &'static str,
    /// How its encoders and heads came to be.
    pub learnt: String,
    /// Share of rows that are right.
    pub accuracy: f64,
    /// Mean over the labels that occur.
    pub macro_f1: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// Share of the rows that the second tier answered.
    pub second_tier_share: f64,
    /// Median time of one prompt, microseconds; None where none was timed.
    pub classify_us_p50: Option<f64>,
    /// 95th percentile, microseconds.
    pub classify_us_p95: Option<f64>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonReport {
    /// The label field.
    pub field: String,
    /// Rows that every way was measured on.
    pub rows: usize,
    /// Prompts that were timed one by one, by every way in turn.
    pub prompts_timed: usize,
    /// In the order in which they were named.
    pub ways: Vec<ComparedWay>,
}

impl ComparisonReport {
    /// Measures. Every way lists the same rows.
    pub fn new(field: &str, ways: Vec<WaySaid>) -> Self {
        Self {
            field: field.to_owned(),
            rows: ways.first().map_or(0, |way| way.truth.len()),
            prompts_timed: ways.first().map_or(0, |way| way.timings_us.len()),
            ways: ways.into_iter().map(ComparedWay::new).collect(),
        }
    }
}

impl ComparedWay {
    fn new(said: WaySaid) -> Self {
        let predicted: Vec<usize> = said.probabilities.iter().map(|row| best_label(row)).collect();
        let scores = score_classification(&said.labels, &said.truth, &predicted);
        let timings = Percentiles::of(said.timings_us);
        Self {
            router: said.name.router,
            way: said.name.way,
            learnt: said.name.learnt,
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            ece: score_calibration(&said.truth, &said.probabilities).ece,
            second_tier_share: said.second_tier_share,
            classify_us_p50: timings.at(50),
            classify_us_p95: timings.at(95),
        }
    }
}

/// Single timings by their rank.
pub(super) struct Percentiles(Vec<f64>);

impl Percentiles {
    pub(super) fn of(mut timings: Vec<f64>) -> Self {
        timings.sort_by(f64::total_cmp);
        Self(timings)
    }

    /// By the nearest rank; None without any.
    pub(super) fn at(&self, percent: usize) -> Option<f64> {
        self.0.get((self.0.len() * percent).div_ceil(100).saturating_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_worked_by_hand() {
        let way = |way: &'static str, second: Vec<f64>, share: f64, timings_us: Vec<f64>| WaySaid {
            name: WayName { router: "mine".into(), way, learnt: "frozen".into() },
            labels: vec!["a".into(), "b".into()],
            truth: vec![0, 1],
            probabilities: vec![vec![1.0, 0.0], second],
            second_tier_share: share,
            timings_us,
        };
        let timings: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let report = ComparisonReport::new(
            "task",
            vec![way("alone", vec![1.0, 0.0], 0.0, timings), way("cascade", vec![0.0, 1.0], 0.5, vec![])],
        );
        assert_eq!((report.rows, report.prompts_timed), (2, 100));
        let [first, second] = report.ways.as_slice() else { panic!("{report:?}") };
        assert_eq!((first.accuracy, first.ece, first.second_tier_share), (0.5, 0.5, 0.0));
        assert!((first.macro_f1 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((first.classify_us_p50, first.classify_us_p95), (Some(50.0), Some(95.0)));
        assert_eq!((second.accuracy, second.macro_f1, second.ece, second.second_tier_share), (1.0, 1.0, 0.0, 0.5));
        assert_eq!(second.classify_us_p50, None);
    }
}
