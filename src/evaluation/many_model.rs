//! Routing among many models by predicted quality and expected cost, as RouterBench measures it: one point for each weight of
//! cost, and AIQ, the area under their hull.

use serde::Serialize;

use super::arena::arena_score;
use super::hull::{CostQuality, area_under_hull, non_decreasing_concave_hull};

/// Points of the logarithmic grid of cost weights, from 0.1 to 10^6; 0 comes before them.
const GRID_POINTS: usize = 200;
/// The share of the best single model's quality at which cost is compared.
const QUALITY_SHARE: f64 = 0.95;

/// What the models really gave: rows of one entry a model.
#[derive(Debug, Clone, Copy)]
pub struct ManyModelOutcomes<'a> {
    /// Real qualities, 0..1, by row and model.
    pub quality: &'a [Vec<f64>],
    /// Real costs in USD, by row and model.
    pub cost_usd: &'a [Vec<f64>],
}

/// What a way of choosing among the models reaches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManyModelScores {
    /// Area under the non-decreasing concave hull of the points, from the cheapest one to the dearest single model's mean
    /// cost (the hull goes on to the right at its last value), divided by that cost.
    pub aiq: f64,
    /// Least mean cost among points whose quality is at least 0.95 of the best single model's, as a share of that model's
    /// cost. None where no point is that good or that model costs nothing.
    pub cost_share_at_95: Option<f64>,
    /// The best RouterArena score among the points.
    pub best_arena: f64,
    /// The points, in the order of their weights.
    pub points: Vec<LambdaPoint>,
}

/// The mean outcome at one weight of cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LambdaPoint {
    /// What one USD a query weighs against quality. None where no weight is involved.
    pub lambda: Option<f64>,
    /// Mean real cost and quality.
    #[serde(flatten)]
    pub mean: CostQuality,
    /// RouterArena's score of it.
    pub arena: f64,
}

/// The weights of cost: 0, then 200 points evenly spaced in the logarithm from 0.1 to 10^6.
pub fn lambda_grid() -> Vec<f64> {
    let steps = (GRID_POINTS - 1) as f64;
    std::iter::once(0.0).chain((0..GRID_POINTS).map(|step| 10f64.powf(-1.0 + 7.0 * step as f64 / steps))).collect()
}

/// Scores a router that takes argmax(predicted quality - lambda * expected cost) at each weight. The cheaper model wins a tie,
/// then the first. `predicted` and `expected_cost_usd` are by row and model.
pub fn score_many_model(
    predicted: &[Vec<f64>],
    expected_cost_usd: &[Vec<f64>],
    outcomes: ManyModelOutcomes<'_>,
) -> ManyModelScores {
    let points = lambda_grid()
        .into_iter()
        .map(|lambda| {
            let chosen = predicted.iter().zip(expected_cost_usd).map(|(quality, cost)| choose(quality, cost, lambda));
            point(Some(lambda), outcomes.mean_of(chosen))
        })
        .collect();
    outcomes.read(points)
}

/// A router that knows every outcome: no router can do better at any weight.
pub fn oracle_scores(outcomes: ManyModelOutcomes<'_>) -> ManyModelScores {
    score_many_model(outcomes.quality, outcomes.cost_usd, outcomes)
}

/// The zero router: the single models alone. A router below it is worth nothing.
pub fn zero_router_scores(outcomes: ManyModelOutcomes<'_>) -> ManyModelScores {
    outcomes.read(outcomes.single_models().into_iter().map(|mean| point(None, mean)).collect())
}

impl ManyModelOutcomes<'_> {
    /// Mean cost and quality of each model.
    pub fn single_models(&self) -> Vec<CostQuality> {
        let models = self.quality.first().map_or(0, Vec::len);
        (0..models).map(|model| self.mean_of(self.quality.iter().map(|_| model))).collect()
    }

    /// What a model gave on a row.
    pub(super) fn of(&self, row: usize, model: usize) -> CostQuality {
        CostQuality { cost_usd: self.cost_usd[row][model], quality: self.quality[row][model] }
    }

    /// Mean outcome of choosing a model for each row.
    pub fn mean_of(&self, chosen: impl Iterator<Item = usize>) -> CostQuality {
        let (mut quality, mut cost_usd, mut rows) = (0.0, 0.0, 0usize);
        for (row, model) in chosen.enumerate() {
            quality += self.quality[row][model];
            cost_usd += self.cost_usd[row][model];
            rows += 1;
        }
        let rows = rows.max(1) as f64;
        CostQuality { cost_usd: cost_usd / rows, quality: quality / rows }
    }

    fn read(&self, points: Vec<LambdaPoint>) -> ManyModelScores {
        let means: Vec<CostQuality> = points.iter().map(|point| point.mean).collect();
        let CurveFigures { aiq, cost_share_at_95 } = read_curve(&means, &self.single_models());
        let best_arena = points.iter().map(|point| point.arena).fold(0.0, f64::max);
        ManyModelScores { aiq, cost_share_at_95, best_arena, points }
    }
}

/// What is read from a curve, as [`ManyModelScores`] has it.
pub(super) struct CurveFigures {
    pub(super) aiq: f64,
    pub(super) cost_share_at_95: Option<f64>,
}

