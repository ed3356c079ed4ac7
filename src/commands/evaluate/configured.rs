//! Which model a configuration's strategy chooses for each prompt.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::super::{UsageError, parts};
use super::EvaluateOptions;
use super::predictions::bar;
use super::rows::InputRows;
use crate::chat::ChatRequest;
use crate::evaluation::report::{ChosenModel, ChosenModelsReport};
use crate::routing::{Overrides, RouteError, Router};

/// Prompts in flight together: a transformer batches what waits.
const PROMPTS_A_BATCH: usize = 64;
/// One model for more than this share of prompts is worth a warning.
const NEAR_CONSTANT_SHARE: f64 = 0.95;

/// The model of one prompt.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) model: String,
    expected_cost_usd: Option<f64>,
}

/// The models of all prompts.
pub(super) struct Choices {
    pub(super) strategy: &'static str,
    labels: Vec<Choice>,
    pub(super) outcomes: Vec<Choice>,
}

/// Chooses a model for every row.
pub(super) fn choose(router: &Router, input: &InputRows) -> anyhow::Result<Choices> {
    if input.without_words() > 0 {
        let message = "--config: a model is chosen for words, and some rows hold features in their place; leave it out, or give rows with a prompt";
        return Err(UsageError(message.into()).into());
    }
    let mut choices = choices_of(router, &input.texts())?.into_iter();
    let labels = choices.by_ref().take(input.labels.len()).collect();
    Ok(Choices { strategy: router.config().strategy.name(), labels, outcomes: choices.collect() })
}

/// The router of `--config`, with the artifact of `--router`.
pub(super) fn router(options: &EvaluateOptions) -> anyhow::Result<Option<Router>> {
    let Some(path) = &options.config else { return Ok(None) };
    let mut config = parts::read_config(path)?.without_sessions();
    if let Some(embedder) = &options.embedder {
        config.router.embedder.clone_from(embedder);
    }
    parts::build_router(&config, &path.display().to_string(), Some(&options.router)).map(Some)
}

/// The first model of each prompt's chain.
pub(super) fn choices_of(router: &Router, texts: &[&str]) -> anyhow::Result<Vec<Choice>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let bar = bar(texts.len(), "choosing");
    let mut choices = Vec::with_capacity(texts.len());
    for batch in texts.chunks(PROMPTS_A_BATCH) {
        let requests: Vec<ChatRequest> =
            batch.iter().map(|text| ChatRequest::from_prompt(text)).collect::<Result<_, _>>()?;
        let overrides = Overrides::default();
        let decisions = runtime.block_on(join_all(requests.iter().map(|request| router.decide(request, &overrides))));
        for decision in decisions {
            let decision = decision.map_err(|error| match error {
                RouteError::Embed(error) => anyhow::Error::from(error),
                other => UsageError(format!("--config: {other}")).into(),
            })?;
            let primary = decision.primary().ok_or_else(|| UsageError("--config: no model is configured".into()))?;
            choices.push(Choice { model: primary.model.clone(), expected_cost_usd: primary.expected_cost_usd });
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(choices)
}

impl Choices {
    pub(super) fn report(&self) -> ChosenModelsReport {
        let all: Vec<&Choice> = self.labels.iter().chain(&self.outcomes).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for choice in &all {
            *counts.entry(&choice.model).or_default() += 1;
        }
        let prompts = all.len().max(1) as f64;
        let mut models: Vec<ChosenModel> = counts
            .into_iter()
            .map(|(model, count)| ChosenModel {
                model: model.to_owned(),
                prompts: count,
                share: count as f64 / prompts,
            })
            .collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.prompts));
        let costs: Option<Vec<f64>> = all.iter().map(|choice| choice.expected_cost_usd).collect();
        ChosenModelsReport {
            strategy: self.strategy.to_owned(),
            prompts: all.len(),
            mean_expected_cost_usd: costs
                .filter(|costs| !costs.is_empty())
                .map(|costs| costs.iter().sum::<f64>() / prompts),
            models,
        }
    }
}

/// Says so when one model gets nearly every prompt.
pub(super) fn warning(report: &ChosenModelsReport) -> Option<String> {
    let first = report.models.first().filter(|model| model.share > NEAR_CONSTANT_SHARE)?;
    let share = first.share * 100.0;
    Some(format!("chosen models: the router is near-constant, {share:.1}% of the prompts go to {}", first.model))
}
