//! What a decision and its course put into their row of the log: plain names and numbers. Opens no row and ends none.

use crate::chat::Usage;
use crate::gateway::{Attempt, Outcome};
use crate::routing::{Candidate, Considered, Decision, KeptFeatures, KeptPrompt, Registry, Strategy};
use crate::store::{DecisionRecord, PlannedModel, Try};

/// What was decided, and what was known of the prompt.
pub(super) fn note_decision(record: &mut DecisionRecord, decision: &Decision, registry: &Registry) {
    record.id.clone_from(&decision.id);
    record.reason.clone_from(&decision.reason);
    record.strategy = decision.strategy.map(|strategy| Strategy::name(strategy).to_owned());
    record.conversation = decision.session.map(|session| session.digest());
    record.chain = plan_of(decision);
    record.predicted_quality = decision.primary().and_then(|candidate| candidate.predicted_quality);
    let name = |considered: &Considered| registry.models().get(considered.index).map(|model| model.name.clone());
    record.predicted_qualities =
        decision.considered.iter().filter_map(|considered| Some((name(considered)?, considered.quality))).collect();
    record.best_model = best(decision).and_then(name);
    if let Some(signals) = &decision.signals {
        record.task = Some(signals.task.clone());
        record.task_confidence = Some(signals.task_confidence);
        record.complexity = Some(signals.complexity.clone());
        record.complexity_confidence = Some(signals.complexity_confidence);
        record.complexity_score = Some(signals.complexity_score);
        record.known = Some(signals.known);
        record.novelty = Some(signals.novelty);
        record.truncated = Some(signals.truncated);
        record.tier = Some(signals.tier.clone());
        record.artifact = Some(signals.artifact.clone());
        note_prompt(record, signals.kept.as_ref());
    }
}

/// What a log that keeps prompts wants of this one.
fn note_prompt(record: &mut DecisionRecord, kept: Option<&KeptPrompt>) {
    let Some(KeptPrompt { words, features }) = kept else { return };
    record.words = Some(words.clone());
    if let Some(KeptFeatures { space, bytes }) = features {
        record.feature_space = Some(space.clone());
        record.features = Some(bytes.clone());
    }
}

/// The models in order of trial, each with the probability that it was to be the first: strategies that spread the load give every model that
/// could have served its turn, and all others would choose the same again.
fn plan_of(decision: &Decision) -> Vec<PlannedModel> {
    let takes_turns = decision.strategy.is_some_and(Strategy::spreads_load);
    let turn = takes_turns.then(|| 1.0 / decision.considered.len().max(1) as f64);
    let sure = |place: usize| if place == 0 { 1.0 } else { 0.0 };
    let candidates = decision.plan.candidates().iter().enumerate();
    candidates.map(|(place, candidate)| planned(candidate, turn.unwrap_or_else(|| sure(place)))).collect()
}

/// What became of each try.
pub(super) fn note_attempts(record: &mut DecisionRecord, attempts: &[Attempt]) {
    let asked = attempts.iter().filter(|attempt| attempt.was_asked()).count();
    record.attempts = u32::try_from(asked).unwrap_or(u32::MAX);
    record.tries = attempts.iter().map(tried).collect();
}

/// What the same tokens cost at each model that could have served, and at the one that was predicted to do it best. An answer of another
/// model would have had another length; nobody knows which.
pub(super) fn note_alternatives(record: &mut DecisionRecord, decision: &Decision, usage: Usage, registry: &Registry) {
    let cost = |considered: &Considered| {
        let model = registry.models().get(considered.index)?;
        Some((model.name.clone(), model.prices?.cost_usd(usage)))
    };
    record.would_cost_usd = decision.considered.iter().filter_map(cost).collect();
    record.best_usd = best(decision).and_then(cost).map(|(_, cost_usd)| cost_usd);
    if let Some(served) = &record.model {
        record.predicted_quality = record.predicted_qualities.get(served).copied().or(record.predicted_quality);
    }
}

/// The highest predicted quality; of equals the cheaper one.
fn best(decision: &Decision) -> Option<&Considered> {
    let cost = |considered: &Considered| considered.cost_usd.unwrap_or(f64::INFINITY);
    decision.considered.iter().max_by(|a, b| a.quality.total_cmp(&b.quality).then_with(|| cost(b).total_cmp(&cost(a))))
}

fn planned(candidate: &Candidate, propensity: f64) -> PlannedModel {
    PlannedModel {
        model: candidate.model.clone(),
        provider: candidate.provider.clone(),
        predicted_quality: candidate.predicted_quality,
        expected_cost_usd: candidate.expected_cost_usd,
        propensity: Some(propensity),
        by_prediction: candidate.by_prediction,
        reason: candidate.reason.clone(),
    }
}

fn tried(attempt: &Attempt) -> Try {
    let outcome = match &attempt.outcome {
        Outcome::Answered { .. } => "answered".to_owned(),
        Outcome::Failed(failure) => failure.label(),
    };
    Try {
        model: attempt.model.clone(),
        provider: attempt.provider.clone(),
        outcome,
        ms: attempt.elapsed.as_secs_f64() * 1e3,
    }
}
