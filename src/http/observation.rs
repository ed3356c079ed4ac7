//! Around every request: its id, one log line, one measurement. Never reads a body.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::metrics;
use super::request_id::{REQUEST_ID, RequestId, request_id};

pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = method_name(request.method());
    // The route as declared: a path as sent would make a new metric for every stranger's guess.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        decision = Empty,
        model = Empty,
        attempts = Empty
    );
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, elapsed) = (response.status(), started.elapsed());
    metrics::record_request(method, route, status, elapsed);
    tracing::info!(parent: &span, method, route, status = status.as_u16(), ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3, "answered");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Adds to the request's log line what became of it.
pub(super) fn note_sent(decision: &str, model: &str, attempts: usize) {
    Span::current().record("decision", decision).record("model", model).record("attempts", attempts);
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
