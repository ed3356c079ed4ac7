//! What fits that had not seen a remembered outcome row predicted of it, beside what really came of it, and the curve of cost
//! against quality that follows for any models and prices. Pure.

use serde::Serialize;

use super::{OutcomeNeighbours, QualityHeads};

/// Stands for a length that is not known.
pub const UNKNOWN_TOKENS: u16 = u16::MAX;
/// Steps of the curve from 0 to 1.
const CURVE_STEPS: u32 = 20;

/// What is kept of the remembered rows beside their vectors, scores and costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeldOutRows {
    /// `rows * models`: held-out predicted quality in steps of 1/254, or [`super::UNKNOWN_SCORE`].
    pub predicted: Vec<u8>,
    /// `rows * models`: real output tokens, or [`UNKNOWN_TOKENS`]; empty where no row knows any. Longer ones count as 65,534.
    pub output_tokens: Vec<u16>,
    /// Estimated tokens of each prompt, its characters over 4.
    pub input_tokens: Vec<f32>,
}

impl HeldOutRows {
    /// Checks that the parts fit; the message says what does not.
    pub(super) fn check(&self, models: usize, rows: usize) -> Result<(), String> {
        let tokens = if self.output_tokens.is_empty() { 0 } else { models * rows };
        for (name, found, expected) in [
            ("held_out.predicted", self.predicted.len(), models * rows),
            ("held_out.output_tokens", self.output_tokens.len(), tokens),
            ("held_out.input_tokens", self.input_tokens.len(), rows),
        ] {
            if found != expected {
                return Err(format!("{found} {name}, expected {expected}"));
            }
        }
        Ok(())
    }

    /// A length as it is kept.
    pub fn short_of_tokens(tokens: Option<f64>) -> u16 {
        tokens.map_or(UNKNOWN_TOKENS, |tokens| tokens.round().clamp(0.0, f64::from(UNKNOWN_TOKENS - 1)) as u16)
    }
}

/// Remembered outcome rows with held-out predictions, for whoever wants to know what a way of choosing would have given. Lists of
/// `rows * models`, a row's together; `None` where a row does not know it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValidationOutcomes {
    /// The models, in the order of every row.
    pub models: Vec<String>,
    /// How many rows there are.
    pub rows: usize,
    /// Predicted quality, 0..1, by fits that had not seen the row.
    pub predicted: Vec<Option<f32>>,
    /// Real quality, 0..1.
    pub scores: Vec<Option<f32>>,
    /// Real cost in USD, at the prices of the outcome rows.
    pub costs_usd: Vec<Option<f32>>,
    /// Real output tokens.
    pub output_tokens: Vec<Option<f32>>,
    /// Of each row: estimated tokens of the prompt, its characters over 4. What came before the prompt is not in it.
    pub input_tokens: Vec<f32>,
}

/// What keeping a share of the best predicted quality gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The share of each row's best predicted quality that the chosen model had to be predicted.
    pub kept: f64,
    /// Mean real quality, as a share of the best single model's.
    pub quality_share: f64,
    /// Mean cost, as a share of the best single model's.
    pub cost_share: f64,
}

/// The curve over the rows that know everything of all compared models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostQualityCurve {
    /// The model with the best mean quality; the cheaper one of equals. Shares are of its quality and its cost.
    pub best_single: String,
    /// Models that were compared.
    pub models: Vec<String>,
    /// Rows.
    pub rows: usize,
    /// `kept` from 0 to 1 in steps of 0.05.
    pub points: Vec<CurvePoint>,
}

/// One model to compare.
struct Compared {
    /// Index among the outcomes' models.
    at: usize,
    mean_score: f64,
    mean_cost: f64,
}

impl ValidationOutcomes {
    /// Reads what an artifact keeps.
    pub(super) fn of(models: Vec<String>, heads: &QualityHeads) -> Self {
        let (near, held_out) = (&heads.neighbours, &heads.held_out);
        let entries = models.len() * near.rows();
        let scores_of = |bytes: &[u8]| bytes.iter().map(|byte| OutcomeNeighbours::score_of_byte(*byte)).collect();
        let costs = heads.costs.rows_usd.iter().map(|cost| (*cost >= 0.0).then_some(*cost));
        let tokens = held_out.output_tokens.iter().map(|n| (*n != UNKNOWN_TOKENS).then_some(f32::from(*n)));
        let mut outcomes = Self {
            rows: near.rows(),
            predicted: scores_of(&held_out.predicted),
            scores: scores_of(&near.scores),
            costs_usd: costs.collect(),
            output_tokens: tokens.collect(),
            input_tokens: held_out.input_tokens.clone(),
            models,
        };
        outcomes.costs_usd.resize(entries, None);
        outcomes.output_tokens.resize(entries, None);
        outcomes
    }

    /// The curve at the costs of the outcome rows themselves, among the models that know score and cost in at least half the rows.
    pub fn curve(&self) -> Option<CostQualityCurve> {
        let knows = |row: usize, model: usize| self.at(&self.scores, row, model).zip(self.cost(row, model)).is_some();
        let often = |model: &usize| 2 * (0..self.rows).filter(|row| knows(*row, *model)).count() >= self.rows;
        let models: Vec<usize> = (0..self.models.len()).filter(often).collect();
        self.curve_at(&models, |row, model| self.cost(row, model))
    }

