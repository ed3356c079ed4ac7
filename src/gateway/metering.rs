//! Counts what providers did: tries, failures, fallbacks, streams, tokens, cost. Labels come from the configuration alone, so
//! their number is bounded. Uses OpenTelemetry's `gen_ai` names where there are any.

use std::time::{Duration, Instant};

use metrics::{Label, counter, histogram};
use tokio::sync::oneshot;

use super::attempt::{Attempt, Failure, Outcome};
use super::receipt::{self, PendingReceipt, Receipt, StreamEnd};
use super::try_trace::{Operation, TryTrace};
use crate::chat::Usage;
use crate::routing::Prices;

/// The names of the gateway's metrics.
pub mod metric {
    /// Tries by provider, model and outcome (`answered`, a status, a kind of failure, `gate_...`, `lost_race`).
    pub const ATTEMPTS: &str = "semroute_upstream_attempts_total";
    /// Statuses from 400 and failures of providers, by provider and status or kind of failure.
    pub const ERRORS: &str = "semroute_upstream_errors_total";
    /// Moves to the next model of a plan, by the model left and the model tried next.
    pub const FALLBACKS: &str = "semroute_fallbacks_total";
    /// Streams by provider, model and end: `complete`, `client_left`, or a kind of failure.
    pub const STREAMS: &str = "semroute_streams_total";
    /// Second requests for one answer, by model.
    pub const HEDGES: &str = "semroute_upstream_hedges_total";
    /// Times that an endpoint failed too often and was left alone, by provider and the provider's name of the model.
    pub const BREAKERS: &str = "semroute_upstream_breaker_opened_total";
    /// Whether the latest health check of a provider went well (1) or not (0).
    pub const HEALTHY: &str = "semroute_upstream_healthy";
    /// Plans in which nobody answered and that were gone through again.
    pub const RETRIES: &str = "semroute_retry_rounds_total";
    /// Cost of an answer in USD; its sum is the spend.
    pub const COST_USD: &str = "semroute_answer_cost_usd";
    /// Answers whose cost is unknown, because the price or the token counts are.
    pub const COST_UNKNOWN: &str = "semroute_answer_cost_unknown_total";
    /// Tokens of an answer by type (`input`, `cached_input`, `cache_write`, `output`, `reasoning`, none counted twice); its sum is the total.
    pub const TOKENS: &str = "gen_ai_client_token_usage";
    /// Seconds of a try from sending to the end of the answer, streams included, or to the failure, which `error_type` names.
    pub const DURATION: &str = "gen_ai_client_operation_duration_seconds";
    /// Seconds from sending to the first word of a stream.
    pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai_client_operation_time_to_first_chunk_seconds";
}

pub(super) fn record_attempt(attempt: &Attempt) {
    let (provider, model) = (attempt.provider.clone(), attempt.model.clone());
    let outcome = error_of(&attempt.outcome).unwrap_or_else(|| "answered".to_owned());
    let is_the_providers = attempt.outcome.failure().is_none_or(Failure::is_the_providers);
    if outcome != "answered" && is_the_providers {
        counter!(metric::ERRORS, "provider" => provider.clone(), "status" => outcome.clone()).increment(1);
    }
    counter!(metric::ATTEMPTS, "provider" => provider, "model" => model, "outcome" => outcome).increment(1);
}

/// How long a try took that is over.
pub(super) fn record_duration(attempt: &Attempt, operation: Operation) {
    // A cancelled contestant would have taken longer than it was given, and who is not asked takes no time.
    if attempt.was_asked() && attempt.outcome.failure() != Some(&Failure::LostRace) {
        let mut labels = gen_ai_labels(&attempt.model, &attempt.provider, operation);
        labels.extend(error_of(&attempt.outcome).map(|error| Label::new("error_type", error)));
        histogram!(metric::DURATION, labels).record(attempt.elapsed);
    }
}

/// A status from 400, or the kind of failure.
fn error_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Answered { status } if *status < 400 => None,
        Outcome::Answered { status } => Some(status.to_string()),
        Outcome::Failed(failure) => Some(failure.label()),
    }
}

fn gen_ai_labels(model: &str, provider: &str, operation: Operation) -> Vec<Label> {
    vec![
        Label::new("gen_ai_operation_name", operation.name()),
        Label::new("gen_ai_provider_name", provider.to_owned()),
        Label::new("gen_ai_request_model", model.to_owned()),
    ]
}

pub(super) fn record_fallback(left: &str, tried_next: &str) {
    counter!(metric::FALLBACKS, "from" => left.to_owned(), "to" => tried_next.to_owned()).increment(1);
}

