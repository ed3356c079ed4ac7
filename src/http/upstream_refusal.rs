//! A provider's refusal as the events of a stream, after the status is gone that would have told it. An error body of OpenAI's goes on as it
//! is; whatever else providers write is put into one, because nothing else is known for an error among events.

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::Value;

use super::error::ApiError;
use crate::chat::error_message;

/// The events that say so, `[DONE]` among them.
pub(super) fn as_events(status: StatusCode, body: &[u8]) -> Bytes {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if body["error"].is_object() {
        // A single line again, however many it was.
        return format!("data: {body}\n\ndata: [DONE]\n\n").into();
    }
    ApiError::refused_by_provider(status, message(status, &body)).as_events()
}

/// What a refusal with this status and body says to people.
pub(super) fn message(status: StatusCode, body: &Value) -> String {
    let unreadable = || format!("the provider refused the request with status {}", status.as_u16());
    error_message(body).map_or_else(unreadable, str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_refusal_is_an_error_event() {
        let unreadable = "the provider refused the request with status 422";
        for (body, message) in [
            (r#"{"detail":"no such field"}"#, "no such field"),
            (r#"{"detail":[{"loc":["body"],"msg":"no such field"}]}"#, "no such field"),
            (r#"{"object":"error","message":"no such field","code":40303}"#, "no such field"),
            (r#"{"error":"no such field"}"#, "no such field"),
            ("{\n  \"message\": \"no such\\nfield\"\r\n}", "no such\nfield"),
            ("<html>\n<h1>data: [DONE]</h1>\n", unreadable),
            ("[]", unreadable),
            ("", unreadable),
        ] {
            let events = as_events(StatusCode::UNPROCESSABLE_ENTITY, body.as_bytes());
            let events = std::str::from_utf8(&events).unwrap();
            let error = events.strip_prefix("data: ").unwrap().strip_suffix("\n\ndata: [DONE]\n\n").unwrap();
            assert!(!error.contains('\n'), "{error}");
            let error: Value = serde_json::from_str(error).unwrap();
            let expected =
                json!({"message": message, "type": "invalid_request_error", "param": null, "code": "upstream_refused"});
            assert_eq!(error, json!({"error": expected}), "{body}");
        }
    }

    #[test]
    fn an_error_body_of_openais_keeps_what_it_says() {
        let body = b"{\"error\": {\n\"message\": \"no\", \"param\": \"n\", \"own\": 1.5}}";
        let events = as_events(StatusCode::BAD_REQUEST, body);
        assert_eq!(events, "data: {\"error\":{\"message\":\"no\",\"param\":\"n\",\"own\":1.5}}\n\ndata: [DONE]\n\n");
    }
}