    /// The curve among some of the models, by index, at costs that the caller names: `None` where it knows none. For each share of the
    /// best predicted quality the cheapest model (by mean cost) that keeps it is chosen. `None` without two models and rows that
    /// know prediction, score and cost of all of them, or where the best model costs nothing.
    pub fn curve_at(
        &self,
        models: &[usize],
        cost_usd: impl Fn(usize, usize) -> Option<f64>,
    ) -> Option<CostQualityCurve> {
        let whole = |row: &usize| {
            models.iter().all(|model| {
                let known = self.at(&self.predicted, *row, *model).zip(self.at(&self.scores, *row, *model));
                known.is_some() && cost_usd(*row, *model).is_some()
            })
        };
        let rows: Vec<usize> = (0..self.rows).filter(whole).collect();
        if rows.is_empty() || models.len() < 2 {
            return None;
        }
        let mean = |of: &dyn Fn(usize) -> f64| rows.iter().map(|row| of(*row)).sum::<f64>() / rows.len() as f64;
        let score = |row: usize, model: usize| self.at(&self.scores, row, model).unwrap_or(0.0);
        let cost = |row: usize, model: usize| cost_usd(row, model).unwrap_or(0.0);
        let mut compared: Vec<Compared> = models
            .iter()
            .map(|&at| Compared { at, mean_score: mean(&|row| score(row, at)), mean_cost: mean(&|row| cost(row, at)) })
            .collect();
        // The cheapest first, so that the first one that keeps enough is chosen.
        compared.sort_by(|a, b| a.mean_cost.total_cmp(&b.mean_cost).then(b.mean_score.total_cmp(&a.mean_score)));
        let best = compared.iter().rev().max_by(|a, b| a.mean_score.total_cmp(&b.mean_score))?;
        if best.mean_cost <= 0.0 || best.mean_score <= 0.0 {
            return None;
        }
        let predicted = |row: usize, model: &Compared| self.at(&self.predicted, row, model.at).unwrap_or(0.0);
        let chosen = |row: usize, kept: f64| {
            let most = compared.iter().map(|model| predicted(row, model)).fold(0.0, f64::max);
            compared.iter().find(|model| predicted(row, model) >= kept * most).map_or(best.at, |model| model.at)
        };
        let point = |step: u32| {
            let kept = f64::from(step) / f64::from(CURVE_STEPS);
            CurvePoint {
                kept,
                quality_share: mean(&|row| score(row, chosen(row, kept))) / best.mean_score,
                cost_share: mean(&|row| cost(row, chosen(row, kept))) / best.mean_cost,
            }
        };
        Some(CostQualityCurve {
            best_single: self.models[best.at].clone(),
            models: models.iter().map(|at| self.models[*at].clone()).collect(),
            rows: rows.len(),
            points: (0..=CURVE_STEPS).map(point).collect(),
        })
    }

    fn at(&self, list: &[Option<f32>], row: usize, model: usize) -> Option<f64> {
        list.get(row * self.models.len() + model).copied().flatten().map(f64::from)
    }

    fn cost(&self, row: usize, model: usize) -> Option<f64> {
        self.at(&self.costs_usd, row, model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dear model that is always right and a cheap one that is right on the first of two rows, as was predicted.
    fn outcomes() -> ValidationOutcomes {
        ValidationOutcomes {
            models: vec!["dear".into(), "cheap".into()],
            rows: 3,
            predicted: vec![Some(0.9), Some(0.8), Some(0.9), Some(0.3), Some(0.9), None],
            scores: vec![Some(1.0), Some(1.0), Some(1.0), Some(0.0), Some(1.0), None],
            costs_usd: vec![Some(0.02), Some(0.001), Some(0.02), Some(0.001), Some(0.02), None],
            output_tokens: vec![None; 6],
            input_tokens: vec![1.0; 3],
        }
    }

    #[test]
    fn a_case_worked_by_hand() {
        let curve = outcomes().curve().unwrap();
        assert_eq!((curve.best_single.as_str(), curve.rows, curve.points.len()), ("dear", 2, 21));
        let at = |kept: f64| *curve.points.iter().find(|point| (point.kept - kept).abs() < 1e-9).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(at(0.0).quality_share, 0.5) && near(at(0.0).cost_share, 0.05), "{:?}", at(0.0));
        assert!(near(at(0.85).quality_share, 1.0) && near(at(0.85).cost_share, 0.525), "{:?}", at(0.85));
        assert!(near(at(1.0).quality_share, 1.0) && near(at(1.0).cost_share, 1.0), "{:?}", at(1.0));
    }

    #[test]
    fn the_caller_may_name_other_prices_and_models() {
        let outcomes = outcomes();
        let curve = outcomes.curve_at(&[0, 1], |_, model| Some([1.0, 2.0][model])).unwrap();
        assert!(curve.points.iter().all(|point| (point.cost_share - 1.0).abs() < 1e-9), "the better one is cheaper");
        assert_eq!(outcomes.curve_at(&[0], |_, _| Some(1.0)), None, "nothing to compare");
        assert_eq!(outcomes.curve_at(&[0, 1], |_, _| None), None, "no costs");
    }
}
