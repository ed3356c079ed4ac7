//! The one place where errors become statuses and OpenAI error bodies.

use axum::Json;
use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::chat::{ErrorBody, ErrorDetail, InvalidRequest};
use crate::gateway::{SendError, SendErrorKind};
use crate::limits::BudgetError;
use crate::routing::RouteError;

/// An error on its way to the client.
#[derive(Debug)]
pub(super) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    detail: ErrorDetail,
    headers: HeaderMap,
}

const INVALID_REQUEST: &str = "invalid_request_error";
const API: &str = "api_error";

impl ApiError {
    fn new(status: StatusCode, kind: &str, code: Option<&str>, message: impl Into<String>) -> Self {
        let detail =
            ErrorDetail { message: message.into(), kind: kind.into(), param: None, code: code.map(str::to_owned) };
        Self(Box::new(Parts { status, detail, headers: HeaderMap::new() }))
    }

    fn at(mut self, param: impl Into<String>) -> Self {
        self.0.detail.param = Some(param.into());
        self
    }

    /// With a header more.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status that it becomes.
    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Headers that go along.
    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    pub(super) fn unknown_path(method: &Method, path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            INVALID_REQUEST,
            Some("unknown_url"),
            format!("unknown request URL: {method} {path}"),
        )
    }

    pub(super) fn wrong_method(method: &Method, path: &str) -> Self {
        let allowed = if path.starts_with("/v1/models") || !path.starts_with("/v1/") { "GET,HEAD" } else { "POST" };
        let message =
            format!("{method} is not allowed on {path}; use {}", allowed.split(',').next().unwrap_or(allowed));
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, Some("method_not_allowed"), message)
            .with_header(ALLOW, HeaderValue::from_static(allowed))
    }

    pub(super) fn unknown_model(name: &str) -> Self {
        let message = format!("the model {name:?} does not exist; GET /v1/models lists those that do");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, Some("model_not_found"), message).at("model")
    }

    pub(super) fn bad_header(name: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, Some("invalid_header"), format!("{name}: {message}"))
            .at(name)
    }

    pub(super) fn body_too_large(limit_bytes: usize) -> Self {
        let message =
            format!("the request body is larger than {limit_bytes} bytes; shorten it or raise [server] max_body_bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, Some("request_too_large"), message)
    }

    pub(super) fn body_too_slow() -> Self {
        let message = "the request body took too long to arrive";
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, Some("request_timeout"), message)
    }

    pub(super) fn body_unreadable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, None, "the request body ended early")
    }

    pub(super) fn invalid(message: impl Into<String>, param: Option<&str>) -> Self {
        InvalidRequest { message: message.into(), param: param.map(str::to_owned) }.into()
    }

    pub(super) fn unauthenticated(key_given: bool) -> Self {
        let message = if key_given {
            "the API key is not valid"
        } else {
            "an API key is required, as \"Authorization: Bearer KEY\" or \"x-api-key: KEY\""
        };
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", Some("invalid_api_key"), message)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(super) fn too_many_in_flight() -> Self {
        let message = "too many requests are under way; try again shortly";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", Some("overloaded"), message)
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub(super) fn draining() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("shutting_down"), "the server is shutting down")
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, API, Some("internal_error"), "an internal error; the log has more")
    }
}

impl From<InvalidRequest> for ApiError {
    fn from(error: InvalidRequest) -> Self {
        let mut answer = Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, None, error.message);
        answer.0.detail.param = error.param;
        answer
    }
}

impl From<&RouteError> for ApiError {
    fn from(error: &RouteError) -> Self {
        let message = error.to_string();
        let refuse = |status, code| Self::new(status, INVALID_REQUEST, Some(code), message.clone());
        match error {
            RouteError::UnknownModel(_) => refuse(StatusCode::NOT_FOUND, "model_not_found").at("model"),
            RouteError::NoCandidate(_) => refuse(StatusCode::BAD_REQUEST, "no_candidate"),
            RouteError::NoArchetypes => refuse(StatusCode::BAD_REQUEST, "no_archetypes"),
            RouteError::BudgetSpent { .. } => {
                Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", Some("session_budget_spent"), message)
            }
            RouteError::EmptyPrompt => refuse(StatusCode::BAD_REQUEST, "empty_prompt").at("messages"),
            RouteError::Embed(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("embedding_unavailable"), message)
                    .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
            }
        }
    }
}

impl From<&BudgetError> for ApiError {
    fn from(error: &BudgetError) -> Self {
        let code = match error {
            BudgetError::UsedUp { .. } => "budget_used_up",
            BudgetError::PriceUnknown { .. } => "price_unknown",
        };
        let answer = Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", Some(code), error.to_string());
        match error {
            BudgetError::UsedUp { seconds_left, .. } => {
                answer.with_header(RETRY_AFTER, HeaderValue::from(*seconds_left))
            }
            BudgetError::PriceUnknown { .. } => answer,
        }
    }
}

impl From<&SendError> for ApiError {
    fn from(error: &SendError) -> Self {
        let (status, kind, code) = match error.kind {
            SendErrorKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "upstream_rate_limited"),
            SendErrorKind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, API, "upstream_timeout"),
            SendErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, API, "upstream_unavailable"),
            SendErrorKind::Failed => (StatusCode::BAD_GATEWAY, API, "upstream_failed"),
        };
        let answer = Self::new(status, kind, Some(code), error.to_string());
        match error.retry_after.as_deref().and_then(|value| HeaderValue::try_from(value).ok()) {
            Some(value) => answer.with_header(RETRY_AFTER, value),
            None => answer,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts { status, detail, headers } = *self.0;
        (status, headers, Json(ErrorBody { error: detail })).into_response()
    }
}