/// Reads a curve beside the mean outcomes of the single models on the same rows.
pub(super) fn read_curve(points: &[CostQuality], single_models: &[CostQuality]) -> CurveFigures {
    let dearest = single_models.iter().map(|model| model.cost_usd).fold(0.0, f64::max);
    let cost_share_at_95 = best_of(single_models).and_then(|best| {
        let good = points.iter().filter(|mean| mean.quality >= QUALITY_SHARE * best.quality);
        let least = good.map(|mean| mean.cost_usd).min_by(f64::total_cmp)?;
        (best.cost_usd > 0.0).then(|| least / best.cost_usd)
    });
    CurveFigures { aiq: area_under_hull(&non_decreasing_concave_hull(points), dearest), cost_share_at_95 }
}

/// The best model by mean quality; the cheaper one wins a tie.
fn best_of(single_models: &[CostQuality]) -> Option<CostQuality> {
    let by_quality =
        |a: &&CostQuality, b: &&CostQuality| b.quality.total_cmp(&a.quality).then(a.cost_usd.total_cmp(&b.cost_usd));
    single_models.iter().min_by(by_quality).copied()
}

fn point(lambda: Option<f64>, mean: CostQuality) -> LambdaPoint {
    LambdaPoint { lambda, mean, arena: arena_score(mean.quality, mean.cost_usd * 1000.0) }
}

/// The model that is worth most at a weight of cost; the cheaper one wins a tie, then the first.
pub(super) fn choose(quality: &[f64], cost_usd: &[f64], lambda: f64) -> usize {
    let worth = |model: usize| quality[model] - lambda * cost_usd[model];
    (0..quality.len().min(cost_usd.len()))
        .min_by(|a, b| worth(*b).total_cmp(&worth(*a)).then(cost_usd[*a].total_cmp(&cost_usd[*b])))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A cheap model that is right on the first row, a dear one that is right on both.
    fn two_rows() -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        (vec![vec![1.0, 1.0], vec![0.0, 1.0]], vec![vec![0.001, 0.01], vec![0.001, 0.03]])
    }

    #[test]
    fn the_grid_has_zero_and_two_hundred_points() {
        let grid = lambda_grid();
        assert_eq!(grid.len(), 201);
        assert!(grid[0].abs() < 1e-12 && (grid[1] - 0.1).abs() < 1e-12 && (grid[200] - 1e6).abs() < 1e-3);
        assert!((grid[2] / grid[1] - grid[200] / grid[199]).abs() < 1e-9);
    }

    #[test]
    fn a_case_worked_by_hand() {
        let (quality, cost_usd) = two_rows();
        let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
        let zero = zero_router_scores(outcomes);
        // Singles (0.001, 0.5) and (0.02, 1): trapeze of 0.019 * 0.75, over 0.02.
        assert!((zero.aiq - 0.019 * 0.75 / 0.02).abs() < 1e-12);
        assert!(zero.cost_share_at_95.is_some_and(|share| (share - 1.0).abs() < 1e-12));
        // The oracle also has (0.0155, 1): 0.0145 * 0.75 + 0.0045.
        let oracle = oracle_scores(outcomes);
        assert!((oracle.aiq - (0.0145 * 0.75 + 0.0045) / 0.02).abs() < 1e-12);
        assert!(oracle.cost_share_at_95.is_some_and(|share| (share - 0.0155 / 0.02).abs() < 1e-12));
        assert_eq!(best_of(&outcomes.single_models()), Some(CostQuality { cost_usd: 0.02, quality: 1.0 }));
    }

    #[test]
    fn weight_on_cost_moves_the_choice() {
        let (quality, cost_usd) = two_rows();
        let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
        let expected = vec![vec![0.001, 0.02]; 2];
        let scores = score_many_model(&[vec![0.6, 0.9], vec![0.2, 0.9]], &expected, outcomes);
        let first = &scores.points[0].mean;
        let last = &scores.points[200].mean;
        assert!((first.quality - 1.0).abs() < 1e-12 && (last.quality - 0.5).abs() < 1e-12);
        // Between 0.3 / 0.019 and 0.7 / 0.019 USD^-1 the first row goes to the cheap model alone.
        assert!(scores.points.iter().any(|point| (point.mean.cost_usd - 0.0155).abs() < 1e-12));
    }

    proptest! {
        #[test]
        fn the_oracle_is_no_worse_than_any_router(
            rows in prop::collection::vec(prop::collection::vec((0u8..=1, 1u32..1000, 0.0f64..1.0), 3), 2..30),
        ) {
            let quality: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|(q, _, _)| f64::from(*q)).collect()).collect();
            let cost_usd: Vec<Vec<f64>> =
                rows.iter().map(|row| row.iter().map(|(_, micros, _)| f64::from(*micros) * 1e-6).collect()).collect();
            let predicted: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|(_, _, p)| *p).collect()).collect();
            let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
            let singles = outcomes.single_models();
            let expected = vec![singles.iter().map(|single| single.cost_usd).collect::<Vec<_>>(); rows.len()];
            let router = score_many_model(&predicted, &expected, outcomes);
            let oracle = oracle_scores(outcomes);
            let best = oracle.points.iter().map(|point| point.mean.quality).fold(0.0, f64::max);
            for point in &router.points {
                prop_assert!(point.mean.quality <= best + 1e-9);
                // At every weight the oracle's worth is the most there is.
                let lambda = point.lambda.unwrap_or(0.0);
                let of_oracle = oracle.points.iter().find(|other| other.lambda == point.lambda);
                let worth = |mean: &CostQuality| mean.quality - lambda * mean.cost_usd;
                let least = worth(&point.mean) - 1e-9 * lambda.max(1.0);
                prop_assert!(of_oracle.is_some_and(|other| worth(&other.mean) >= least));
            }
            prop_assert!((0.0..=1.0 + 1e-9).contains(&router.aiq));
        }
    }
}
