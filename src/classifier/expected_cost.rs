//! What an answer is expected to cost, from the real costs of the nearest outcome prompts. Computed when it is asked for: most
//! requests never ask. Pure.

use std::sync::Arc;

use super::ByModel;

/// Stands for a cost that is not known.
pub const UNKNOWN_COST: f32 = -1.0;

/// What models cost on outcome rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutcomeCosts {
    /// Each model's mean in USD over the outcome rows, or [`UNKNOWN_COST`].
    pub mean_usd: Vec<f32>,
    /// `rows * models` of the remembered rows in USD, or [`UNKNOWN_COST`]; empty where no row knows one.
    pub rows_usd: Vec<f32>,
}

impl OutcomeCosts {
    /// The weighted mean of what every model cost on these rows; its mean where none of them knows it; NaN where no row does.
    pub fn expected_usd(&self, near: &[(usize, f32)]) -> Vec<f64> {
        let models = self.mean_usd.len();
        let (mut sums, mut weights) = (vec![0.0f32; models], vec![0.0f32; models]);
        for (row, weight) in near {
            let Some(of_row) = self.rows_usd.get(row * models..(row + 1) * models) else { continue };
            for ((sum, total), cost) in sums.iter_mut().zip(&mut weights).zip(of_row) {
                let weight = if *cost < 0.0 { 0.0 } else { *weight };
                *sum += weight * cost;
                *total += weight;
            }
        }
        let of_model = |((sum, weight), mean): ((f32, f32), &f32)| match (weight > 0.0, *mean >= 0.0) {
            (true, _) => f64::from(sum / weight),
            (false, true) => f64::from(*mean),
            (false, false) => f64::NAN,
        };
        sums.into_iter().zip(weights).zip(&self.mean_usd).map(of_model).collect()
    }
}

/// What one prompt needs for its costs to be computed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CostForecast {
    models: Arc<[String]>,
    costs: Option<Arc<OutcomeCosts>>,
    near: Vec<(usize, f32)>,
}

impl CostForecast {
    /// Remembers the nearest rows with their weights.
    pub fn new(models: Arc<[String]>, costs: Arc<OutcomeCosts>, near: Vec<(usize, f32)>) -> Self {
        Self { models, costs: Some(costs), near }
    }

    /// USD for each model whose cost the outcome rows tell.
    pub fn by_model(&self) -> ByModel {
        let expected = self.costs.as_ref().map(|costs| costs.expected_usd(&self.near)).unwrap_or_default();
        ByModel::new(Arc::clone(&self.models), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_rows_go_before_the_mean_and_the_mean_before_nothing() {
        let costs = OutcomeCosts {
            mean_usd: vec![0.5, 0.25, UNKNOWN_COST],
            rows_usd: vec![0.1, UNKNOWN_COST, UNKNOWN_COST, 0.4, UNKNOWN_COST, UNKNOWN_COST],
        };
        let models = ["a", "b", "c"].map(str::to_owned).into();
        let forecast = CostForecast::new(models, Arc::new(costs), vec![(0, 1.0), (1, 2.0)]).by_model();
        assert!((forecast.get("a").unwrap() - 0.3).abs() < 1e-6, "{forecast:?}");
        assert_eq!((forecast.get("b"), forecast.get("c")), (Some(&0.25), None));
        assert!(CostForecast::default().by_model().is_empty());
    }
}
