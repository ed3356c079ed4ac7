//! The W3C trace context of a span: taken over from a caller's headers and written for the next server. Without the feature `otlp` there is
//! none to write, and a caller's is left where it is.

use tracing::Span;

/// The headers by which a trace goes on at the next server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`
    pub parent: String,
    /// `tracestate`, where there is one.
    pub state: Option<String>,
}

/// Makes `span`, which nobody has entered yet, a part of the caller's trace. What is no trace context is passed over.
#[cfg(feature = "otlp")]
pub fn adopt(span: &Span, caller: &TraceContext) {
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    if span.is_disabled() {
        return;
    }
    let headers = std::collections::HashMap::from([
        ("traceparent".to_owned(), caller.parent.clone()),
        ("tracestate".to_owned(), caller.state.clone().unwrap_or_default()),
    ]);
    // It fails only for a span that has begun, which then stays the beginning of a trace.
    let _began_before = span.set_parent(TraceContextPropagator::new().extract(&headers));
}

/// See above: there is nothing to be a part of.
#[cfg(not(feature = "otlp"))]
pub fn adopt(_span: &Span, _caller: &TraceContext) {}

/// What the next server is told, so that its spans become children of `span`.
#[cfg(feature = "otlp")]
pub fn context_of(span: &Span) -> Option<TraceContext> {
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    if span.is_disabled() {
        return None;
    }
    let mut headers = std::collections::HashMap::<String, String>::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    let parent = headers.remove("traceparent")?;
    Some(TraceContext { parent, state: headers.remove("tracestate").filter(|state| !state.is_empty()) })
}

/// See above: nobody follows this trace.
#[cfg(not(feature = "otlp"))]
pub fn context_of(_span: &Span) -> Option<TraceContext> {
    None
}
