//! Anthropic's errors as OpenAI's error body.

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::chat::ErrorDetail;
use crate::gateway::error::body_bytes;

/// What an error says, in a body or in an event.
#[derive(Debug, Deserialize)]
pub(super) struct MessageError {
    /// `overloaded_error` and the like.
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
struct Body {
    error: MessageError,
}

/// The body of a refusal; what is none of Anthropic's is named by its status.
pub(super) fn read(status: StatusCode, refusal: &[u8]) -> Bytes {
    let detail = match serde_json::from_slice::<Body>(refusal) {
        Ok(Body { error: MessageError { kind, message } }) => {
            let code = code(&kind, &message).map(str::to_owned);
            ErrorDetail { message, kind: if kind.is_empty() { "api_error".into() } else { kind }, param: None, code }
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

/// The code that OpenAI's SDKs and their users look for.
fn code(kind: &str, message: &str) -> Option<&'static str> {
    Some(match kind {
        "invalid_request_error" if message.starts_with("prompt is too long") => "context_length_exceeded",
        "authentication_error" => "invalid_api_key",
        "billing_error" => "insufficient_quota",
        "permission_error" => "permission_denied",
        "not_found_error" => "not_found",
        "request_too_large" => "request_too_large",
        "rate_limit_error" => "rate_limit_exceeded",
        "overloaded_error" => "overloaded",
        _ => return None,
    })
}
