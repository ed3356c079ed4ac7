//! `POST /ui/api/explain`: what would be decided about a prompt, with every model that was looked at and why some may not serve. A dry run:
//! nothing is sent, remembered or learnt.

use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;
use crate::http::authentication::Admin;
use crate::http::error::ApiError;
use crate::http::{AppState, body, metrics};
use crate::routing::{Candidate, Considered, Decision, DecisionRow, Overrides, Registry, Strategy, Unmet};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    prompt: String,
    strategy: Option<String>,
    model: Option<String>,
}

/// What is asked, in the router's words.
struct Question {
    request: ChatRequest,
    overrides: Overrides,
}

#[derive(Serialize)]
pub(super) struct Explanation {
    decision: DecisionRow,
    /// Easiest first.
    complexity_scores: Map<String, Value>,
    chain: Vec<Planned>,
    considered: Vec<LookedAt>,
    took_ms: f64,
}

#[derive(Serialize)]
struct Planned {
    model: String,
    provider: String,
    predicted_quality: Option<f64>,
    expected_cost_usd: Option<f64>,
    reason: String,
}

#[derive(Serialize)]
struct LookedAt {
    model: String,
    provider: String,
    predicted_quality: Option<f64>,
    expected_cost_usd: Option<f64>,
    /// Why it may not serve; null where it may.
    outside: Option<String>,
}

impl body::Conversation for Question {
    fn message_count(&self) -> usize {
        self.request.message_count()
    }
}

/// The decision, and what it was made of.
pub(super) async fn explain(
    State(state): State<AppState>,
    _admin: Admin,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Explanation>, ApiError> {
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    let Question { request, overrides } = body::parse(bytes, read).await?;
    let deciding = Instant::now();
    let router = &state.parts.router;
    let decision = router.decide(&request, &overrides).await.map_err(|error| ApiError::from(&error))?;
    let took = deciding.elapsed();
    metrics::record_dry_decision(took);
    let signals = decision.signals.as_ref();
    Ok(Json(Explanation {
        decision: decision.row(None),
        complexity_scores: signals
            .map(|signals| {
                signals.complexity_scores.iter().map(|(label, p)| (label.clone(), Value::from(*p))).collect()
            })
            .unwrap_or_default(),
        chain: decision.plan.candidates().iter().map(planned).collect(),
        considered: looked_at(&decision, router.registry()),
        took_ms: took.as_secs_f64() * 1e3,
    }))
}

fn read(bytes: &[u8]) -> Result<Question, ApiError> {
    let asked: Asked = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the request body cannot be read: {error}"), None))?;
    if asked.prompt.trim().is_empty() {
        return Err(ApiError::invalid("prompt: is empty; write what you want explained", Some("prompt")));
    }
    let strategy = asked.strategy.map(|name| name.parse::<Strategy>()).transpose();
    let strategy = strategy.map_err(|error| ApiError::invalid(format!("strategy: {error}"), Some("strategy")))?;
    let model = asked.model.unwrap_or_else(|| "auto".to_owned());
    let request = json!({"model": model, "messages": [{"role": "user", "content": asked.prompt}]});
    let overrides = Overrides { strategy, dry_run: true, ..Overrides::default() };
    Ok(Question { request: ChatRequest::from_value(&request)?, overrides })
}

/// In the order of the registry. Where the model was named and nothing compared, those that would be tried.
fn looked_at(decision: &Decision, registry: &Registry) -> Vec<LookedAt> {
    let may = decision.considered.iter().map(|expected| (*expected, None));
    let may_not = decision.outside.iter().map(|outside| (outside.expected, Some(in_words(&outside.unmet))));
    let mut all: Vec<_> = may.chain(may_not).collect();
    all.sort_by_key(|(expected, _)| expected.index);
    if all.is_empty() {
        let named = decision.plan.candidates().iter().map(planned);
        return named.map(|planned| LookedAt::of(planned, None)).collect();
    }
    let looked_at = |(expected, outside): (Considered, Option<String>)| {
        let model = registry.models().get(expected.index)?;
        Some(LookedAt {
            model: model.name.clone(),
            provider: model.provider.clone(),
            predicted_quality: Some(expected.quality),
            expected_cost_usd: expected.cost_usd,
            outside,
        })
    };
    all.into_iter().filter_map(looked_at).collect()
}

impl LookedAt {
    fn of(planned: Planned, outside: Option<String>) -> Self {
        let Planned { model, provider, predicted_quality, expected_cost_usd, .. } = planned;
        Self { model, provider, predicted_quality, expected_cost_usd, outside }
    }
}

fn in_words(unmet: &[Unmet]) -> String {
    unmet.iter().map(Unmet::to_string).collect::<Vec<_>>().join(" and ")
}

fn planned(candidate: &Candidate) -> Planned {
    Planned {
        model: candidate.model.clone(),
        provider: candidate.provider.clone(),
        predicted_quality: candidate.predicted_quality,
        expected_cost_usd: candidate.expected_cost_usd,
        reason: candidate.reason.clone(),
    }
}
