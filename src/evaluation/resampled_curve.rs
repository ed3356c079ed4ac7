//! A way of choosing among many models as it is averaged again and again: which model a row goes to at a weight of cost does not
//! depend on the other rows, so it is found once, and a resample only adds up.

use super::hull::CostQuality;
use super::many_model::{ManyModelOutcomes, choose, lambda_grid};

/// What every row gives at the first weight, and where a later weight changes that.
pub(super) struct ResampledCurve {
    first: Vec<CostQuality>,
    changes: Vec<Change>,
    weights: usize,
}

/// From this weight on a row gives that much more (or less) than before.
struct Change {
    row: usize,
    weight: usize,
    cost_usd: f64,
    quality: f64,
}

impl ResampledCurve {
    /// Of a router that takes argmax(predicted quality - lambda * expected cost), as
    /// [`score_many_model`](super::many_model::score_many_model) does.
    pub(super) fn new(predicted: &[Vec<f64>], expected_cost_usd: &[Vec<f64>], outcomes: ManyModelOutcomes<'_>) -> Self {
        let lambdas = lambda_grid();
        let mut first = Vec::with_capacity(predicted.len());
        let mut changes = Vec::new();
        for (row, (quality, cost_usd)) in predicted.iter().zip(expected_cost_usd).enumerate() {
            let mut before = choose(quality, cost_usd, lambdas[0]);
            first.push(outcomes.of(row, before));
            for (weight, lambda) in lambdas.iter().enumerate().skip(1) {
                let now = choose(quality, cost_usd, *lambda);
                if now != before {
                    let (from, to) = (outcomes.of(row, before), outcomes.of(row, now));
                    let (cost_usd, quality) = (to.cost_usd - from.cost_usd, to.quality - from.quality);
                    changes.push(Change { row, weight, cost_usd, quality });
                    before = now;
                }
            }
        }
        Self { first, changes, weights: lambdas.len() }
    }

    /// The mean outcome at each weight, each row counted as often as it was drawn.
    pub(super) fn points(&self, times: &[u32]) -> Vec<CostQuality> {
        let rows = times.iter().map(|times| f64::from(*times)).sum::<f64>().max(1.0);
        let mut steps = vec![CostQuality { cost_usd: 0.0, quality: 0.0 }; self.weights];
        steps[0] = mean_of(&self.first, times);
        for change in &self.changes {
            let share = f64::from(times[change.row]) / rows;
            steps[change.weight].cost_usd += share * change.cost_usd;
            steps[change.weight].quality += share * change.quality;
        }
        let sum = |before: &mut CostQuality, step: CostQuality| {
            before.cost_usd += step.cost_usd;
            before.quality += step.quality;
            Some(*before)
        };
        steps.into_iter().scan(CostQuality { cost_usd: 0.0, quality: 0.0 }, sum).collect()
    }
}

/// Mean of rows, each counted as often as it was drawn.
pub(super) fn mean_of(rows: &[CostQuality], times: &[u32]) -> CostQuality {
    let (mut cost_usd, mut quality, mut drawn) = (0.0, 0.0, 0.0);
    for (row, times) in rows.iter().zip(times) {
        let times = f64::from(*times);
        cost_usd += times * row.cost_usd;
        quality += times * row.quality;
        drawn += times;
    }
    let drawn = f64::max(drawn, 1.0);
    CostQuality { cost_usd: cost_usd / drawn, quality: quality / drawn }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::many_model::score_many_model;
    use super::*;

    proptest! {
        #[test]
        fn a_resample_has_the_points_of_its_rows_written_out(
            rows in prop::collection::vec((prop::collection::vec((0u8..=1, 1u32..1000, 0.0f64..1.0), 3), 0u32..3), 2..20),
        ) {
            prop_assume!(rows.iter().any(|(_, times)| *times > 0));
            let column = |entry: &dyn Fn(&(u8, u32, f64)) -> f64| -> Vec<Vec<f64>> {
                rows.iter().map(|(models, _)| models.iter().map(entry).collect()).collect()
            };
            let quality = column(&|(quality, _, _)| f64::from(*quality));
            let cost_usd = column(&|(_, micros, _)| f64::from(*micros) * 1e-6);
            let predicted = column(&|(_, _, predicted)| *predicted);
            let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
            let times: Vec<u32> = rows.iter().map(|(_, times)| *times).collect();
            let found = ResampledCurve::new(&predicted, &cost_usd, outcomes).points(&times);

            let written_out = |values: &[Vec<f64>]| -> Vec<Vec<f64>> {
                let repeated = values.iter().zip(&times);
                repeated.flat_map(|(row, times)| std::iter::repeat_n(row.clone(), *times as usize)).collect()
            };
            let (quality, cost_usd, predicted) = (written_out(&quality), written_out(&cost_usd), written_out(&predicted));
            let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
            let expected = score_many_model(&predicted, &cost_usd, outcomes).points;
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found.quality - expected.mean.quality).abs() < 1e-9);
                prop_assert!((found.cost_usd - expected.mean.cost_usd).abs() < 1e-12);
            }
        }
    }
}
