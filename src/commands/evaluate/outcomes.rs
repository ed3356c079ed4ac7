//! Outcome rows and predictions to the outcome report: which models, which rows, which costs.

use std::collections::BTreeMap;

use super::super::UsageError;
use super::EvaluateOptions;
use super::configured::Choices;
use super::predictions::Predictions;
use super::rows::{InputRows, TextOutcomes};
use crate::classifier::Classification;
use crate::evaluation::{
    ManyModelOutcomes, ManyModelReport, ManyModelRows, OutcomesReport, QualityScores, TwoModelReport, TwoModelRows,
    many_model_report, score_quality, two_model_report,
};

type Measured<'a> = Vec<(usize, &'a TextOutcomes, &'a Classification)>;

/// Measures outcomes, if there are any.
pub(super) fn measure(
    options: &EvaluateOptions,
    input: &InputRows,
    predictions: &Predictions,
    configured: Option<&Choices>,
) -> anyhow::Result<Option<OutcomesReport>> {
    if input.outcomes.is_empty() {
        return Ok(None);
    }
    let all = input.outcomes.iter().zip(&predictions.outcomes).enumerate();
    let rows: Measured<'_> = all.filter_map(|(at, (row, said))| Some((at, row, said.as_ref()?.chosen()))).collect();
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for model in rows.iter().flat_map(|(_, row, _)| row.row.scores.keys()) {
        *counts.entry(model).or_default() += 1;
    }
    let models: Vec<String> = counts.keys().map(|model| (*model).clone()).collect();
    Ok(Some(OutcomesReport {
        rows: rows.len(),
        predicted_quality: models.iter().filter_map(|model| predicted_quality(model, &rows)).collect(),
        two_model: two_models(options, &models, &rows)?,
        many_model: many_models(&models, input, &rows, configured),
    }))
}

fn predicted_quality(model: &String, rows: &Measured<'_>) -> Option<QualityScores> {
    let both =
        rows.iter().filter_map(|(_, row, said)| Some((said.predicted_quality.get(model)?, row.row.scores.get(model)?)));
    let (predicted, real): (Vec<f64>, Vec<f64>) = both.unzip();
    (!real.is_empty()).then(|| score_quality(model, &predicted, &real))
}

fn two_models(
    options: &EvaluateOptions,
    models: &[String],
    rows: &Measured<'_>,
) -> Result<Option<TwoModelReport>, UsageError> {
    let (strong, weak) = match (&options.strong, &options.weak, models) {
        (Some(strong), Some(weak), _) => {
            for (flag, model) in [("--strong", strong), ("--weak", weak)] {
                if !models.contains(model) {
                    let known = models.join(", ");
                    return Err(UsageError(format!(
                        "{flag} {model}: no row has a score of it; the files have {known}"
                    )));
                }
            }
            (strong, weak)
        }
        (_, _, [a, b]) => {
            let mean = |model: &String| -> f64 {
                let scores: Vec<f64> =
                    rows.iter().filter_map(|(_, row, _)| row.row.scores.get(model)).copied().collect();
                scores.iter().sum::<f64>() / scores.len().max(1) as f64
            };
            if mean(a) >= mean(b) { (a, b) } else { (b, a) }
        }
        _ => return Ok(None),
    };
    let (mut strong_scores, mut weak_scores, mut prompt_chars) = (Vec::new(), Vec::new(), Vec::new());
    let (mut gaps, mut complexities) = (Vec::new(), Vec::new());
    for (_, row, said) in rows {
        if let (Some(of_strong), Some(of_weak)) = (row.row.scores.get(strong), row.row.scores.get(weak)) {
            strong_scores.push(*of_strong);
            weak_scores.push(*of_weak);
            prompt_chars.push(row.material.chars() as usize);
            complexities.push(said.complexity.expected_position());
            let both = said.predicted_quality.get(strong).zip(said.predicted_quality.get(weak));
            gaps.extend(both.map(|(strong, weak)| strong - weak));
        }
    }
    // Rows of a log have the score of the one model that answered: two models are compared only where somebody asks for it.
    if strong_scores.is_empty() && options.strong.is_none() {
        return Ok(None);
    }
    if strong_scores.is_empty() {
        return Err(UsageError(format!("no row has scores of both {strong} (--strong) and {weak} (--weak)")));
    }
    let predicts_both = gaps.len() == strong_scores.len();
    let (name, score) = if predicts_both { ("predicted_quality", &gaps) } else { ("complexity", &complexities) };
    let rows = TwoModelRows { strong: &strong_scores, weak: &weak_scores, score, prompt_chars: &prompt_chars };
    Ok(Some(two_model_report(strong, weak, name, rows)))
}

