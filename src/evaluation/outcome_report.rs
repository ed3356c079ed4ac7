//! Everything that is measured on outcome rows: predicted qualities, two-model and many-model routing, and what a reader must
//! be told of them.

use serde::Serialize;

use super::many_model_report::ManyModelReport;
use super::quality::QualityScores;
use super::two_model_report::TwoModelReport;

/// Figures that differ by less are equal: they are sums in different orders.
const EQUAL: f64 = 1e-9;

/// Figures on outcome rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomesReport {
    /// Rows of the files.
    pub rows: usize,
    /// How well the router predicts each model it has outcomes of.
    pub predicted_quality: Vec<QualityScores>,
    /// Strong against weak.
    pub two_model: Option<TwoModelReport>,
    /// All models, where costs are known.
    pub many_model: Option<ManyModelReport>,
}

impl OutcomesReport {
    /// What a reader must be told, if anything.
    pub fn warnings(&self) -> Vec<String> {
        let two = self.two_model.iter().flat_map(of_two_models);
        two.chain(self.many_model.iter().filter_map(of_many_models)).collect()
    }
}

fn of_two_models(two: &TwoModelReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let router = &two.router;
    let spread = router.scores.points.iter().filter_map(|point| point.threshold);
    let (least, most) = spread.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
    if most <= least {
        warnings.push("outcomes: the router is constant, it gives every prompt the same score".into());
    }
    if two.score == "complexity" {
        warnings.push(format!(
            "outcomes: the router has no outcomes of both {} and {}, so prompts are ranked by predicted complexity; \
             semroute train --outcomes FILE learns them",
            two.strong, two.weak
        ));
    }
    match (router.scores.apgr, router.intervals.apgr_interval) {
        (Some(apgr), _) if apgr <= 0.5 => {
            warnings.push("outcomes: the router does no better than random (APGR 0.5)".into());
        }
        (Some(apgr), Some(interval)) if interval.low <= 0.5 => warnings.push(format!(
            "outcomes: {} rows do not tell the router (APGR {apgr:.3}, {:.3} to {:.3}) from random (0.5)",
            two.rows, interval.low, interval.high
        )),
        _ => {}
    }
    warnings
}

fn of_many_models(many: &ManyModelReport) -> Option<String> {
    let zero = many.zero_router.scores.aiq;
    let Some(router) = &many.router else {
        return Some(
            "outcomes: the router has no outcomes of these models, so it has no cost-quality curve; semroute train \
             --outcomes FILE learns them"
                .into(),
        );
    };
    let aiq = router.scores.aiq;
    if aiq <= zero + EQUAL {
        return Some(format!("outcomes: the router (AIQ {aiq:.3}) is no better than the zero router ({zero:.3})"));
    }
    let interval = many.aiq_above_zero_router_interval.filter(|interval| interval.low <= EQUAL)?;
    Some(format!(
        "outcomes: {} rows do not tell the router from the zero router (AIQ {aiq:.3} and {zero:.3}, difference {:.3} to {:.3})",
        many.rows, interval.low, interval.high
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{ManyModelOutcomes, ManyModelRows, TwoModelRows, many_model_report, two_model_report};
    use super::*;

    fn two(strong: &[f64], weak: &[f64], score: &[f64]) -> Vec<String> {
        let prompt_chars = vec![1; score.len()];
        let rows = TwoModelRows { strong, weak, score, prompt_chars: &prompt_chars };
        let two_model = Some(two_model_report("s", "w", "predicted_quality", rows));
        OutcomesReport { rows: score.len(), predicted_quality: vec![], two_model, many_model: None }.warnings()
    }

    #[test]
    fn a_constant_router_is_told_so() {
        let warnings = two(&[1.0, 1.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 0.0], &[0.0; 4]);
        assert!(warnings.iter().any(|warning| warning.contains("constant")), "{warnings:?}");
    }

    #[test]
    fn rows_that_are_too_few_to_tell_are_named() {
        // Rows come in pairs of which one needs the strong model; the score puts it first in six pairs of ten.
        let weak: Vec<f64> = (0..2000).map(|row| f64::from(row % 2)).collect();
        let score: Vec<f64> = (0..2000)
            .map(|row| {
                let (pair, needs) = (row / 2, row % 2 == 0);
                let first = (pair % 10 < 6) == needs;
                f64::from(pair * 7 % 1000) * 1e-4 + if first { 1.0 } else { 0.0 }
            })
            .collect();
        let of = |rows: usize| two(&vec![1.0; rows], &weak[..rows], &score[..rows]);
        assert!(
            of(40).iter().any(|warning| warning.contains("40 rows do not tell the router (APGR 0.")),
            "{:?}",
            of(40)
        );
        assert_eq!(of(2000), [""; 0]);
    }

    #[test]
    fn a_router_that_only_guesses_is_told_so() {
        let quality = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        let cost_usd = vec![vec![0.001, 0.002]; 2];
        let many = |predicted: &[Vec<f64>]| {
            many_model_report(ManyModelRows {
                models: &["a".to_owned(), "b".to_owned()],
                predicted: Some(predicted),
                expected_cost_usd: &cost_usd,
                expected_cost: "these rows",
                outcomes: ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd },
                configured: None,
            })
        };
        let wrong = many(&[vec![0.0, 1.0], vec![1.0, 0.0]]);
        assert!(of_many_models(&wrong).is_some_and(|warning| warning.contains("no better than the zero router")));
        // Right on both rows; but a resample in four has only one of them twice, and then one model is as good.
        let right = many(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert!(of_many_models(&right).is_some_and(|warning| warning.contains("2 rows do not tell the router")));
    }
}
