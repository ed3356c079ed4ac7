//! Routing between a strong and a weak model, as RouteLLM measures it (arXiv 2406.18665v4, `routellm/evals/evaluate.py`):
//! the curve over 11 thresholds, APGR, CPT and PGR. Knows scores and outcomes only, not where they come from.

use serde::Serialize;

/// Thresholds: the edges of the 10-quantile cut.
const QUANTILES: usize = 10;

/// The curve and what is read from it. Shares and qualities are in percent, as published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoModelScores {
    /// Mean quality of the strong model, percent.
    pub strong_quality_percent: f64,
    /// Mean quality of the weak model, percent.
    pub weak_quality_percent: f64,
    /// Average performance gap recovered: (area under y - area under weak) / (area under strong - area under weak), each by
    /// trapezes over x / 100. None where strong and weak are equally good.
    pub apgr: Option<f64>,
    /// Least percentage sent to the strong model at which half of the gap is recovered, linear between points. None where the
    /// strong model is not the better one.
    pub cpt50: Option<f64>,
    /// The same for 80% of the gap.
    pub cpt80: Option<f64>,
    /// The curve, by rising share of the strong model.
    pub points: Vec<TwoModelPoint>,
}

/// One threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoModelPoint {
    /// The strong model answers where the score reaches this. None where there is no score.
    pub threshold: Option<f64>,
    /// Percentage sent to the strong model.
    pub strong_percent: f64,
    /// Mean quality of the chosen model, percent.
    pub quality_percent: f64,
    /// Performance gap recovered: (y - weak) / (strong - weak). None where there is no gap.
    pub pgr: Option<f64>,
}

/// Scores a router: `score` is predicted quality(strong) - predicted quality(weak) of each row, unrounded; `strong` and `weak`
/// are the real qualities, 0..1.
///
/// Thresholds are the 11 edges of the 10-quantile cut of the scores (linear between order statistics; equal edges are kept).
/// At edge t the strong model answers where score >= t; at the last edge where score > t.
pub fn score_two_model(score: &[f64], strong: &[f64], weak: &[f64]) -> TwoModelScores {
    let rows = score.len().min(strong.len()).min(weak.len());
    let mut sorted = score[..rows].to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut points = Vec::with_capacity(QUANTILES + 1);
    for edge in (0..=QUANTILES).filter(|_| rows > 0) {
        let threshold = quantile(&sorted, edge);
        let (mut chosen, mut quality) = (0usize, 0.0);
        for row in 0..rows {
            let takes_strong = if edge == QUANTILES { score[row] > threshold } else { score[row] >= threshold };
            chosen += usize::from(takes_strong);
            quality += if takes_strong { strong[row] } else { weak[row] };
        }
        points.push(TwoModelPoint {
            threshold: Some(threshold),
            strong_percent: 100.0 * chosen as f64 / rows as f64,
            quality_percent: 100.0 * quality / rows as f64,
            pgr: None,
        });
    }
    read_curve(points, mean(&strong[..rows]) * 100.0, mean(&weak[..rows]) * 100.0)
}

/// What choosing at random gives on average: every share of the gap costs the same share of calls.
pub fn random_two_model(strong: &[f64], weak: &[f64]) -> TwoModelScores {
    let (strong, weak) = (mean(strong) * 100.0, mean(weak) * 100.0);
    let points = (0..=QUANTILES)
        .map(|step| {
            let share = step as f64 / QUANTILES as f64;
            let quality_percent = weak + share * (strong - weak);
            TwoModelPoint { threshold: None, strong_percent: 100.0 * share, quality_percent, pgr: None }
        })
        .collect();
    read_curve(points, strong, weak)
}

/// The scores of a router that knows the outcomes: the rank of the true gap. Equal gaps get ranks of their own, since which of
/// them goes first changes nothing, and the curve then has all its 11 points.
pub fn oracle_order(strong: &[f64], weak: &[f64]) -> Vec<f64> {
    let gaps: Vec<f64> = strong.iter().zip(weak).map(|(strong, weak)| strong - weak).collect();
    let mut order: Vec<usize> = (0..gaps.len()).collect();
    order.sort_by(|a, b| gaps[*a].total_cmp(&gaps[*b]));
    let mut ranks = vec![0.0; gaps.len()];
    order.into_iter().enumerate().for_each(|(rank, row)| ranks[row] = rank as f64);
    ranks
}

fn read_curve(mut points: Vec<TwoModelPoint>, strong: f64, weak: f64) -> TwoModelScores {
    points.sort_by(|a, b| a.strong_percent.total_cmp(&b.strong_percent));
    let gap = strong - weak;
    for point in &mut points {
        point.pgr = (gap != 0.0).then(|| (point.quality_percent - weak) / gap);
    }
    let area = |y: &dyn Fn(&TwoModelPoint) -> f64| -> f64 {
        let strips = points.windows(2);
        strips
            .map(|pair| (pair[1].strong_percent - pair[0].strong_percent) / 100.0 * (y(&pair[0]) + y(&pair[1])) / 2.0)
            .sum()
    };
    let (of_router, of_strong, of_weak) = (area(&|point| point.quality_percent), area(&|_| strong), area(&|_| weak));
    let apgr = (of_strong != of_weak).then(|| (of_router - of_weak) / (of_strong - of_weak));
    let cpt = |share: f64| (gap > 0.0).then(|| share_reaching(&points, weak + share * gap)).flatten();
    TwoModelScores {
        strong_quality_percent: strong,
        weak_quality_percent: weak,
        apgr,
        cpt50: cpt(0.5),
        cpt80: cpt(0.8),
        points,
    }
}

