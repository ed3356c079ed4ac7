//! Errors in Anthropic's shape: whatever goes wrong on a path of this API, its own handlers or a layer before them or a provider, is
//! rewritten here on its way out. Chooses no status.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::chat::error_message;
use crate::http::request_id::RequestId;
use crate::http::upstream_refusal;

/// Anthropic's name of `x-request-id`, which its SDKs read.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Errors are explained in a few lines; a longer body is none of ours.
const MOST_ERROR_BYTES: usize = 1024 * 1024;

/// The types that the API has.
const TYPES: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
];

/// An error as the API has it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MessageError {
    #[serde(rename = "type")]
    shape: &'static str,
    error: Detail,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageErrorDetail)]
struct Detail {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

impl MessageError {
    fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { shape: "error", error: Detail { kind: kind.to_owned(), message: message.into() }, request_id: None }
    }

    /// A stream that cannot go on.
    pub(super) fn broken(why: &str) -> Self {
        Self::new("api_error", format!("the stream broke: {why}"))
    }

    /// The error that came in place of a chunk.
    pub(super) fn of_stream(error: &Value) -> Self {
        let kind = error["type"].as_str().filter(|kind| TYPES.contains(kind)).unwrap_or("api_error");
        Self::new(kind, error_message(error).unwrap_or("the stream broke"))
    }

    /// The error that an answer with this status and body is.
    fn of_answer(status: StatusCode, body: &[u8], request_id: Option<String>) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Self { request_id, ..Self::new(type_of(status), upstream_refusal::message(status, &body)) }
    }
}

/// The type that goes with a status.
fn type_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        503 | 529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

/// Rewrites errors on the paths of this API, and names the request in its header.
pub(in crate::http) async fn in_anthropics_shape(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/v1/messages" && !path.starts_with("/v1/messages/") {
        return next.run(request).await;
    }
    let id: Option<HeaderValue> = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let (mut parts, body) = response.into_parts();
        let body = to_bytes(body, MOST_ERROR_BYTES).await.unwrap_or_default();
        let id = id.as_ref().and_then(|id| id.to_str().ok()).map(str::to_owned);
        let error = MessageError::of_answer(status, &body, id);
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response = Response::from_parts(parts, Body::from(serde_json::to_vec(&error).unwrap_or_default()));
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_type_that_the_api_has() {
        for (status, kind) in [
            (400, "invalid_request_error"),
            (402, "billing_error"),
            (405, "invalid_request_error"),
            (408, "timeout_error"),
            (422, "invalid_request_error"),
            (500, "api_error"),
            (502, "api_error"),
            (503, "overloaded_error"),
            (504, "timeout_error"),
            (529, "overloaded_error"),
        ] {
            assert_eq!(type_of(StatusCode::from_u16(status).unwrap()), kind, "{status}");
        }
        for status in (400..600).map(|status| StatusCode::from_u16(status).unwrap()) {
            assert!(TYPES.contains(&type_of(status)), "{status}");
        }
    }
}
