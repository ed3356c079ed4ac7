//! Bedrock's errors as OpenAI's error body.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::chat::ErrorDetail;
use crate::gateway::error::body_bytes;

/// The header that names the kind of an error, which may go on after a colon.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// What an error says, in a body or in a frame. What stands before the service, and not the service itself, writes it with a capital.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ConverseError {
    #[serde(default, alias = "Message")]
    pub(super) message: String,
}

/// The body of a refusal; what is none of Bedrock's is named by its status.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, refusal: &[u8]) -> Bytes {
    let named = headers.get(ERROR_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let named = named.split(':').next().unwrap_or_default().trim();
    body_bytes(match serde_json::from_slice::<ConverseError>(refusal) {
        Ok(ConverseError { message }) if !(message.is_empty() && named.is_empty()) => {
            let (kind, code) = kind_and_code(status, named, &message);
            let message = if message.is_empty() { named.to_owned() } else { message };
            ErrorDetail { message, kind: kind.into(), param: None, code: code.map(str::to_owned) }
        }
        _ => ErrorDetail {
            message: format!("the provider refused the request with status {}", status.as_u16()),
            kind: "api_error".into(),
            param: None,
            code: Some("upstream_refusal_unreadable".into()),
        },
    })
}

/// The type and the code that OpenAI's SDKs and their users look for.
fn kind_and_code(status: StatusCode, named: &str, message: &str) -> (&'static str, Option<&'static str>) {
    const AUTHENTICATION: (&str, Option<&str>) = ("authentication_error", Some("invalid_api_key"));
    match named {
        "ValidationException" if tells_of_length(message) => ("invalid_request_error", Some("context_length_exceeded")),
        "ServiceQuotaExceededException" => ("invalid_request_error", Some("insufficient_quota")),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "ExpiredTokenException" => AUTHENTICATION,
        // What it says of an API key that is none.
        "AccessDeniedException" if message.starts_with("Authentication failed") => AUTHENTICATION,
        _ => match status.as_u16() {
            401 => AUTHENTICATION,
            403 => ("permission_error", Some("permission_denied")),
            404 => ("not_found_error", Some("not_found")),
            413 => ("invalid_request_error", Some("request_too_large")),
            400..=499 => ("invalid_request_error", None),
            _ => ("api_error", None),
        },
    }
}

/// Each maker's models say it in their own words.
fn tells_of_length(message: &str) -> bool {
    let message = message.to_lowercase();
    ["is too long", "too many input tokens", "maximum context length", "exceed context limit"]
        .iter()
        .any(|words| message.contains(words))
}