/// Models with score and cost in at least half of the rows; the rows that have both of all of them.
fn many_models(
    models: &[String],
    input: &InputRows,
    rows: &Measured<'_>,
    configured: Option<&Choices>,
) -> Option<ManyModelReport> {
    let has =
        |row: &TextOutcomes, model: &String| row.row.scores.contains_key(model) && row.row.cost_usd.contains_key(model);
    let compared: Vec<String> = models
        .iter()
        .filter(|model| 2 * rows.iter().filter(|(_, row, _)| has(row, model)).count() >= rows.len())
        .cloned()
        .collect();
    let whole: Measured<'_> =
        rows.iter().filter(|(_, row, _)| compared.iter().all(|model| has(row, model))).copied().collect();
    if compared.len() < 2 || whole.is_empty() {
        return None;
    }
    let column = |values: &BTreeMap<String, f64>| -> Vec<f64> {
        compared.iter().filter_map(|model| values.get(model)).copied().collect()
    };
    let quality: Vec<Vec<f64>> = whole.iter().map(|(_, row, _)| column(&row.row.scores)).collect();
    let cost_usd: Vec<Vec<f64>> = whole.iter().map(|(_, row, _)| column(&row.row.cost_usd)).collect();
    let predicted: Vec<Vec<f64>> = whole.iter().map(|(_, _, said)| column(&said.predicted_quality.to_map())).collect();
    let predicts_all = predicted.iter().all(|row| row.len() == compared.len());
    let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
    let forecast: Vec<Vec<f64>> =
        whole.iter().map(|(_, _, said)| column(&said.predicted_cost_usd().to_map())).collect();
    let foresees_all = forecast.iter().all(|row| row.len() == compared.len());
    let same_for_all = |costs: Vec<f64>| vec![costs; whole.len()];
    let (expected, source) = match mean_costs(&compared, &input.baseline_outcomes) {
        _ if foresees_all => (forecast, "the artifact's forecast for each prompt"),
        Some(costs) => (same_for_all(costs), "its mean over the rows of --baseline"),
        None => {
            let means = outcomes.single_models().iter().map(|single| single.cost_usd).collect();
            (same_for_all(means), "its mean over these rows")
        }
    };
    let chosen = configured.and_then(|choices| {
        let place = |at: usize| compared.iter().position(|model| *model == choices.outcomes[at].model);
        let chosen: Vec<usize> = whole.iter().map(|(at, _, _)| place(*at)).collect::<Option<_>>()?;
        Some((format!("configured ({})", choices.strategy), chosen))
    });
    Some(many_model_report(ManyModelRows {
        models: &compared,
        predicted: predicts_all.then_some(predicted.as_slice()),
        expected_cost_usd: &expected,
        expected_cost: source,
        outcomes,
        configured: chosen.as_ref().map(|(name, chosen)| (name.as_str(), chosen.as_slice())),
    }))
}

fn mean_costs(models: &[String], rows: &[TextOutcomes]) -> Option<Vec<f64>> {
    models
        .iter()
        .map(|model| {
            let costs: Vec<f64> = rows.iter().filter_map(|row| row.row.cost_usd.get(model)).copied().collect();
            (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64)
        })
        .collect()
}
