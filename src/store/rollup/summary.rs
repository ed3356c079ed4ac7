//! What is summed up of decisions, and how one decision counts. The same sums stand for a minute, a day, or a year; they hold names from
//! the configuration and numbers, never anything of a prompt, and their size is bounded whatever the log says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::add_up::{AddUp, add_up_fields};
use super::histogram::Histogram;
use crate::store::{DecisionRecord, Outcome, Try};

/// Names that one sum tells apart; more come from no configuration of sense and are gathered under [`OTHERS`].
const MOST_MODELS: usize = 256;
const MOST_TASKS: usize = 64;
const MOST_ERRORS: usize = 32;
const OTHERS: &str = "(others)";

/// Bins of equal width over 0..1.
pub(in crate::store) const BINS: u8 = 20;

/// How a try ends before its provider is asked.
const NOT_ASKED: [&str; 6] =
    ["breaker_open", "quota_used_up", "places_taken", "all_tried", "not_configured", "unsupported"];
/// How a try ends that its provider is not to blame for.
const NOT_TO_BLAME: [&str; 2] = ["lost_race", "no_verdict"];

/// Sums of decisions. What a later version adds counts as nothing here, and what an earlier one did not know as zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Summary {
    pub(in crate::store) counts: Counts,
    pub(in crate::store) savings: Savings,
    /// By model that could have served.
    pub(in crate::store) alternatives: BTreeMap<String, Alternative>,
    /// Of answered requests.
    pub(in crate::store) latency: Histogram,
    pub(in crate::store) overhead: Histogram,
    /// By model and provider. A request that nobody answered counts at the first of its plan.
    pub(in crate::store) models: BTreeMap<String, BTreeMap<String, Served>>,
    /// By task and model.
    pub(in crate::store) heat: BTreeMap<String, BTreeMap<String, Cell>>,
    pub(in crate::store) confidence: BTreeMap<u8, u64>,
    pub(in crate::store) quality: BTreeMap<u8, u64>,
    pub(in crate::store) complexity: BTreeMap<String, u64>,
    pub(in crate::store) providers: BTreeMap<String, Tried>,
    /// Who has sums of its own beside these; only in everybody's.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) callers: BTreeSet<String>,
}

/// Requests by how they ended and what was decided, their tokens and cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Counts {
    pub(in crate::store) requests: u64,
    answered: u64,
    pub(in crate::store) failed: u64,
    pub(in crate::store) broken: u64,
    refused: u64,
    client_left: u64,
    auto_requests: u64,
    abstentions: u64,
    truncated: u64,
    fallbacks: u64,
    cache_hits: u64,
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    pub(in crate::store) known_cost_usd: f64,
    unknown_cost_requests: u64,
}

/// Answered requests whose model the router chose and whose cost, and cost at the best model, are known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Savings {
    pub(in crate::store) requests: u64,
    pub(in crate::store) spent_usd: f64,
    pub(in crate::store) always_best_usd: f64,
}

/// Of those requests, the ones that this model could have served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Alternative {
    pub(in crate::store) requests: u64,
    pub(in crate::store) would_cost_usd: f64,
    /// What they cost where they were served.
    pub(in crate::store) spent_usd: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Served {
    pub(in crate::store) requests: u64,
    pub(in crate::store) failed: u64,
    pub(in crate::store) cost_usd: f64,
    pub(in crate::store) input_tokens: u64,
    pub(in crate::store) output_tokens: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Cell {
    pub(in crate::store) requests: u64,
    pub(in crate::store) cost_usd: f64,
}

/// What became of the tries at one provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Tried {
    /// Those that it was asked in.
    pub(in crate::store) tries: u64,
    /// Those of them that it is to blame for.
    pub(in crate::store) failed: u64,
    /// After which another model or provider was tried.
    pub(in crate::store) fallbacks_away: u64,
    /// By how they ended, answers left out.
    pub(in crate::store) errors: BTreeMap<String, u64>,
}

