//! The outcome of routing, and the row it becomes in files and answers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Considered, Outside, Plan, SessionKey, Signals, Strategy};

/// Everything that was decided for one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Unique and sortable by time.
    pub id: String,
    /// What was read from the prompt; `None` when the client named the model, so that nothing was classified.
    pub signals: Option<Signals>,
    /// What to do.
    pub plan: Plan,
    /// How it was chosen; `None` when the client named the model.
    pub strategy: Option<Strategy>,
    /// Why, in words.
    pub reason: String,
    /// The conversation that it belongs to.
    pub session: Option<SessionKey>,
    /// Who asks, by the name that providers' keys of a caller's own are configured for.
    pub caller: Option<String>,
    /// Every model that could have served, where the choice was the router's.
    pub considered: Vec<Considered>,
    /// Every model that could not, where the choice was the router's.
    pub outside: Vec<Outside>,
}

/// A model that may serve the request, as predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Name in the registry.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Expected quality of its answer, 0..1; `None` when nothing was classified because the client named the model.
    pub predicted_quality: Option<f64>,
    /// Expected cost of the request; `None` when the price is unknown.
    pub expected_cost_usd: Option<f64>,
    /// Why it stands at this place.
    pub reason: String,
    /// Whether it is first because of its predicted quality and cost alone: what users say of its answer then says something of what was predicted.
    pub by_prediction: bool,
}

impl Decision {
    /// A fresh id: unique, and sortable by time.
    pub fn new_id() -> String {
        format!("dec_{}", uuid::Uuid::now_v7().simple())
    }

    /// What one of its models was expected to cost.
    pub fn expected_cost_usd(&self, model: &str) -> Option<f64> {
        self.plan.candidates().iter().find(|candidate| candidate.model == model)?.expected_cost_usd
    }

    /// The model tried first.
    pub fn primary(&self) -> Option<&Candidate> {
        self.plan.candidates().first()
    }

    /// The decision as a row; `id` is the input row's own, if it had one.
    pub fn row(&self, id: Option<Value>) -> DecisionRow {
        let candidates = self.plan.candidates();
        let signals = self.signals.as_ref();
        let mut predicted_quality = signals.map(|signals| signals.predicted_quality.to_map()).unwrap_or_default();
        for candidate in candidates {
            if let Some(quality) = candidate.predicted_quality {
                predicted_quality.entry(candidate.model.clone()).or_insert(quality);
            }
        }
        DecisionRow {
            id: id.unwrap_or_else(|| Value::String(self.id.clone())),
            task: signals.map(|signals| signals.task.clone()),
            task_confidence: signals.map(|signals| signals.task_confidence),
            task_scores: signals
                .map(|signals| signals.task_scores.iter().map(|(label, p)| (label.clone(), Value::from(*p))).collect()),
            complexity: signals.map(|signals| signals.complexity.clone()),
            complexity_score: signals.map(|signals| signals.complexity_score),
            known: signals.map(|signals| signals.known),
            novelty: signals.map(|signals| signals.novelty),
            truncated: signals.map(|signals| signals.truncated),
            tier: signals.map(|signals| signals.tier.clone()),
            artifact: signals.map(|signals| signals.artifact.clone()),
            predicted_quality,
            model: candidates.first().map(|candidate| candidate.model.clone()),
            chain: candidates.iter().map(|candidate| candidate.model.clone()).collect(),
            strategy: self.strategy.map(Strategy::name),
            reason: self.reason.clone(),
            estimated_cost_usd: candidates.first().and_then(|candidate| candidate.expected_cost_usd),
        }
    }
}

/// A decision as scripts read it. The names and their order are part of the interface.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[expect(
    missing_docs,
    reason = "the fields are those of `Signals` and `Decision`; null where the client named the model"
)]
pub struct DecisionRow {
    pub id: Value,
    pub task: Option<String>,
    pub task_confidence: Option<f64>,
    pub task_scores: Option<Map<String, Value>>,
    pub complexity: Option<String>,
    pub complexity_score: Option<f64>,
    pub known: Option<bool>,
    pub novelty: Option<f64>,
    pub truncated: Option<bool>,
    pub tier: Option<String>,
    pub artifact: Option<String>,
    pub predicted_quality: BTreeMap<String, f64>,
    pub model: Option<String>,
    pub chain: Vec<String>,
    pub strategy: Option<&'static str>,
    pub reason: String,
    pub estimated_cost_usd: Option<f64>,
}
