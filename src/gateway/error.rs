//! What can go wrong when the gateway is built and when it sends. Messages hold neither keys nor what a provider wrote.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use thiserror::Error;

use super::attempt::{Attempt, Failure, GateFailure, Shut};
use crate::chat::{ErrorBody, ErrorDetail, InvalidRequest};

/// Why the gateway could not be built from the configuration.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// Two providers with one name.
    #[error("providers[{index}].name: {name:?} is already the name of another provider")]
    DuplicateName {
        /// Position in the file.
        index: usize,
        /// The name.
        name: String,
    },
    /// An address that cannot be called.
    #[error(
        "providers[{index}].base_url: not a usable address: {reason}; expected one such as https://api.openai.com/v1"
    )]
    BadBaseUrl {
        /// Position in the file.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// A timeout that would fail every request.
    #[error("providers[{index}].{field}: 0 would fail every request; give milliseconds or leave it out")]
    ZeroTimeout {
        /// Position in the file.
        index: usize,
        /// The field.
        field: &'static str,
    },
    /// A breaker that makes no sense.
    #[error("providers[{index}].breaker.{problem}")]
    BadBreaker {
        /// Position in the file.
        index: usize,
        /// The field, and what is wrong.
        problem: String,
    },
    /// A health check that cannot be made.
    #[error("providers[{index}].health.{problem}")]
    BadHealth {
        /// Position in the file.
        index: usize,
        /// The field, and what is wrong.
        problem: String,
    },
    /// Variables that should hold keys and are unset or empty, all of them at once.
    #[error("missing environment variables: {}; set each to its key before semroute starts", list(.0))]
    MissingKeys(Vec<MissingKey>),
    /// A caller's own key that cannot be had or used.
    #[error("providers[{index}].own_keys[{place}].{problem}")]
    OwnKey {
        /// Position in the file.
        index: usize,
        /// Position among the provider's.
        place: usize,
        /// The field, and what is wrong. Nothing of the key.
        problem: String,
    },
    /// A key with characters that no header can carry.
    #[error("providers[{index}].api_key_env: {variable} holds characters that a key cannot have, such as a line break")]
    UnusableKey {
        /// Position in the file.
        index: usize,
        /// The variable.
        variable: String,
    },
    /// A field that cannot be what it is beside the others.
    #[error("providers[{index}].{field}: {reason}")]
    UnusableField {
        /// Position in the file.
        index: usize,
        /// The field.
        field: &'static str,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// A model of a provider that does not exist.
    #[error("models[{index}].provider: {provider:?} is not the name of a [[providers]] entry")]
    UnknownProvider {
        /// Position in the file.
        index: usize,
        /// The name.
        provider: String,
    },
    /// The HTTP client could not be made, as when the machine has no certificates.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

/// A provider whose key is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingKey {
    /// The provider's name.
    pub provider: String,
    /// The variable that should hold its key.
    pub variable: String,
}

fn list(missing: &[MissingKey]) -> String {
    let one = |key: &MissingKey| format!("{} (the key of provider {:?})", key.variable, key.provider);
    missing.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// No model of the chain answered.
#[derive(Debug, Error)]
#[error("no model answered: {}", each(.attempts))]
pub struct SendError {
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
    /// How the answer's status should be chosen.
    pub kind: SendErrorKind,
    /// The soonest time at which it is worth another try, where somebody knows.
    pub retry_after: Option<Duration>,
    /// Time spent waiting for providers.
    pub upstream_wait: Duration,
    /// What answers cost that came and were not handed on; `None` where a part of it is unknown.
    pub unused_cost_usd: Option<f64>,
}

/// The kinds of total failure that a client should treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// Every attempt met a rate limit.
    RateLimited,
    /// No provider's API can do what is asked.
    Unsupported,
    /// The last attempt ran out of time.
    TimedOut,
    /// The last attempt found nobody able to serve.
    Unavailable,
    /// The last attempt failed in another way.
    Failed,
}

fn each(attempts: &[Attempt]) -> String {
    attempts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl SendError {
    /// Judges the attempts: all of them at a rate limit, or else by the last one.
    pub(super) fn from_attempts(attempts: Vec<Attempt>, upstream_wait: Duration) -> Self {
        let failures = || attempts.iter().filter_map(|attempt| attempt.outcome.failure());
        let is_limit = |failure: &Failure| {
            matches!(
                failure,
                Failure::Status { status: 429, .. } | Failure::Shut { why: Shut::RateLimit | Shut::Places, .. }
            )
        };
        let all = |is: &dyn Fn(&Failure) -> bool| !attempts.is_empty() && failures().all(is);
        let kind = match failures().next_back() {
            _ if all(&is_limit) => SendErrorKind::RateLimited,
            _ if all(&|failure| matches!(failure, Failure::Unsupported(_))) => SendErrorKind::Unsupported,
            Some(
                Failure::Timeout(_) | Failure::Gate(GateFailure::Timeout) | Failure::Status { status: 408 | 504, .. },
            ) => SendErrorKind::TimedOut,
            Some(Failure::Connect(_) | Failure::Status { status: 429 | 503, .. } | Failure::Shut { .. }) | None => {
                SendErrorKind::Unavailable
            }
            Some(_) => SendErrorKind::Failed,
        };
        let retry_after = failures().filter_map(Failure::wait).min();
        Self { kind, retry_after, upstream_wait, attempts, unused_cost_usd: Some(0.0) }
    }
}

/// Stands in for a refusal whose own body is too large to hold.
pub(super) fn refusal_too_large(provider: &str, status: StatusCode) -> Bytes {
    let message =
        format!("{provider} refused the request with status {status}; its explanation is too large to pass on");
    error_bytes(message, "upstream_refusal_too_large")
}

/// The error body for a request that is wrong in itself.
pub(super) fn invalid_request(invalid: InvalidRequest) -> Bytes {
    let kind = "invalid_request_error".into();
    body_bytes(ErrorDetail { message: invalid.message, kind, param: invalid.param, code: None })
}

/// An OpenAI error body. Never fails: serialising two strings cannot, and an empty body would still be one.
pub(super) fn error_bytes(message: String, code: &str) -> Bytes {
    body_bytes(ErrorDetail { message, kind: "api_error".into(), param: None, code: Some(code.into()) })
}

/// This error as a body.
pub(super) fn body_bytes(error: ErrorDetail) -> Bytes {
    serde_json::to_vec(&ErrorBody { error }).map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::attempt::{Outcome, TimeoutKind};
    use super::*;

    fn error_of(failures: Vec<Failure>) -> SendError {
        let attempts = failures
            .into_iter()
            .map(|failure| Attempt {
                model: "m".into(),
                provider: "p".into(),
                outcome: Outcome::Failed(failure),
                elapsed: Duration::ZERO,
            })
            .collect();
        SendError::from_attempts(attempts, Duration::ZERO)
    }

    fn status(status: u16, retry_after: Option<u64>) -> Failure {
        Failure::Status { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn the_last_failure_decides_unless_all_met_a_rate_limit() {
        let soon = Duration::from_secs(7);
        let shut = |why| Failure::Shut { why, wait: Some(soon) };
        let all_limited = error_of(vec![status(429, Some(30)), shut(Shut::RateLimit)]);
        assert_eq!((all_limited.kind, all_limited.retry_after), (SendErrorKind::RateLimited, Some(soon)));
        assert_eq!(error_of(vec![status(500, None), shut(Shut::Breaker)]).kind, SendErrorKind::Unavailable);
        assert_eq!(error_of(vec![Failure::Unsupported("sound")]).kind, SendErrorKind::Unsupported);
        assert_eq!(error_of(vec![Failure::Unsupported("sound"), status(500, None)]).kind, SendErrorKind::Failed);
        let timeout = error_of(vec![status(500, None), Failure::Timeout(TimeoutKind::FirstByte)]);
        assert_eq!(timeout.kind, SendErrorKind::TimedOut);
        let refused = error_of(vec![status(500, None), Failure::Connect("refused".into())]);
        assert_eq!(refused.kind, SendErrorKind::Unavailable);
        assert_eq!(error_of(vec![status(429, None), status(500, None)]).kind, SendErrorKind::Failed);
        assert_eq!(error_of(Vec::new()).kind, SendErrorKind::Unavailable);
    }
}
