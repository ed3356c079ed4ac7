//! The process-wide recorder, with the buckets and meanings of the catalogue.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::catalogue::{CATALOGUE, MetricKind, describe};

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The recorder of this process, installed at the first call.
pub(in crate::http) fn recorder() -> PrometheusHandle {
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let mut histograms = CATALOGUE.iter().filter_map(|(name, kind, _)| match kind {
        MetricKind::Histogram(buckets) => Some((*name, *buckets)),
        _ => None,
    });
    let builder = histograms.try_fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
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
