//! What abstaining buys: the error among the rows that are kept, as the least confidence that is kept rises.

use serde::Serialize;

use super::classification::best_label;

/// Coverage levels that are listed: 5%, 10%, ..., 100%.
const LISTED_LEVELS: usize = 20;

/// The curve (El-Yaniv & Wiener 2010) and its area.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskCoverage {
    /// Mean over k = 1..rows of the error among the k most confident rows (AURC, Geifman & El-Yaniv 2017). Among rows of one
    /// confidence the order is undecided, so the expected error over all orders is taken.
    pub area: f64,
    /// The curve at even steps of coverage.
    pub points: Vec<RiskCoveragePoint>,
}

/// One choice of the abstain threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskCoveragePoint {
    /// Share of rows that are kept.
    pub coverage: f64,
    /// Least confidence among them.
    pub least_confidence: f64,
    /// Share of them that are wrong.
    pub risk: f64,
}

/// The curve of the most probable label's probability.
pub fn risk_coverage(truth: &[usize], probabilities: &[Vec<f64>]) -> RiskCoverage {
    let mut rows: Vec<(f64, f64)> = truth
        .iter()
        .zip(probabilities)
        .map(|(truth, row)| {
            let best = best_label(row);
            (row.get(best).copied().unwrap_or(0.0), if best == *truth { 0.0 } else { 1.0 })
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let risks = expected_risks(&rows);
    let points = (1..=LISTED_LEVELS)
        .filter_map(|level| {
            let kept = (level * rows.len()).div_ceil(LISTED_LEVELS);
            let at = kept.checked_sub(1)?;
            let (least_confidence, _) = rows.get(at)?;
            Some(RiskCoveragePoint {
                coverage: kept as f64 / rows.len() as f64,
                least_confidence: *least_confidence,
                risk: *risks.get(at)?,
            })
        })
        .collect();
    RiskCoverage { area: risks.iter().sum::<f64>() / risks.len().max(1) as f64, points }
}

/// The error among the first k rows, for every k; the errors of rows of one confidence are spread evenly over them.
fn expected_risks(sorted: &[(f64, f64)]) -> Vec<f64> {
    let mut risks = Vec::with_capacity(sorted.len());
    let mut errors_before = 0.0;
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        let errors: f64 = group.iter().map(|(_, error)| error).sum();
        for place in 1..=group.len() {
            let expected = errors_before + errors * place as f64 / group.len() as f64;
            risks.push(expected / (risks.len() + 1) as f64);
        }
        errors_before += errors;
    }
    risks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(confidences: &[(f64, bool)]) -> (Vec<usize>, Vec<Vec<f64>>) {
        confidences.iter().map(|(confidence, right)| (usize::from(!right), vec![*confidence, 1.0 - confidence])).unzip()
    }

    #[test]
    fn a_case_worked_by_hand() {
        let (truth, probabilities) = rows(&[(0.9, true), (0.8, false), (0.7, true), (0.6, false)]);
        let curve = risk_coverage(&truth, &probabilities);
        // Errors among the first 1, 2, 3, 4: 0, 1/2, 1/3, 1/2.
        assert!((curve.area - (0.0 + 0.5 + 1.0 / 3.0 + 0.5) / 4.0).abs() < 1e-12);
        let half = &curve.points[9];
        assert!((half.coverage - 0.5).abs() < 1e-12 && (half.risk - 0.5).abs() < 1e-12);
        assert!((half.least_confidence - 0.8).abs() < 1e-12);
    }

    #[test]
    fn one_confidence_for_all_is_a_flat_curve() {
        let (truth, probabilities) = rows(&[(0.7, true), (0.7, false), (0.7, true), (0.7, true)]);
        let curve = risk_coverage(&truth, &probabilities);
        assert!(curve.points.iter().all(|point| (point.risk - 0.25).abs() < 1e-12));
        assert!((curve.area - 0.25).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_area_does_not_depend_on_the_order_of_rows(
            case in prop::collection::vec((5u8..10, prop::bool::ANY), 1..50), turn in 0usize..50,
        ) {
            let case: Vec<(f64, bool)> = case.into_iter().map(|(p, right)| (f64::from(p) / 10.0 + 0.05, right)).collect();
            let mut turned = case.clone();
            turned.rotate_left(turn % case.len());
            let (truth, probabilities) = rows(&case);
            let (turned_truth, turned_probabilities) = rows(&turned);
            let area = risk_coverage(&truth, &probabilities).area;
            prop_assert!((area - risk_coverage(&turned_truth, &turned_probabilities).area).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&area));
        }
    }
}
