//! Reserves what a decision is expected to take and cost before anything is sent, and leaves out of its plan what the budgets cannot pay.

use metrics::counter;

use super::AppState;
use super::admission::Place;
use super::embeddings::Input;
use crate::chat::{ChatRequest, Usage};
use crate::limits::ledger::REFUSALS;
use crate::limits::{Ask, LimitError, Refused, Reservation};
use crate::routing::{Candidate, Decision, Model, Pick, Plan, Registry, Requirements, TokenCounts};

/// What a judge reads of each answer, and what else it reads and writes, in tokens.
const JUDGED_TOKENS: u64 = 2_000;
const JUDGEMENT_TOKENS: u64 = 500;

/// Others may spend what was left between two tries to reserve a cheaper plan.
const TRIES: usize = 3;

/// What the plan is expected to take and to cost at most, reserved. Where a budget holds, candidates whose price nobody knows, and those that what is
/// left does not pay, leave the plan, unless none would remain: then the first one says why. Models that are asked at once cost together; of
/// those that are asked in turn each may be the one that answers, and a cascade may pay for all. `tokens_of` is asked only where tokens are limited.
pub(super) async fn reserve(
    state: &AppState,
    place: &Place,
    decision: &mut Decision,
    tokens_of: impl Fn(&Model) -> u64,
) -> Result<Reservation, LimitError> {
    let registry = state.parts.router.registry();
    let limits = place.caller().map(|caller| &caller.allowance.limits);
    let is_budgeted = state.parts.ledger.is_budgeted(limits);
    let chosen = name_of_first(decision);
    if is_budgeted {
        keep_some(decision, |candidate| candidate.expected_cost_usd.is_some());
    }
    let counts_tokens = limits.is_some_and(|limits| limits.tokens_per_minute.is_some());
    let mut refused = None;
    for _ in 0..TRIES {
        let first = name_of_first(decision);
        let expected = expected(&decision.plan, registry);
        let usd = if is_budgeted { Some(expected.map_err(refuse)?) } else { expected.ok() };
        let model = registry.get(&first).filter(|_| counts_tokens);
        let reserved = ask(state, place, &first, model.map_or(0, &tokens_of), usd).await;
        let error = match reserved {
            Ok(reservation) => {
                if first != chosen {
                    decision.reason =
                        format!("{}; what is left of the budget does not pay it, so {first} is asked", decision.reason);
                }
                return Ok(reservation);
            }
            Err(error) => error,
        };
        let is_left_out = match &error {
            LimitError::UsedUp { limit_usd, spent_usd, .. } => {
                let left_usd = limit_usd - spent_usd;
                keep_some(decision, |candidate| {
                    candidate.expected_cost_usd.is_some_and(|cost| cost == 0.0 || cost <= left_usd)
                })
            }
            _ => false,
        };
        refused = Some(error);
        if !is_left_out {
            break;
        }
    }
    Err(refuse(refused.unwrap_or(LimitError::PriceUnknown { model: chosen })))
}

/// What costs nothing and asks no provider still is a request.
pub(super) async fn reserve_free(state: &AppState, place: &Place) -> Result<Reservation, LimitError> {
    ask(state, place, "", 0, Some(0.0)).await.map_err(refuse)
}

/// Turns away a caller who would be turned away whatever the request is, before it costs a decision or a row of the log.
pub(super) fn refuse_already(state: &AppState, place: &Place) -> Result<(), LimitError> {
    let refused = place
        .caller()
        .and_then(|caller| state.parts.ledger.refuses_already(&caller.identity, &caller.allowance.limits));
    match refused {
        None => Ok(()),
        Some(Refused { error, standing }) => {
            place.note_standing(standing);
            Err(refuse(error))
        }
    }
}

/// Tokens of a prompt and of the answer that is expected of a model.
pub(super) fn tokens_of_chat(request: &ChatRequest, model: &Model) -> u64 {
    let requirements = Requirements::of(request);
    let output = requirements.expected_output_tokens(model.output_tokens.map(f64::from));
    requirements.input_tokens.expected(model.tokenizer).saturating_add(output)
}

/// Tokens of what is to be embedded.
pub(super) fn tokens_to_embed(input: &Input, model: &Model) -> u64 {
    match input {
        Input::Texts(texts) => TokenCounts::of(texts.iter().map(String::as_str), 0).expected(model.tokenizer),
        Input::Tokens(tokens) => *tokens,
    }
}

async fn ask(
    state: &AppState,
    place: &Place,
    model: &str,
    tokens: u64,
    usd: Option<f64>,
) -> Result<Reservation, LimitError> {
    let caller = place.caller().map(|caller| (caller.identity.as_str(), &caller.allowance.limits));
    match state.parts.ledger.reserve(Ask { caller, model, tokens, usd }).await {
        Ok(reservation) => {
            place.note_standing(reservation.standing());
            Ok(reservation)
        }
        Err(Refused { error, standing }) => {
            place.note_standing(standing);
            Err(error)
        }
    }
}

fn refuse(error: LimitError) -> LimitError {
    counter!(REFUSALS, "reason" => error.reason()).increment(1);
    error
}

fn name_of_first(decision: &Decision) -> String {
    decision.primary().map_or(String::new(), |first| first.model.clone())
}

/// Leaves out the candidates that do not pass, if any does. Returns whether some were left out.
fn keep_some(decision: &mut Decision, passes: impl Fn(&Candidate) -> bool) -> bool {
    let candidates = decision.plan.candidates();
    let passing = candidates.iter().filter(|candidate| passes(candidate)).count();
    let leaves_some_out = passing > 0 && passing < candidates.len();
    if leaves_some_out {
        decision.plan.keep(passes);
    }
    leaves_some_out
}

fn expected(plan: &Plan, registry: &Registry) -> Result<f64, LimitError> {
    let costs = plan.candidates().iter().map(cost).collect::<Result<Vec<f64>, _>>()?;
    let dearest = costs.iter().copied().fold(0.0, f64::max);
    Ok(match plan {
        Plan::Chain(_) => dearest,
        Plan::Escalate { .. } => costs.iter().sum(),
        Plan::Race { at_once, pick, .. } => {
            let at_once = (*at_once).min(costs.len());
            dearest.max(costs[..at_once].iter().sum()) + judgement(pick, at_once, registry)?
        }
    })
}

fn judgement(pick: &Pick, answers: usize, registry: &Registry) -> Result<f64, LimitError> {
    let Pick::Judge(judge) = pick else { return Ok(0.0) };
    let prices = registry.get(judge).and_then(|model| model.prices);
    let prices = prices.ok_or_else(|| LimitError::PriceUnknown { model: judge.clone() })?;
    let input = JUDGED_TOKENS * answers as u64 + JUDGEMENT_TOKENS;
    Ok(prices.cost_usd(Usage { input, output: JUDGEMENT_TOKENS, ..Usage::default() }))
}

fn cost(candidate: &Candidate) -> Result<f64, LimitError> {
    candidate.expected_cost_usd.ok_or_else(|| LimitError::PriceUnknown { model: candidate.model.clone() })
}
