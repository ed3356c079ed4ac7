//! The span of one try at a provider, from the question to the end of the answer, streams included, with OpenTelemetry's `gen_ai` names.
//! Never holds a prompt, an answer or a key. Nothing is made where no traces are sent.

use reqwest::RequestBuilder;
use tracing::field::Empty;
use tracing::{Span, info_span};

use super::attempt::Failure;
use super::upstream::Lane;
use crate::chat::Usage;
use crate::telemetry::{TRACE, context_of};

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Chat,
    Embeddings,
}

impl Operation {
    /// As `gen_ai.operation.name` says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}

/// The span of a try, which ends when it is dropped.
pub(super) struct TryTrace(Span);

impl TryTrace {
    /// `model` of the registry is about to be asked by this lane.
    pub(super) fn begin(operation: Operation, model: &str, lane: &Lane<'_>) -> Self {
        let name = operation.name();
        let upstream_model = lane.endpoint.upstream_name.as_str();
        Self(info_span!(
            target: TRACE,
            "try",
            otel.name = %format_args!("{name} {upstream_model}"),
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.operation.name = name,
            gen_ai.provider.name = lane.provider.name,
            gen_ai.request.model = upstream_model,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            server.address = lane.provider.base_url.host_str(),
            http.response.status_code = Empty,
            error.type = Empty,
            semroute.model = model,
            semroute.cost_usd = Empty,
        ))
    }

    /// For what happens during the try.
    pub(super) fn span(&self) -> &Span {
        &self.0
    }

    pub(super) fn note_status(&self, status: u16) {
        self.0.record("http.response.status_code", status);
        if status >= 400 {
            self.0.record("error.type", status).record("otel.status_code", "ERROR");
        }
    }

    pub(super) fn note_failure(&self, failure: &Failure) {
        if !self.0.is_disabled() {
            self.note_broken(&failure.label());
        }
    }

    /// It ended otherwise than it should have; `label` as in `Failure::label`.
    pub(super) fn note_broken(&self, label: &str) {
        self.0.record("error.type", label).record("otel.status_code", "ERROR");
    }

    /// What the answer took and cost.
    pub(super) fn note_usage(&self, usage: Option<Usage>, cost_usd: Option<f64>) {
        if let Some(usage) = usage {
            self.0.record("gen_ai.usage.input_tokens", usage.prompt());
            self.0.record("gen_ai.usage.output_tokens", usage.completion());
            self.0.record("gen_ai.usage.cache_read.input_tokens", usage.cached_input);
        }
        if let Some(cost_usd) = cost_usd {
            self.0.record("semroute.cost_usd", cost_usd);
        }
    }
}

/// The request with the trace that it belongs to, where its provider may know of it.
pub(super) fn with_trace(request: RequestBuilder, lane: &Lane<'_>) -> RequestBuilder {
    if !lane.provider.send_traceparent {
        return request;
    }
    let Some(context) = context_of(&Span::current()) else { return request };
    let request = request.header("traceparent", context.parent);
    match context.state {
        Some(state) => request.header("tracestate", state),
        None => request,
    }
}
