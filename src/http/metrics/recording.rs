//! What is measured of requests and decisions.

use std::time::Duration;

use axum::http::StatusCode;
use metrics::{counter, histogram};

use crate::routing::{Decision, Strategy};

/// The names of the HTTP face's metrics.
pub mod metric {
    /// Decisions that were carried out, by task, complexity, model and strategy.
    pub const DECISIONS: &str = "semroute_decisions_total";
    /// Seconds to decide: reading, embedding, classifying, selecting.
    pub const DECISION_DURATION: &str = "semroute_decision_duration_seconds";
    /// Calibrated probability of the task.
    pub const CONFIDENCE: &str = "semroute_decision_confidence";
    /// Decisions about prompts unlike anything seen in training.
    pub const ABSTENTIONS: &str = "semroute_abstentions_total";
    /// Decisions that left words of the prompt unread.
    pub const TRUNCATIONS: &str = "semroute_truncations_total";
    /// Decisions asked for with `/v1/route` and not carried out.
    pub const DRY_DECISIONS: &str = "semroute_dry_decisions_total";
    /// Seconds spent here on a chat request, outside waiting for providers.
    pub const OVERHEAD: &str = "semroute_overhead_seconds";
    /// Seconds until a response began.
    pub const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
}

pub(in crate::http) fn record_decision(decision: &Decision, elapsed: Duration) {
    histogram!(metric::DECISION_DURATION).record(elapsed);
    let (mut task, mut complexity) = ("none".to_owned(), "none".to_owned());
    if let Some(signals) = &decision.signals {
        task.clone_from(&signals.task);
        complexity.clone_from(&signals.complexity);
        histogram!(metric::CONFIDENCE).record(signals.task_confidence);
        if !signals.known {
            counter!(metric::ABSTENTIONS).increment(1);
        }
        if signals.truncated {
            counter!(metric::TRUNCATIONS).increment(1);
        }
    }
    let model = decision.primary().map(|candidate| candidate.model.clone()).unwrap_or_default();
    let strategy = decision.strategy.map_or("named", Strategy::name);
    counter!(metric::DECISIONS, "task" => task, "complexity" => complexity, "model" => model, "strategy" => strategy)
        .increment(1);
}

pub(in crate::http) fn record_dry_decision(elapsed: Duration) {
    histogram!(metric::DECISION_DURATION).record(elapsed);
    counter!(metric::DRY_DECISIONS).increment(1);
}

pub(in crate::http) fn record_overhead(overhead: Duration) {
    histogram!(metric::OVERHEAD).record(overhead);
}

pub(in crate::http) fn record_request(method: &'static str, route: &str, status: StatusCode, elapsed: Duration) {
    histogram!(metric::REQUEST_DURATION, "http_request_method" => method, "http_route" => route.to_owned(),
        "http_response_status_code" => status.as_str().to_owned())
    .record(elapsed);
}
