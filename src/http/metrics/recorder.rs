//! The process-wide recorder: which buckets each histogram has, and what each metric means.

use std::sync::OnceLock;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::metric;
use crate::gateway::metric as gateway_metric;
use crate::limits::admission;
use crate::store::RECORDS_METRIC;

/// Deciding takes tens of microseconds with the built-in embedder and some milliseconds with a transformer.
const QUICK_SECONDS: [f64; 14] =
    [0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];
/// As OpenTelemetry advises for `gen_ai.client.operation.duration`.
const ANSWER_SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// As OpenTelemetry advises for `gen_ai.client.token.usage`.
const TOKENS: [f64; 14] = [
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
const CONFIDENCE: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
const COST_USD: [f64; 7] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The recorder of this process, installed at the first call.
pub(in crate::http) fn recorder() -> PrometheusHandle {
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let buckets: [(&str, &[f64]); 7] = [
        (metric::DECISION_DURATION, &QUICK_SECONDS),
        (metric::OVERHEAD, &QUICK_SECONDS),
        (metric::REQUEST_DURATION, &ANSWER_SECONDS),
        (metric::CONFIDENCE, &CONFIDENCE),
        (gateway_metric::DURATION, &ANSWER_SECONDS),
        (gateway_metric::TOKENS, &TOKENS),
        (gateway_metric::COST_USD, &COST_USD),
    ];
    let builder = buckets.into_iter().try_fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)
    });
    let builder = builder.unwrap_or_else(|error| {
        tracing::error!(%error, "histograms have no buckets");
        PrometheusBuilder::new()
    });
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed already; /metrics stays empty");
    }
    describe();
    handle
}

fn describe() {
    describe_counter!(metric::DECISIONS, "Decisions carried out, by task, complexity, model and strategy");
    describe_histogram!(metric::DECISION_DURATION, "Seconds to decide");
    describe_histogram!(metric::CONFIDENCE, "Calibrated probability of the task");
    describe_counter!(metric::ABSTENTIONS, "Decisions about prompts unlike anything seen in training");
    describe_counter!(metric::TRUNCATIONS, "Decisions that left words of the prompt unread");
    describe_counter!(metric::DRY_DECISIONS, "Decisions asked for and not carried out");
    describe_histogram!(metric::OVERHEAD, "Seconds spent in semroute on a chat request, outside waiting for providers");
    describe_histogram!(metric::REQUEST_DURATION, "Seconds until a response began");
    describe_gauge!(admission::IN_FLIGHT, "Requests under way, streams included");
    describe_counter!(admission::REJECTIONS, "Requests turned away because too many were under way");
    describe_counter!(RECORDS_METRIC, "Decisions for the store, by outcome: written, dropped, failed");
    describe_counter!(gateway_metric::ATTEMPTS, "Tries by provider, model and outcome");
    describe_counter!(gateway_metric::ERRORS, "Upstream errors by provider and status or kind");
    describe_counter!(gateway_metric::FALLBACKS, "Moves to the next model of a plan");
    describe_counter!(gateway_metric::STREAMS, "Streams by provider, model and end");
    describe_histogram!(gateway_metric::COST_USD, "Cost of an answer in USD");
    describe_counter!(gateway_metric::COST_UNKNOWN, "Answers whose cost is unknown");
    describe_histogram!(gateway_metric::TOKENS, "Tokens of an answer by type");
    describe_histogram!(gateway_metric::DURATION, "Seconds until an answer began or failed");
}
