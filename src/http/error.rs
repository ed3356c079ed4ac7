//! The one place where errors become statuses and OpenAI error bodies.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::chat::{ErrorBody, ErrorDetail, InvalidRequest};
use crate::gateway::{SendError, SendErrorKind};
use crate::limits::jwt::TokenError;
use crate::limits::{LimitError, Refusal, Whose};
use crate::routing::{OutOfScope, RouteError};
use crate::store::DashboardError;

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

    /// As the end of a stream, where the status is gone that would have told it.
    pub(super) fn as_events(&self) -> Bytes {
        let body = serde_json::to_vec(&ErrorBody { error: self.0.detail.clone() }).unwrap_or_default();
        [b"data: ", &body[..], b"\n\ndata: [DONE]\n\n"].concat().into()
    }

    /// What it says.
    #[cfg(test)]
    pub(super) fn detail(&self) -> &ErrorDetail {
        &self.0.detail
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
        let is_posted = path.starts_with("/v1/") && !path.starts_with("/v1/models") || path == "/ui/api/explain";
        let allowed = if is_posted { "POST" } else { "GET,HEAD" };
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

    /// Two readers could take the request for two different ones. The connection is closed behind it.
    pub(super) fn ambiguous(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, Some("ambiguous_request"), message)
            .with_header(CONNECTION, HeaderValue::from_static("close"))
    }

    pub(super) fn too_many_messages(messages: usize, limit: usize) -> Self {
        let message = format!(
            "messages: {messages} are more than the {limit} that may be sent; shorten the conversation or raise [server] max_messages"
        );
        Self::invalid(message, Some("messages"))
    }

    /// The key opens other endpoints.
    pub(super) fn endpoint_out_of_scope(method: &Method, path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::out_of_scope(format!("this key may not use the endpoint {method} {path}"))
    }

    /// A key that may not have what it asks for.
    pub(super) fn out_of_scope(message: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", Some("key_scope"), message)
    }

    pub(super) fn not_an_admin() -> Self {
        let message = "this shows what every caller did, so it asks for an administrator's key: one with admin = true";
        Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, Some("admin_only"), message)
    }

    pub(super) fn no_store() -> Self {
        let message =
            "nothing is remembered, so there is nothing to show; add a [store] with a url to the configuration";
        Self::new(StatusCode::CONFLICT, INVALID_REQUEST, Some("no_store"), message)
    }

    pub(super) fn no_log() -> Self {
        let message = "decisions are not remembered here, so nothing can be said of them; the server's configuration has no [store]";
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, Some("no_store"), message)
    }

    pub(super) fn unknown_decision(id: &str) -> Self {
        let id: String = id.chars().take(60).collect();
        let message = format!(
            "no decision {id:?} of yours is remembered; give the x-semroute-decision-id of an answer that has ended"
        );
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, Some("decision_not_found"), message).at("decision_id")
    }

    pub(super) fn log_unwell() -> Self {
        let message = "the log cannot be reached just now; try again shortly";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("store_unavailable"), message)
            .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    pub(super) fn too_many_in_flight() -> Self {
        let message = "too many requests are under way; try again shortly";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", Some("overloaded"), message)
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub(super) fn unreadable_answer(provider: &str) -> Self {
        let message = format!("the answer of {provider} cannot be read");
        Self::new(StatusCode::BAD_GATEWAY, API, Some("upstream_unreadable"), message)
    }

    /// A provider refused with this status, in a shape that clients do not know.
    pub(super) fn refused_by_provider(status: StatusCode, message: impl Into<String>) -> Self {
        let kind = if status.is_client_error() { INVALID_REQUEST } else { API };
        Self::new(status, kind, Some("upstream_refused"), message)
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

impl From<&Refusal> for ApiError {
    fn from(refusal: &Refusal) -> Self {
        let refuse = |status, kind, code, message: String, challenge| {
            Self::new(status, kind, Some(code), message)
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
        };
        let unauthenticated = |code, message: &str, challenge| {
            refuse(StatusCode::UNAUTHORIZED, "authentication_error", code, message.to_owned(), challenge)
        };
        match refusal {
            Refusal::NothingPresented => unauthenticated(
                "invalid_api_key",
                "an API key is required, as \"Authorization: Bearer KEY\" or \"x-api-key: KEY\"",
                "Bearer",
            ),
            Refusal::UnknownKey => unauthenticated("invalid_api_key", "the API key is not valid", "Bearer"),
            Refusal::ExpiredKey => unauthenticated("expired_api_key", "the API key has expired", "Bearer"),
            Refusal::RevokedKey => unauthenticated("revoked_api_key", "the API key was revoked", "Bearer"),
            Refusal::KeysUnread => {
                let message = "the store of keys cannot be read yet; try again shortly";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("keys_unavailable"), message)
                    .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
            }
            Refusal::Token(TokenError::KeysUnavailable) => {
                let message = TokenError::KeysUnavailable.to_string();
                Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("token_issuer_unavailable"), message)
                    .with_header(RETRY_AFTER, HeaderValue::from_static("10"))
            }
            Refusal::Token(TokenError::Scope) => refuse(
                StatusCode::FORBIDDEN,
                "permission_error",
                "insufficient_scope",
                TokenError::Scope.to_string(),
                "Bearer error=\"insufficient_scope\"",
            ),
            Refusal::Token(error) => {
                unauthenticated("invalid_token", &error.to_string(), "Bearer error=\"invalid_token\"")
            }
        }
    }
}