add_up_fields!(Counts {
    requests,
    answered,
    failed,
    broken,
    refused,
    client_left,
    auto_requests,
    abstentions,
    truncated,
    fallbacks,
    cache_hits,
    input_tokens,
    cached_input_tokens,
    output_tokens,
    known_cost_usd,
    unknown_cost_requests,
});
add_up_fields!(Savings { requests, spent_usd, always_best_usd });
add_up_fields!(Alternative { requests, would_cost_usd, spent_usd });
add_up_fields!(Served { requests, failed, cost_usd, input_tokens, output_tokens });
add_up_fields!(Cell { requests, cost_usd });
add_up_fields!(Tried { tries, failed, fallbacks_away, errors });
// Who has sums of its own is not added up: the store knows.
add_up_fields!(Summary {
    counts,
    savings,
    alternatives,
    latency,
    overhead,
    models,
    heat,
    confidence,
    quality,
    complexity,
    providers,
});

impl Summary {
    /// Counts one decision.
    pub(super) fn add(&mut self, record: &DecisionRecord) {
        let turned_away = self.add_tries(&record.tries);
        self.counts.add(record, turned_away);
        if record.outcome == Outcome::Answered {
            self.latency.add(record.latency_ms);
            self.overhead.add(record.overhead_ms);
            self.add_savings(record);
        }
        self.add_model(record);
        if let Some(confidence) = record.task_confidence {
            *self.confidence.entry(bin(confidence)).or_default() += 1;
        }
        if let (Some(_), Some(quality)) = (&record.model, record.predicted_quality) {
            *self.quality.entry(bin(quality)).or_default() += 1;
        }
        if let Some(complexity) = &record.complexity {
            *bounded(&mut self.complexity, complexity, MOST_TASKS) += 1;
        }
    }

    fn add_savings(&mut self, record: &DecisionRecord) {
        let costs = (known(record.cost_usd), known(record.best_usd));
        let (Some(_), (Some(spent_usd), Some(best_usd))) = (&record.strategy, costs) else { return };
        self.savings.requests += 1;
        self.savings.spent_usd += spent_usd;
        self.savings.always_best_usd += best_usd;
        for (model, would_cost_usd) in record.would_cost_usd.iter().filter(|(_, usd)| usd.is_finite()) {
            let alternative = bounded(&mut self.alternatives, model, MOST_MODELS);
            alternative.requests += 1;
            alternative.would_cost_usd += would_cost_usd;
            alternative.spent_usd += spent_usd;
        }
    }

    fn add_model(&mut self, record: &DecisionRecord) {
        let first = record.chain.first();
        let Some(model) = record.model.as_ref().or(first.map(|first| &first.model)) else { return };
        let provider = record.provider.as_ref().or(first.map(|first| &first.provider));
        let providers = bounded(&mut self.models, model, MOST_MODELS);
        let served = bounded(providers, provider.map_or("", String::as_str), MOST_MODELS);
        served.requests += 1;
        served.failed += u64::from(matches!(record.outcome, Outcome::Failed | Outcome::Broken));
        served.cost_usd += known(record.cost_usd).unwrap_or(0.0);
        served.input_tokens.add_up(&record.input_tokens.unwrap_or(0));
        served.output_tokens.add_up(&record.output_tokens.unwrap_or(0));
        if let (Some(task), Some(model)) = (&record.task, &record.model) {
            let cell = bounded(bounded(&mut self.heat, task, MOST_TASKS), model, MOST_MODELS);
            cell.requests += 1;
            cell.cost_usd += known(record.cost_usd).unwrap_or(0.0);
        }
    }

    /// Says whether somebody else was tried after a try that gave no answer.
    fn add_tries(&mut self, tries: &[Try]) -> bool {
        let mut fell_back = false;
        for (at, tried) in tries.iter().enumerate() {
            let of_provider = bounded(&mut self.providers, &tried.provider, MOST_MODELS);
            let outcome = tried.outcome.as_str();
            let was_asked = !NOT_ASKED.contains(&outcome);
            of_provider.tries += u64::from(was_asked);
            if outcome == "answered" {
                continue;
            }
            let is_to_blame = was_asked && !NOT_TO_BLAME.contains(&outcome) && !outcome.starts_with("gate_");
            of_provider.failed += u64::from(is_to_blame);
            *bounded(&mut of_provider.errors, outcome, MOST_ERRORS) += 1;
            let is_elsewhere = |next: &Try| (&next.model, &next.provider) != (&tried.model, &tried.provider);
            let turned_away = outcome != "lost_race" && tries[at + 1..].iter().any(is_elsewhere);
            of_provider.fallbacks_away += u64::from(turned_away);
            fell_back |= turned_away;
        }
        fell_back
    }
}