pub(super) fn record_hedge(model: &str) {
    counter!(metric::HEDGES, "model" => model.to_owned()).increment(1);
}

pub(super) fn record_breaker(provider: &str, upstream_model: &str) {
    counter!(metric::BREAKERS, "provider" => provider.to_owned(), "model" => upstream_model.to_owned()).increment(1);
}

pub(super) fn record_retry() {
    counter!(metric::RETRIES).increment(1);
}

/// Records tokens and cost, and returns the cost: `None` where the price or the usage is unknown, never 0 for it.
pub(super) fn record_usage(
    model: &str,
    provider: &str,
    operation: Operation,
    usage: Option<Usage>,
    prices: Option<Prices>,
) -> Option<f64> {
    if let Some(usage) = usage {
        let buckets = [
            ("input", usage.input),
            ("cached_input", usage.cached_input),
            ("cache_write", usage.cache_write),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ];
        for (kind, tokens) in buckets {
            let mut labels = gen_ai_labels(model, provider, operation);
            labels.push(Label::new("gen_ai_token_type", kind));
            histogram!(metric::TOKENS, labels).record(tokens as f64);
        }
    }
    let cost_usd = prices.zip(usage).map(|(prices, usage)| prices.cost_usd(usage));
    let labels = [("provider", provider.to_owned()), ("model", model.to_owned())];
    match cost_usd {
        Some(cost_usd) => histogram!(metric::COST_USD, &labels).record(cost_usd),
        None => counter!(metric::COST_UNKNOWN, &labels).increment(1),
    }
    cost_usd
}

/// Follows one stream; records it and writes its receipt when it is dropped, which is also how a client that leaves is noticed.
pub(super) struct StreamMeter {
    model: String,
    provider: String,
    prices: Option<Prices>,
    usage: Option<Usage>,
    end: Option<StreamEnd>,
    /// `None` once the stream is recorded.
    receipt: Option<oneshot::Sender<Receipt>>,
    /// When the provider was asked; `None` where nobody is given the stream.
    asked: Option<Instant>,
    trace: TryTrace,
}

impl StreamMeter {
    /// Meters a stream that began so long after the provider was asked.
    pub(super) fn new(
        model: String,
        provider: String,
        prices: Option<Prices>,
        first_chunk_after: Duration,
        trace: TryTrace,
    ) -> (Self, PendingReceipt) {
        histogram!(metric::TIME_TO_FIRST_CHUNK, gen_ai_labels(&model, &provider, Operation::Chat))
            .record(first_chunk_after);
        let (sender, pending) = receipt::pair();
        let asked = Instant::now().checked_sub(first_chunk_after);
        (Self { model, provider, prices, usage: None, end: None, receipt: Some(sender), asked, trace }, pending)
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    pub(super) fn note_usage(&mut self, usage: Option<Usage>) {
        self.usage = usage;
    }

    /// The first end counts; returns whether this one does.
    pub(super) fn end(&mut self, end: StreamEnd) -> bool {
        let is_first = self.end.is_none();
        self.end.get_or_insert(end);
        is_first
    }

    /// Records a stream that is handed on to nobody, and returns what it cost.
    pub(super) fn settle(mut self, end: StreamEnd) -> Option<f64> {
        self.end(end);
        // It is noted among the tries, with why it was not wanted.
        self.asked = None;
        self.record()
    }

    fn record(&mut self) -> Option<f64> {
        let receipt = self.receipt.take()?;
        let end = self.end.take().unwrap_or(StreamEnd::ClientLeft);
        let label = match &end {
            StreamEnd::Complete => "complete".to_owned(),
            StreamEnd::Broken(failure) => failure.clone(),
            StreamEnd::ClientLeft => "client_left".to_owned(),
        };
        let cost_usd = record_usage(&self.model, &self.provider, Operation::Chat, self.usage, self.prices);
        self.trace.note_usage(self.usage, cost_usd);
        if end != StreamEnd::Complete {
            self.trace.note_broken(&label);
        }
        if let Some(asked) = self.asked {
            let mut labels = gen_ai_labels(&self.model, &self.provider, Operation::Chat);
            labels.extend((end != StreamEnd::Complete).then(|| Label::new("error_type", label.clone())));
            histogram!(metric::DURATION, labels).record(asked.elapsed());
        }
        let (provider, model) = (self.provider.clone(), self.model.clone());
        counter!(metric::STREAMS, "provider" => provider, "model" => model, "end" => label).increment(1);
        // Nobody has to want it.
        let _unwanted = receipt.send(Receipt { end, usage: self.usage, cost_usd });
        cost_usd
    }
}

impl Drop for StreamMeter {
    fn drop(&mut self) {
        self.record();
    }
}
