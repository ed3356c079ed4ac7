//! The cost-quality curve of the artifact's held-out outcomes, drawn anew for the models and prices of the configuration.

use super::{Model, Registry};
use crate::chat::Usage;
use crate::classifier::{Classifier, CostQualityCurve, ValidationOutcomes};

/// What keeping each share of the best predicted quality gave, among the configured models that the artifact has outcomes of. Where a row tells
/// how long an answer was and the model's price is known, that is what it cost; otherwise what the row itself says. `None` without at least two such
/// models or rows that know all of them.
pub(super) fn draw(classifier: &Classifier, registry: &Registry) -> Option<CostQualityCurve> {
    let outcomes = classifier.validation_outcomes()?;
    // Of several models that share outcomes, the first stands for all.
    let model_of: Vec<Option<&Model>> = outcomes
        .models
        .iter()
        .map(|name| registry.models().iter().find(|model| model.outcomes_name == *name))
        .collect();
    let compared: Vec<usize> = (0..model_of.len()).filter(|at| model_of[*at].is_some()).collect();
    outcomes.curve_at(&compared, |row, at| cost_usd(&outcomes, row, at, model_of[at]?))
}

fn cost_usd(outcomes: &ValidationOutcomes, row: usize, at: usize, model: &Model) -> Option<f64> {
    let entry = row * outcomes.models.len() + at;
    let recorded = outcomes.costs_usd.get(entry).copied().flatten().map(f64::from);
    let output = outcomes.output_tokens.get(entry).copied().flatten();
    let today = output.zip(model.prices).map(|(output, prices)| {
        let input = outcomes.input_tokens.get(row).copied().unwrap_or(0.0);
        let usage = Usage { input: input.round() as u64, output: output.round() as u64, ..Usage::default() };
        prices.cost_usd(usage)
    });
    today.or(recorded)
}