/// The least share at which the curve reaches a quality.
fn share_reaching(points: &[TwoModelPoint], quality: f64) -> Option<f64> {
    let at = points.iter().position(|point| point.quality_percent >= quality)?;
    let reached = &points[at];
    let Some(before) = at.checked_sub(1).map(|before| &points[before]) else { return Some(reached.strong_percent) };
    let fraction = (quality - before.quality_percent) / (reached.quality_percent - before.quality_percent);
    Some(before.strong_percent + fraction * (reached.strong_percent - before.strong_percent))
}

/// Quantile `edge / 10` of sorted values, linear between order statistics (numpy's and pandas' default).
fn quantile(sorted: &[f64], edge: usize) -> f64 {
    let place = (sorted.len() - 1) * edge;
    let (below, fraction) = (place / QUANTILES, (place % QUANTILES) as f64 / QUANTILES as f64);
    let next = sorted.get(below + 1).copied().unwrap_or(sorted[below]);
    sorted[below] + (next - sorted[below]) * fraction
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn a_case_worked_by_hand() {
        // Eleven rows with scores 0..10, so every edge is a score. The strong model is right on all, the weak one on the six
        // easiest; the router sees it exactly.
        let score: Vec<f64> = (0..11).map(f64::from).collect();
        let strong = [1.0; 11];
        let weak: Vec<f64> = (0..11).map(|row| if row < 6 { 1.0 } else { 0.0 }).collect();
        let scores = score_two_model(&score, &strong, &weak);
        let shares: Vec<f64> =
            scores.points.iter().map(|point| (point.strong_percent * 11.0 / 100.0).round()).collect();
        // Edge i < 10 sends the 11 - i rows that score i or more; the last edge (score > 10) sends none.
        assert_eq!(shares, [0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        // Quality rises by one row in eleven with each row sent, to the 5th. Half of the gap (5 rows) is 2.5 rows.
        assert!(near(scores.cpt50, 2.5 / 11.0 * 100.0));
        assert!(near(scores.cpt80, 4.0 / 11.0 * 100.0));
        // Area of the recovered gap: a triangle of 5 rows' width, then a full rectangle of 6: (2.5 + 6) / 11.
        assert!(near(scores.apgr, 8.5 / 11.0));
    }

    #[test]
    fn edges_between_rows_are_interpolated() {
        assert!((quantile(&[0.0, 1.0], 3) - 0.3).abs() < 1e-12);
        assert!((quantile(&[1.0, 2.0, 4.0], 5) - 2.0).abs() < 1e-12);
        assert!((quantile(&[1.0, 2.0, 4.0], 10) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn random_recovers_as_much_as_it_spends() {
        let scores = random_two_model(&[1.0, 1.0, 0.0, 1.0], &[0.0, 1.0, 0.0, 0.0]);
        assert!(near(scores.apgr, 0.5) && near(scores.cpt50, 50.0) && near(scores.cpt80, 80.0));
    }

    #[test]
    fn a_constant_score_has_the_ends_of_the_curve_only() {
        let scores = score_two_model(&[0.3; 8], &[1.0; 8], &[0.0; 8]);
        let shares: Vec<f64> = scores.points.iter().map(|point| point.strong_percent).collect();
        assert!((shares[0]).abs() < 1e-12 && shares[1..].iter().all(|share| (share - 100.0).abs() < 1e-12));
        assert!(near(scores.apgr, 0.5));
    }

    #[test]
    fn without_a_gap_there_is_nothing_to_recover() {
        let scores = score_two_model(&[0.1, 0.2], &[1.0, 0.0], &[0.0, 1.0]);
        assert_eq!((scores.apgr, scores.cpt50), (None, None));
        assert_eq!(score_two_model(&[], &[], &[]).apgr, None);
    }

    proptest! {
        #[test]
        fn knowing_the_outcomes_beats_every_router(
            rows in prop::collection::vec((0u8..=1, 0u8..=1, -1.0f64..1.0), 20..80), turn in 0usize..80,
        ) {
            let strong: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let weak: Vec<f64> = rows.iter().map(|row| f64::from(row.1)).collect();
            let score: Vec<f64> = rows.iter().map(|row| row.2).collect();
            prop_assume!(mean(&strong) > mean(&weak));
            let router = score_two_model(&score, &strong, &weak).apgr;
            let oracle = score_two_model(&oracle_order(&strong, &weak), &strong, &weak).apgr;
            prop_assert!(oracle.is_some_and(|apgr| apgr >= 0.5 - 1e-9));
            // Distinct scores choose as many rows at each edge as the oracle does, so row for row it can be no better.
            let mut distinct = score.clone();
            distinct.sort_by(f64::total_cmp);
            distinct.dedup();
            prop_assume!(distinct.len() == score.len());
            prop_assert!(oracle.zip(router).is_some_and(|(oracle, router)| oracle >= router - 1e-9));
            let turn = turn % rows.len();
            let turned = |values: &[f64]| [&values[turn..], &values[..turn]].concat();
            let again = score_two_model(&turned(&score), &turned(&strong), &turned(&weak)).apgr;
            prop_assert!(router.zip(again).is_some_and(|(a, b)| (a - b).abs() < 1e-9));
        }
    }
}
