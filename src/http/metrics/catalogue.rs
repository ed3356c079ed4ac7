//! Every metric of the process: its name, its kind, what it means, and the buckets of its histogram. `docs/metrics.md` tells the same, and a test
//! compares them. Measures nothing.

use metrics::{describe_counter, describe_gauge, describe_histogram};

use super::metric;
use crate::embedder::QUEUE_SECONDS;
use crate::gateway::metric as gateway_metric;
use crate::limits::admission;
use crate::limits::cache::metric as cache_metric;
use crate::limits::{ledger, shared};
use crate::routing::SECOND_TIER_SHED;
use crate::store::metric as store_metric;
use crate::telemetry::SPANS;

/// Deciding takes tens of microseconds with the built-in embedder and some milliseconds with a transformer.
const QUICK_SECONDS: &[f64] =
    &[0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];
/// As OpenTelemetry advises for `gen_ai.client.operation.duration`, and twice more for models that think for minutes.
const ANSWER_SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
/// As it advises for `gen_ai.server.time_to_first_token`, and on to models that think before their first word.
const FIRST_TOKEN_SECONDS: &[f64] =
    &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 120.0];
/// As it advises for `gen_ai.server.time_per_output_token`, and down to the fastest hardware.
const PER_TOKEN_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
/// As it advises for `gen_ai.client.token.usage`.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const CONFIDENCE: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
const COST_USD: &[f64] = &[1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0];

/// What a metric is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It has these buckets.
    Histogram(&'static [f64]),
}

impl MetricKind {
    /// Prometheus's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

use MetricKind::{Counter, Gauge, Histogram};

/// Name, kind and meaning of every metric.
pub const CATALOGUE: &[(&str, MetricKind, &str)] = &[
    (
        metric::REQUEST_DURATION,
        Histogram(ANSWER_SECONDS),
        "Seconds until a response began, by method, declared route and status",
    ),
    (
        metric::OVERHEAD,
        Histogram(QUICK_SECONDS),
        "Seconds spent in semroute on a chat request, outside waiting for providers",
    ),
    (admission::IN_FLIGHT, Gauge, "Requests under way, streams included"),
    (admission::REJECTIONS, Counter, "Requests turned away because too many were under way"),
    (metric::DECISIONS, Counter, "Decisions carried out, by task, complexity, model and strategy"),
    (metric::DECISION_DURATION, Histogram(QUICK_SECONDS), "Seconds to decide"),
    (metric::CONFIDENCE, Histogram(CONFIDENCE), "Calibrated probability of the task"),
    (metric::ABSTENTIONS, Counter, "Decisions about prompts unlike anything seen in training"),
    (metric::TRUNCATIONS, Counter, "Decisions that left words of the prompt unread"),
    (metric::DRY_DECISIONS, Counter, "Decisions asked for and not carried out"),
    (
        QUEUE_SECONDS,
        Histogram(QUICK_SECONDS),
        "Seconds that a text waited for the transformer, before its forward pass began",
    ),
    (
        SECOND_TIER_SHED,
        Counter,
        "Decisions taken without a transformer that had too much to do, a second tier or quality's encoder",
    ),
    (
        metric::ANSWER_DURATION,
        Histogram(ANSWER_SECONDS),
        "Seconds from a request to the end of its answer, streams included",
    ),
    (
        metric::TIME_TO_FIRST_TOKEN,
        Histogram(FIRST_TOKEN_SECONDS),
        "Seconds from a request to the first word of its stream, fallbacks included",
    ),
    (
        metric::TIME_PER_OUTPUT_TOKEN,
        Histogram(PER_TOKEN_SECONDS),
        "Mean seconds between the tokens of a stream after its first one",
    ),
    (
        gateway_metric::DURATION,
        Histogram(ANSWER_SECONDS),
        "Seconds of a try, from sending to the end of the answer or to its failure",
    ),
    (
        gateway_metric::TIME_TO_FIRST_CHUNK,
        Histogram(FIRST_TOKEN_SECONDS),
        "Seconds of a try, from sending to the first word of a stream",
    ),
    (gateway_metric::TOKENS, Histogram(TOKENS), "Tokens of an answer by type; none is counted twice"),
    (gateway_metric::COST_USD, Histogram(COST_USD), "Cost of an answer in USD; its sum is the spend"),
    (gateway_metric::COST_UNKNOWN, Counter, "Answers whose cost is unknown"),
    (gateway_metric::ATTEMPTS, Counter, "Tries by provider, model and outcome"),
    (gateway_metric::ERRORS, Counter, "Upstream errors by provider and status or kind"),
    (gateway_metric::FALLBACKS, Counter, "Moves to the next model of a plan, by the model left and the next"),
    (gateway_metric::STREAMS, Counter, "Streams by provider, model and end"),
    (gateway_metric::HEDGES, Counter, "Second requests for one answer, by model"),
    (gateway_metric::BREAKERS, Counter, "Times that an endpoint failed too often and was left alone"),
    (gateway_metric::HEALTHY, Gauge, "Whether the latest health check of a provider went well (1) or not (0)"),
    (gateway_metric::RETRIES, Counter, "Plans in which nobody answered and that were gone through again"),
    (store_metric::RECORDS, Counter, "Decisions for the store, by outcome: written, dropped, failed"),
    (store_metric::DROPPED, Counter, "Dropped decisions by reason: queue_full, shutdown, writer_stopped"),
    (store_metric::QUEUE_ROWS, Gauge, "Decisions that wait to be written"),
    (store_metric::UP, Gauge, "1 while the store's database takes decisions, 0 while it is gone"),
    (ledger::REFUSALS, Counter, "Requests turned away by a limit or a budget, by reason"),
    (shared::SHARED_UP, Gauge, "Whether the shared state can be reached (1) or not (0)"),
    (ledger::COUNTED_ALONE, Counter, "Requests counted by this replica alone, because the shared state was away"),
    (shared::UNTOLD, Counter, "Ends of requests that the shared state could not be told of"),
    (cache_metric::REQUESTS, Counter, "Requests by what the cache did for them: hit, semantic, miss, bypass"),
    (cache_metric::BYTES, Gauge, "Bytes of the answers that the cache holds in memory"),
    (cache_metric::ENTRIES, Gauge, "Answers that the cache holds in memory"),
    (cache_metric::EVICTIONS, Counter, "Answers that left the cache's memory, by cause: size, expired"),
    (cache_metric::STORE_FAILURES, Counter, "Times that the cache's Redis could not be asked or told"),
    (metric::RELOADS, Counter, "Attempts to take a changed configuration, by whether it was taken"),
    (SPANS, Counter, "Spans for the collector, by outcome: ended, exported, failed"),
];

pub(super) fn describe() {
    for (name, kind, meaning) in CATALOGUE {
        match kind {
            Counter => describe_counter!(*name, *meaning),
            Gauge => describe_gauge!(*name, *meaning),
            Histogram(_) => describe_histogram!(*name, *meaning),
        }
    }
}
