//! What is measured of requests and decisions.

use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Label, counter, histogram};

use crate::routing::{Decision, Strategy};
use crate::store::{DecisionRecord, Outcome};

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
    /// Attempts to take a changed configuration, by outcome: `taken`, `refused`.
    pub const RELOADS: &str = "semroute_config_reloads_total";
    /// Seconds until a response began.
    pub const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
    /// Seconds from a request to the end of its answer, streams included, as the client sees it.
    pub const ANSWER_DURATION: &str = "gen_ai_server_request_duration_seconds";
    /// Seconds from a request to the first word of its stream: deciding, falling back and waiting included.
    pub const TIME_TO_FIRST_TOKEN: &str = "gen_ai_server_time_to_first_token_seconds";
    /// Mean seconds between the tokens of a stream after its first one.
    pub const TIME_PER_OUTPUT_TOKEN: &str = "gen_ai_server_time_per_output_token_seconds";
}

/// How an answer came along.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct Pace {
    /// Of a stream: from the request until it began.
    pub(in crate::http) first_token: Option<Duration>,
    /// Of a stream: waiting for the provider after that.
    pub(in crate::http) streamed: Duration,
    /// From the request to the end.
    pub(in crate::http) total: Duration,
}

/// A request is over. Where no model served it, the metrics of tries and of responses say so.
pub(in crate::http) fn record_answer(record: &DecisionRecord, pace: Pace) {
    // Names of the registry only: what a client asked for could be anything.
    let Some(model) = record.model.as_ref() else { return };
    let of_model = || Label::new("gen_ai_request_model", model.clone());
    let error = (record.outcome != Outcome::Answered).then(|| Label::new("error_type", record.outcome.name()));
    let labels: Vec<Label> = [Some(of_model()), error].into_iter().flatten().collect();
    histogram!(metric::ANSWER_DURATION, labels).record(pace.total);
    let Some(first_token) = pace.first_token.filter(|_| record.outcome == Outcome::Answered) else { return };
    histogram!(metric::TIME_TO_FIRST_TOKEN, vec![of_model()]).record(first_token);
    if let Some(later_tokens) = record.output_tokens.and_then(|tokens| tokens.checked_sub(1)).filter(|later| *later > 0)
    {
        let per_token = pace.streamed.as_secs_f64() / later_tokens as f64;
        histogram!(metric::TIME_PER_OUTPUT_TOKEN, vec![of_model()]).record(per_token);
    }
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
