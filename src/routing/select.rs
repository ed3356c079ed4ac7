//! Selection: pure. Drops the models that cannot serve, predicts quality, cost and time of the others, lets the strategy rank them, holds a
//! conversation to its model where that pays, and makes the plan.

use super::bounds::Bounds;
use super::contender::{Contender, weigh_slowness};
use super::decision::Candidate;
use super::holding::{self, Held};
use super::latency::Expectations;
use super::plan::Plan;
use super::unmet::{NoCandidate, Unmet};
use super::{History, Model, Registry, Requirements, RouterConfig, Signals, Strategy};
use crate::chat::Usage;

/// What was asked of one choice, once everybody who may ask has been heard: rules, the request, its route, the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// How to choose.
    pub strategy: Strategy,
    /// The share of the best predicted quality that `balanced` keeps.
    pub quality_share: f64,
    /// Every one of them holds.
    pub bounds: Vec<Bounds>,
    /// What the prompt is nearest to, for `semantic`.
    pub archetype: Option<NearestArchetype>,
}

/// The archetype that a prompt is nearest to.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestArchetype {
    /// Its name.
    pub name: String,
    /// Its models, the preferred one first.
    pub models: Vec<String>,
    /// Cosine to its nearest example.
    pub similarity: f64,
}

/// What is known of the moment.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// What was chosen before.
    pub history: &'a History,
    /// How long models take; `None` where nobody asks.
    pub expectations: Option<&'a Expectations>,
    /// The conversation's model, if it has one.
    pub held: Option<&'a Held>,
}

/// Everything that a strategy may look at beside the contenders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choosing<'a> {
    pub(super) terms: &'a Terms,
    pub(super) config: &'a RouterConfig,
    pub(super) live: Live<'a>,
    /// The configured judge, where it may see the request.
    pub(super) judge: Option<&'a str>,
}

impl Terms {
    /// What the configuration asks when nobody else asks for anything.
    pub fn of_config(config: &RouterConfig) -> Self {
        Self {
            strategy: config.strategy,
            quality_share: config.balanced_quality_share,
            bounds: vec![config.limits.clone()],
            archetype: None,
        }
    }
}

/// Chooses. Returns the plan and the reason in words.
pub fn select(
    signals: &Signals,
    requirements: &Requirements,
    registry: &Registry,
    terms: &Terms,
    config: &RouterConfig,
    live: Live<'_>,
) -> Result<(Plan, String), NoCandidate> {
    let choosing = Choosing { terms, config, live, judge: None };
    let mut outside = Vec::new();
    let mut contenders = Vec::with_capacity(registry.models().len());
    let (quality, tokens) =
        (registry.align(&signals.predicted_quality), registry.align(&signals.predicted_output_tokens));
    for ((model, quality), tokens) in registry.models().iter().zip(quality).zip(tokens) {
        let contender = contender(model, &Learnt { quality, tokens }, signals, requirements, live);
        let mut unmet: Vec<Unmet> = Vec::new();
        requirements.unmet_by(model, &mut unmet);
        terms.bounds.iter().for_each(|bounds| bounds.unmet_by(&contender, &mut unmet));
        if unmet.is_empty() {
            contenders.push(contender);
        } else {
            outside.push((model.name.clone(), unmet));
        }
    }
    if contenders.is_empty() {
        return Err(NoCandidate { models: outside });
    }
    weigh_slowness(&mut contenders, config.latency_weight);
    let asked = terms.strategy.rules();
    // Nothing like this prompt was seen, so its predicted quality means little: quality first, price second.
    // What is near an archetype is like something that the operator has seen.
    let upward = !signals.known && asked.weighs_quality() && terms.archetype.is_none();
    let ranking = if upward { Strategy::Best.rules() } else { asked };
    let mut why = ranking.rank(&mut contenders, &choosing);
    if let Some(held) = live.held.filter(|_| !asked.spreads_load())
        && let Some(because) = holding::hold(&mut contenders, held, ranking, signals, config)
    {
        why = because;
    }
    let ranked = asked.shorten(contenders, config.max_attempts.max(1));
    // A judge reads the prompt too: whoever may not serve it may not judge it.
    let judge_may = |name: &String| !outside.iter().any(|(model, _)| model == name);
    let judge = config.parallel.judge.as_ref().filter(|name| judge_may(name));
    let reason = ranked.first().map_or(String::new(), |first| explain(signals, first, terms.strategy, upward, &why));
    let candidates: Vec<Candidate> = ranked
        .iter()
        .enumerate()
        .map(|(place, contender)| {
            let fallback = || format!("fallback {place} on {}", contender.model.provider);
            contender.candidate(if place == 0 { why.clone() } else { fallback() })
        })
        .collect();
    Ok((asked.plan(candidates, &Choosing { judge: judge.map(String::as_str), ..choosing }), reason))
}

/// What the artifact's outcomes tell of one model for this prompt.
struct Learnt {
    quality: Option<f64>,
    tokens: Option<f64>,
}

fn contender<'a>(
    model: &'a Model,
    learnt: &Learnt,
    signals: &Signals,
    requirements: &Requirements,
    live: Live<'_>,
) -> Contender<'a> {
    let quality = learnt.quality.unwrap_or_else(|| model.quality.expected(signals));
    // What is stated counts before what was learnt: one upstream model with two settings writes answers of two lengths.
    let output = requirements.expected_output_tokens(model.output_tokens.map(f64::from).or(learnt.tokens));
    let input = requirements.input_tokens.expected(model.tokenizer);
    let cached_input = live.held.map_or(0, |held| held.cached_tokens(&model.name, input));
    let usage = Usage { input: input - cached_input, cached_input, output, ..Usage::default() };
    let seconds = live.expectations.and_then(|expectations| expectations.seconds(&model.name, output as f64));
    Contender { model, quality, value: quality, cost_usd: model.prices.map(|prices| prices.cost_usd(usage)), seconds }
}

fn explain(signals: &Signals, first: &Contender<'_>, strategy: Strategy, upward: bool, why: &str) -> String {
    let prompt = format!(
        "{} ({:.0}%), {} complexity ({:.0}%)",
        signals.task,
        signals.task_confidence * 100.0,
        signals.complexity,
        signals.complexity_confidence * 100.0
    );
    let routed_up = if upward { "; nothing like it was seen in training, so it is routed upward" } else { "" };
    format!("{prompt}{routed_up}: {} is {why} [{}]", first.model.name, strategy.name())
}
