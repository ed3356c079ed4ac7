//! Google's errors as OpenAI's error body.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::chat::ErrorDetail;
use crate::gateway::error::body_bytes;

/// What an error says, in a body or in an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GoogleError {
    message: String,
    /// `INVALID_ARGUMENT` and the like.
    status: String,
    /// Objects of several types; one of them names a reason.
    details: Vec<Value>,
}

/// Some of the API's servers wrap an error in a list. Tried first: a list would also be read as a struct of no names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Listed([Wrapped; 1]),
    One(Wrapped),
}

#[derive(Deserialize)]
struct Wrapped {
    error: GoogleError,
}

/// The body of a refusal; what is none of Google's is named by its status.
pub(super) fn read(status: StatusCode, refusal: &[u8]) -> Bytes {
    let detail = match serde_json::from_slice::<Body>(refusal) {
        Ok(Body::Listed([Wrapped { error }]) | Body::One(Wrapped { error })) => {
            let (kind, code) = (error.kind().to_owned(), error.code().map(str::to_owned));
            ErrorDetail { message: error.message, kind, param: None, code }
        }
        Err(_) => ErrorDetail {
            message: format!("the provider refused the request with status {}", status.as_u16()),
            kind: "api_error".into(),
            param: None,
            code: Some("upstream_refusal_unreadable".into()),
        },
    };
    body_bytes(detail)
}

/// How long a rate limit asks to wait: the `retryDelay` of its `RetryInfo`, such as `37s` or `0.5s`.
pub(super) fn wait(refusal: &[u8]) -> Option<Duration> {
    let error = error_in(refusal)?;
    let delay = error.details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

/// Whether the key is refused, which Google calls an invalid argument.
pub(super) fn is_wrong_key(refusal: &[u8]) -> bool {
    error_in(refusal).is_some_and(|error| error.is_wrong_key())
}

fn error_in(refusal: &[u8]) -> Option<GoogleError> {
    match serde_json::from_slice::<Body>(refusal).ok()? {
        Body::Listed([Wrapped { error }]) | Body::One(Wrapped { error }) => Some(error),
    }
}

impl GoogleError {
    fn has_reason(&self, reason: &str) -> bool {
        self.details.iter().any(|detail| detail["reason"] == reason)
    }

    /// A wrong key is an invalid argument here.
    fn is_wrong_key(&self) -> bool {
        self.status == "UNAUTHENTICATED" || self.has_reason("API_KEY_INVALID")
    }

    /// OpenAI's type of error.
    fn kind(&self) -> &'static str {
        match self.status.as_str() {
            _ if self.is_wrong_key() => "authentication_error",
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "NOT_FOUND" => "invalid_request_error",
            "PERMISSION_DENIED" => "permission_error",
            "RESOURCE_EXHAUSTED" => "rate_limit_error",
            _ => "api_error",
        }
    }

    /// The code that OpenAI's SDKs and their users look for.
    fn code(&self) -> Option<&'static str> {
        Some(match self.status.as_str() {
            _ if self.is_wrong_key() => "invalid_api_key",
            "INVALID_ARGUMENT" if self.message.contains("exceeds the maximum number of tokens") => {
                "context_length_exceeded"
            }
            "PERMISSION_DENIED" => "permission_denied",
            "NOT_FOUND" if self.message.starts_with("models/") => "model_not_found",
            "NOT_FOUND" => "not_found",
            "RESOURCE_EXHAUSTED" => "rate_limit_exceeded",
            "UNAVAILABLE" => "overloaded",
            _ => return None,
        })
    }
}

impl fmt::Display for GoogleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_tells_its_pause_in_the_body() {
        let body = |delay: &str| {
            let info = serde_json::json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay});
            let quota = serde_json::json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []});
            serde_json::json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [quota, info]}})
                .to_string()
        };
        assert_eq!(wait(body("37s").as_bytes()), Some(Duration::from_secs(37)));
        assert_eq!(wait(body("0.5s").as_bytes()), Some(Duration::from_millis(500)));
        for unreadable in ["37", "soon", "-1s", "NaNs", ""] {
            assert_eq!(wait(body(unreadable).as_bytes()), None, "{unreadable}");
        }
        assert_eq!(wait(b"<html>"), None);
    }
}
