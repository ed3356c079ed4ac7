//! Around every request: its id, one log line, one measurement, and the span of its trace. Never reads a body.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::metrics;
use super::request_id::{REQUEST_ID, RequestId, request_id};
use crate::telemetry::{TRACE, TraceContext, adopt};

pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = method_name(request.method());
    // The route as declared: a path as sent would make a new metric for every stranger's guess.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let spans = Spans::begin(method, route, id.to_str().unwrap_or_default(), request.headers());
    let mut response = next.run(request).instrument(spans.of_log.clone()).instrument(spans.of_trace.clone()).await;
    let (status, elapsed) = (response.status(), started.elapsed());
    metrics::record_request(method, route, status, elapsed);
    let milliseconds = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
    tracing::info!(parent: &spans.of_log, method, route, status = status.as_u16(), ms = milliseconds, "answered");
    spans.note_response(&response);
    response.headers_mut().insert(REQUEST_ID, id);
    if is_stream(&response) { response.map(|body| spans.around(body)) } else { response }
}

/// The decision of the request under way, which belongs on every line of the log from here on.
pub(super) fn note_decision(decision: &str) {
    Span::current().record("decision", decision);
}

/// Adds to the request's log line what became of it.
pub(super) fn note_sent(model: &str, attempts: usize) {
    Span::current().record("model", model).record("attempts", attempts);
}

/// A request's two spans: one is shown with each line of the log, the other goes to the collector, where there is one.
struct Spans {
    of_log: Span,
    of_trace: Span,
}

impl Spans {
    fn begin(method: &'static str, route: &str, id: &str, headers: &HeaderMap) -> Self {
        let of_trace = tracing::info_span!(
            target: TRACE,
            parent: None,
            "request",
            otel.name = %format_args!("{method} {route}"),
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            semroute.request_id = id,
            semroute.decision_id = Empty,
            semroute.provider = Empty,
            gen_ai.response.model = Empty,
        );
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        if !of_trace.is_disabled()
            && let Some(parent) = text("traceparent")
        {
            adopt(&of_trace, &TraceContext { parent, state: text("tracestate") });
        }
        let of_log = tracing::info_span!("request", request_id = id, decision = Empty, model = Empty, attempts = Empty);
        Self { of_log, of_trace }
    }

    fn note_response(&self, response: &Response) {
        if self.of_trace.is_disabled() {
            return;
        }
        let status = response.status();
        self.of_trace.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.of_trace.record("otel.status_code", "ERROR");
        }
        for (field, header) in [
            ("semroute.decision_id", "x-semroute-decision-id"),
            ("gen_ai.response.model", "x-semroute-model"),
            ("semroute.provider", "x-semroute-provider"),
        ] {
            if let Some(value) = response.headers().get(header).and_then(|value| value.to_str().ok()) {
                self.of_trace.record(field, value);
            }
        }
    }

    /// What happens while a stream runs belongs to its request as well.
    fn around(self, body: Body) -> Body {
        let mut data = body.into_data_stream();
        Body::from_stream(stream::poll_fn(move |context| {
            let Self { of_log, of_trace } = &self;
            of_trace.in_scope(|| of_log.in_scope(|| data.poll_next_unpin(context)))
        }))
    }
}

fn is_stream(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// A closed set, for the same reason.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}