impl From<&RouteError> for ApiError {
    fn from(error: &RouteError) -> Self {
        let message = error.to_string();
        let refuse = |status, code| Self::new(status, INVALID_REQUEST, Some(code), message.clone());
        match error {
            RouteError::UnknownModel(_) => refuse(StatusCode::NOT_FOUND, "model_not_found").at("model"),
            RouteError::NoCandidate(_) => refuse(StatusCode::BAD_REQUEST, "no_candidate"),
            RouteError::OutOfScope(outside) => Self::from(outside),
            RouteError::NoArchetypes => refuse(StatusCode::BAD_REQUEST, "no_archetypes"),
            RouteError::AgainstRule { .. } => refuse(StatusCode::FORBIDDEN, "against_rule").at("model"),
            RouteError::UnreadByRules => refuse(StatusCode::BAD_REQUEST, "tokens_unread").at("input"),
            RouteError::BudgetSpent { .. } => {
                Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", Some("session_budget_spent"), message)
            }
            RouteError::Embed(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("embedding_unavailable"), message)
                    .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
            }
        }
    }
}

impl From<&OutOfScope> for ApiError {
    fn from(outside: &OutOfScope) -> Self {
        let answer = Self::out_of_scope(outside.to_string());
        match outside {
            OutOfScope::Model(_) | OutOfScope::NoOwnKey { .. } => answer.at("model"),
            OutOfScope::Strategy { .. } | OutOfScope::ByRule { .. } => answer,
        }
    }
}

impl From<DashboardError> for ApiError {
    fn from(error: DashboardError) -> Self {
        let message = error.to_string();
        match error {
            DashboardError::Asked { field, .. } => Self::invalid(message, Some(field)),
            DashboardError::TooSlow => Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("store_too_slow"), message)
                .with_header(RETRY_AFTER, HeaderValue::from_static("10")),
            DashboardError::Store(error) => {
                tracing::warn!(%error, "a question about the log has no answer");
                let message = "the store failed; the log has more";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, API, Some("store_unavailable"), message)
                    .with_header(RETRY_AFTER, HeaderValue::from_static("10"))
            }
        }
    }
}

impl From<&LimitError> for ApiError {
    fn from(error: &LimitError) -> Self {
        const RATE_LIMIT: (StatusCode, &str, &str) =
            (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded");
        const QUOTA: &str = "insufficient_quota";
        let (status, kind, code) = match error {
            LimitError::Requests { .. }
            | LimitError::Tokens { .. }
            | LimitError::TooLarge { .. }
            | LimitError::Concurrent { .. } => RATE_LIMIT,
            LimitError::UsedUp { whose: Whose::Caller, .. } => {
                (StatusCode::PAYMENT_REQUIRED, QUOTA, "key_budget_used_up")
            }
            LimitError::UsedUp { whose: Whose::Everybody, .. } => {
                (StatusCode::PAYMENT_REQUIRED, QUOTA, "budget_used_up")
            }
            LimitError::PriceUnknown { .. } => (StatusCode::PAYMENT_REQUIRED, QUOTA, "price_unknown"),
            LimitError::Unreachable => (StatusCode::SERVICE_UNAVAILABLE, API, "limits_unavailable"),
        };
        let answer = Self::new(status, kind, Some(code), error.to_string());
        match error.retry_after_s() {
            Some(seconds) => answer.with_header(RETRY_AFTER, HeaderValue::from(seconds)),
            None => answer,
        }
    }
}

impl From<&SendError> for ApiError {
    fn from(error: &SendError) -> Self {
        let (status, kind, code) = match error.kind {
            SendErrorKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "upstream_rate_limited"),
            SendErrorKind::Unsupported => (StatusCode::BAD_REQUEST, INVALID_REQUEST, "unsupported_by_models"),
            SendErrorKind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, API, "upstream_timeout"),
            SendErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, API, "upstream_unavailable"),
            SendErrorKind::Failed => (StatusCode::BAD_GATEWAY, API, "upstream_failed"),
        };
        let answer = Self::new(status, kind, Some(code), error.to_string());
        match error.retry_after {
            Some(wait) => answer.with_header(RETRY_AFTER, HeaderValue::from(whole_seconds(wait))),
            None => answer,
        }
    }
}

/// Rounded up, and never zero: a client that comes back too early is turned away again.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts { status, detail, headers } = *self.0;
        (status, headers, Json(ErrorBody { error: detail })).into_response()
    }
}
