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
    /// Whether a rule or the request's own dial had a say, beside the strategy and its bounds.
    pub is_steered: bool,
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
            is_steered: false,
        }
    }
}

/// What was chosen, and among what.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// What the gateway is asked to do.
    pub plan: Plan,
    /// Why, in words.
    pub reason: String,
    /// Every model that could have served, in the order of the registry.
    pub considered: Vec<Considered>,
    /// Every model that could not, in the order of the registry.
    pub outside: Vec<Outside>,
}

/// A model that could have served, as it was compared with the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Considered {
    /// Its place in the registry.
    pub index: usize,
    /// Expected quality of its answer, 0..1.
    pub quality: f64,
    /// Expected cost; `None`: its price is unknown.
    pub cost_usd: Option<f64>,
}

/// A model that could not serve, and what was expected of it all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Outside {
    /// What would have been compared.
    pub expected: Considered,
    /// What it does not meet; never empty.
    pub unmet: Vec<Unmet>,
}

/// Chooses.
pub fn select(
    signals: &Signals,
    requirements: &Requirements,
    registry: &Registry,
    terms: &Terms,
    config: &RouterConfig,
    live: Live<'_>,
) -> Result<Chosen, NoCandidate> {
    let choosing = Choosing { terms, config, live, judge: None };
    let mut outside = Vec::new();
    let mut contenders = Vec::with_capacity(registry.models().len());
    let mut considered = Vec::with_capacity(registry.models().len());
    // Whether people's bounds leave every model in that could serve.
    let mut leaves_choice = true;
    let (quality, tokens) =
        (registry.align(&signals.predicted_quality), registry.align(&signals.predicted_output_tokens));
    for (index, ((model, quality), tokens)) in registry.models().iter().zip(quality).zip(tokens).enumerate() {
        let contender = contender(model, &Learnt { quality, tokens }, signals, requirements, live);
        let mut unmet: Vec<Unmet> = Vec::new();
        requirements.unmet_by(model, &mut unmet);
        let by_request = unmet.len();
        terms.bounds.iter().for_each(|bounds| bounds.unmet_by(&contender, &mut unmet));
        leaves_choice &= unmet.len() == by_request;
        let expected = Considered { index, quality: contender.quality, cost_usd: contender.cost_usd };
        if unmet.is_empty() {
            considered.push(expected);
            contenders.push(contender);
        } else {
            outside.push(Outside { expected, unmet });
        }
    }
    let name = |outside: &Outside| registry.models().get(outside.expected.index).map(|model| &model.name);
    if contenders.is_empty() {
        let named = |outside: Outside| Some((name(&outside)?.clone(), outside.unmet));
        return Err(NoCandidate { models: outside.into_iter().filter_map(named).collect() });
    }
    weigh_slowness(&mut contenders, config.latency_weight);
    let asked = terms.strategy.rules();
    // Nothing like this prompt was seen, so its predicted quality means little: quality first, price second.
    // What is near an archetype is like something that the operator has seen.
    let upward = !signals.known && asked.weighs_quality() && terms.archetype.is_none();
    let ranking = if upward { Strategy::Best.rules() } else { asked };
    let mut why = ranking.rank(&mut contenders, &choosing);
    let mut by_prediction = ranking.weighs_quality_against_cost() && leaves_choice && !terms.is_steered;
    if let Some(held) = live.held.filter(|_| !asked.spreads_load())
        && let Some(because) = holding::hold(&mut contenders, held, ranking, signals, config)
    {
        why = because;
        by_prediction = false;
    }
    let ranked = asked.shorten(contenders, config.max_attempts.max(1));
    // A judge reads the prompt too: whoever may not serve it may not judge it.
    let judge_may = |judge: &String| !outside.iter().any(|outside| name(outside) == Some(judge));
    let judge = config.parallel.judge.as_ref().filter(|judge| judge_may(judge));
    let reason = ranked.first().map_or(String::new(), |first| explain(signals, first, terms.strategy, upward, &why));
    let candidates: Vec<Candidate> = ranked
        .iter()
        .enumerate()
        .map(|(place, contender)| {
            let fallback = || format!("fallback {place} on {}", contender.model.provider);
            contender.candidate(if place == 0 { why.clone() } else { fallback() }, place == 0 && by_prediction)
        })
        .collect();
    let plan = asked.plan(candidates, &Choosing { judge: judge.map(String::as_str), ..choosing });
    Ok(Chosen { plan, reason, considered, outside })
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
