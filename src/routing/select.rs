//! Selection: pure. Drops the models that cannot serve, predicts quality and cost of the others, lets the strategy rank them
//! and makes a chain that changes provider as early as it can.

use thiserror::Error;

use super::decision::{Candidate, Plan};
use super::{History, Model, Registry, Requirements, RouterConfig, Signals, Strategy};
use crate::chat::Usage;

/// No model can serve the request; says why of each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no configured model can serve this request: {}", .reasons.join("; "))]
pub struct NoCandidate {
    /// `NAME lacks vision`, one a model.
    pub reasons: Vec<String>,
}

/// Chooses. `min_quality` is the request's own floor, `history` what was chosen before. Returns the plan and the reason in words.
pub fn select(
    signals: &Signals,
    requirements: &Requirements,
    registry: &Registry,
    strategy: Strategy,
    min_quality: Option<f64>,
    config: &RouterConfig,
    history: &History,
) -> Result<(Plan, String), NoCandidate> {
    let mut reasons = Vec::new();
    let mut candidates = Vec::new();
    for model in registry.models() {
        match requirements.unmet_by(model) {
            Some(unmet) => reasons.push(format!("{} {unmet}", model.name)),
            None => candidates.push(candidate(model, signals, requirements)),
        }
    }
    if let Some(floor) = min_quality {
        candidates.retain(|candidate| {
            let quality = candidate.quality();
            let clears = quality >= floor;
            if !clears {
                reasons.push(format!("{} is predicted {quality:.2}, below the asked {floor:.2}", candidate.model));
            }
            clears
        });
    }
    if candidates.is_empty() {
        if reasons.is_empty() {
            reasons.push("no model is configured".into());
        }
        return Err(NoCandidate { reasons });
    }
    // Nothing like this prompt was seen, so its predicted quality means little: quality first, price second.
    let upward = !signals.known && strategy.weighs_quality();
    let effective = if upward { Strategy::Best } else { strategy };
    let why = effective.rank(&mut candidates, config, history);
    let mut chain = alternate_providers(candidates);
    chain.truncate(config.max_attempts.max(1));
    let reason = explain(signals, &chain[0], strategy, upward, &why);
    for (place, candidate) in chain.iter_mut().enumerate() {
        candidate.reason = match place {
            0 => why.clone(),
            _ => format!("fallback {place} on {}", candidate.provider),
        };
    }
    Ok((Plan::Chain(chain), reason))
}

fn candidate(model: &Model, signals: &Signals, requirements: &Requirements) -> Candidate {
    let learnt = signals.predicted_quality.get(&model.name).copied();
    let usage =
        Usage { input: requirements.input_tokens, cached_input: 0, output: requirements.expected_output_tokens() };
    Candidate {
        model: model.name.clone(),
        provider: model.provider.clone(),
        predicted_quality: Some(learnt.unwrap_or_else(|| model.quality.expected(signals))),
        expected_cost_usd: model.prices.map(|prices| prices.cost_usd(usage)),
        reason: String::new(),
    }
}

/// Keeps the first, then takes the best-ranked model of each provider not yet in the chain, then the rest in rank order.
fn alternate_providers(ranked: Vec<Candidate>) -> Vec<Candidate> {
    let mut chain: Vec<Candidate> = Vec::with_capacity(ranked.len());
    let mut later = Vec::new();
    for candidate in ranked {
        if chain.iter().any(|chosen| chosen.provider == candidate.provider) {
            later.push(candidate);
        } else {
            chain.push(candidate);
        }
    }
    chain.extend(later);
    chain
}

fn explain(signals: &Signals, first: &Candidate, strategy: Strategy, upward: bool, why: &str) -> String {
    let prompt = format!(
        "{} ({:.0}%), {} complexity ({:.0}%)",
        signals.task,
        signals.task_confidence * 100.0,
        signals.complexity,
        signals.complexity_confidence * 100.0
    );
    let routed_up = if upward { "; nothing like it was seen in training, so it is routed upward" } else { "" };
    format!("{prompt}{routed_up}: {} is {why} [{}]", first.model, strategy.name())
}
