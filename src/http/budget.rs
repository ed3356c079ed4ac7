//! Reserves what a decision is expected to cost before anything is sent, and leaves out of its plan what the budget cannot pay.

use time::OffsetDateTime;

use super::AppState;
use crate::chat::Usage;
use crate::limits::{BudgetError, Reservation};
use crate::routing::{Candidate, Decision, Pick, Plan, Registry};

/// What a judge reads of each answer, and what else it reads and writes, in tokens.
const JUDGED_TOKENS: u64 = 2_000;
const JUDGEMENT_TOKENS: u64 = 500;

/// What the plan is expected to cost at most, reserved; `None` where no budget is set. Candidates that what is left does not pay, or whose price
/// nobody knows, leave the plan, unless none would remain: then the first one says why. Models that are asked at once cost together; of those
/// that are asked in turn each may be the one that answers, and a cascade may pay for all.
pub(super) fn reserve(state: &AppState, decision: &mut Decision) -> Result<Option<Reservation>, BudgetError> {
    let Some(budget) = &state.parts.budget else { return Ok(None) };
    let now = OffsetDateTime::now_utc();
    let left_usd = budget.left_usd(now).unwrap_or(f64::INFINITY);
    let fits = |candidate: &Candidate| candidate.expected_cost_usd.is_some_and(|cost| cost == 0.0 || cost <= left_usd);
    let name_of_first = |decision: &Decision| decision.primary().map_or(String::new(), |first| first.model.clone());
    let chosen = name_of_first(decision);
    if decision.plan.candidates().iter().any(fits) {
        decision.plan.keep(fits);
    }
    let first = name_of_first(decision);
    if first != chosen {
        decision.reason =
            format!("{}; what is left of the budget does not pay it, so {first} is asked", decision.reason);
    }
    let expected_usd = expected(&decision.plan, state.parts.router.registry())?;
    budget.reserve(now, &first, Some(expected_usd)).map(Some)
}

fn expected(plan: &Plan, registry: &Registry) -> Result<f64, BudgetError> {
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

fn judgement(pick: &Pick, answers: usize, registry: &Registry) -> Result<f64, BudgetError> {
    let Pick::Judge(judge) = pick else { return Ok(0.0) };
    let prices = registry.get(judge).and_then(|model| model.prices);
    let prices = prices.ok_or_else(|| BudgetError::PriceUnknown { model: judge.clone() })?;
    let input = JUDGED_TOKENS * answers as u64 + JUDGEMENT_TOKENS;
    Ok(prices.cost_usd(Usage { input, output: JUDGEMENT_TOKENS, ..Usage::default() }))
}

fn cost(candidate: &Candidate) -> Result<f64, BudgetError> {
    candidate.expected_cost_usd.ok_or_else(|| BudgetError::PriceUnknown { model: candidate.model.clone() })
}
