//! Spans for an OpenTelemetry collector, over OTLP as protobuf in HTTP. The variables of the standard say where to and what else
//! (`OTEL_EXPORTER_OTLP_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`). A thread of its own sends
//! them in batches, so no request waits for it.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;

use super::export::{CountedExport, CountedSpans};
use super::{BoxedLayer, Registry, TRACE, TelemetryError};

/// A collector that is silent for longer has not taken the batch.
const COLLECTOR_PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of the process waits for spans that have not been sent.
const FLUSH_PATIENCE: Duration = Duration::from_secs(3);

/// The traces of this process. Dropping it sends what waits.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Asks the environment where to. Nothing is sent yet, so a collector that is down is no error.
    pub(super) fn start() -> Result<Self, TelemetryError> {
        // Fails only when a provider is installed already, which serves as well.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder()
            .timeout(COLLECTOR_PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("semroute/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| TelemetryError::Traces(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(client)
            .build()
            .map_err(|error| TelemetryError::Traces(error.to_string()))?;
        let batches = BatchSpanProcessor::builder(CountedExport::new(exporter)).build();
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("semroute");
        }
        let provider = SdkTracerProvider::builder()
            .with_span_processor(CountedSpans::new(batches))
            .with_resource(resource.build())
            .build();
        Ok(Self(provider))
    }

    /// Makes spans of those that were made for traces. Events stay in the log.
    pub(super) fn layer<S: Registry>(&self) -> BoxedLayer<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("semroute"))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TRACE))
            .boxed()
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_PATIENCE) {
            tracing::warn!(%error, "some spans did not reach the collector");
        }
    }
}