impl Counts {
    fn add(&mut self, record: &DecisionRecord, fell_back: bool) {
        self.requests += 1;
        *match record.outcome {
            Outcome::Answered => &mut self.answered,
            Outcome::Refused => &mut self.refused,
            Outcome::Failed => &mut self.failed,
            Outcome::Broken => &mut self.broken,
            Outcome::ClientLeft => &mut self.client_left,
        } += 1;
        self.auto_requests += u64::from(record.strategy.is_some());
        self.abstentions += u64::from(record.known == Some(false));
        self.truncated += u64::from(record.truncated == Some(true));
        self.fallbacks += u64::from(fell_back);
        self.cache_hits += u64::from(matches!(record.cache.as_deref(), Some("exact" | "semantic")));
        self.input_tokens.add_up(&record.input_tokens.unwrap_or(0));
        self.cached_input_tokens.add_up(&record.cached_input_tokens.unwrap_or(0));
        self.output_tokens.add_up(&record.output_tokens.unwrap_or(0));
        self.known_cost_usd += known(record.cost_usd).unwrap_or(0.0);
        self.unknown_cost_requests += u64::from(record.cost_usd.is_none() && record.outcome != Outcome::Refused);
    }
}

/// The entry of a name, or of all others once there are too many names.
fn bounded<'a, V: Default>(map: &'a mut BTreeMap<String, V>, name: &str, most: usize) -> &'a mut V {
    let name = if map.len() < most || map.contains_key(name) { name } else { OTHERS };
    map.entry(name.to_owned()).or_default()
}

/// JSON has no word for what is not finite, and one such cost would make a sum unreadable.
fn known(usd: Option<f64>) -> Option<f64> {
    usd.filter(|usd| usd.is_finite())
}

/// The bin of a share; 1 belongs to the last one.
fn bin(share: f64) -> u8 {
    ((share * f64::from(BINS)) as u8).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(model: &str, provider: &str, outcome: &str) -> Try {
        Try { model: model.into(), provider: provider.into(), outcome: outcome.into(), ms: 1.0 }
    }

    #[test]
    fn a_fallback_is_somebody_else_after_no_answer() {
        for (tries, fell_back) in [
            (vec![tried("a", "p", "answered")], false),
            (vec![tried("a", "p", "503"), tried("a", "p", "answered")], false),
            (vec![tried("a", "p", "503"), tried("a", "q", "answered")], true),
            (vec![tried("a", "p", "breaker_open"), tried("b", "p", "answered")], true),
            (vec![tried("a", "p", "lost_race"), tried("b", "p", "answered")], false),
            (vec![tried("a", "p", "503")], false),
        ] {
            assert_eq!(Summary::default().add_tries(&tries), fell_back, "{tries:?}");
        }
    }

    #[test]
    fn a_provider_is_blamed_for_what_it_did() {
        let mut summary = Summary::default();
        let tries = ["503", "gate_json", "breaker_open", "timeout", "lost_race", "answered"];
        summary.add_tries(&tries.map(|outcome| tried("a", "p", outcome)));
        let found = &summary.providers["p"];
        assert_eq!((found.tries, found.failed, found.errors.len()), (5, 2, 5));
    }

    #[test]
    fn no_log_makes_a_sum_grow_without_bound() {
        let mut summary = Summary::default();
        for at in 0..10_000 {
            let name = format!("name-{at}");
            summary.add(&DecisionRecord {
                model: Some(name.clone()),
                task: Some(name.clone()),
                complexity: Some(name.clone()),
                strategy: Some("best".into()),
                tries: vec![tried(&name, &name, &name), tried("a", "p", &name)],
                ..DecisionRecord::default()
            });
        }
        let bytes = serde_json::to_vec(&summary).unwrap().len();
        assert!(bytes < 200_000, "{bytes} bytes");
        assert_eq!(summary.counts.requests, 10_000);
        assert_eq!(summary.models[OTHERS][""].requests, 10_000 - MOST_MODELS as u64);
    }
}
