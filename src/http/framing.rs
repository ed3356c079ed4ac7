//! Refuses requests that two readers could take for two different ones, before anything else looks at them: where a proxy stands in
//! front, what it took for a body could otherwise be a second request here. What is malformed beyond that never gets past the parser.

use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Method, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

pub(super) async fn refuse_ambiguous(request: Request, next: Next) -> Response {
    match ambiguity(request.method(), request.version(), request.headers()) {
        Some(message) => {
            tracing::debug!(message, "refused");
            ApiError::ambiguous(message).into_response()
        }
        None => next.run(request).await,
    }
}

/// What is ambiguous about a request. HTTP/2 frames requests by itself.
fn ambiguity(method: &Method, version: Version, headers: &HeaderMap) -> Option<&'static str> {
    if version > Version::HTTP_11 {
        return None;
    }
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        if encodings.next().is_some() || !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Some("Transfer-Encoding: nothing but a single \"chunked\" is understood");
        }
        // The parser takes the length away where both are given and closes behind the answer; this holds should it ever stop to.
        if headers.contains_key(CONTENT_LENGTH) {
            return Some("Content-Length and Transfer-Encoding exclude each other");
        }
    }
    if *method == Method::CONNECT {
        return Some("CONNECT: this server is no proxy");
    }
    let hosts = headers.get_all(HOST).iter().count();
    match version {
        Version::HTTP_11 if hosts == 0 => Some("Host: is missing"),
        _ if hosts > 1 => Some("Host: is given more than once"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        ambiguity(&Method::POST, Version::HTTP_11, &headers)
    }

    #[test]
    fn one_way_to_read_it_is_no_ambiguity() {
        for headers in [
            vec![("host", "a")],
            vec![("host", "a"), ("content-length", "5")],
            vec![("host", "a"), ("transfer-encoding", "Chunked ")],
        ] {
            assert_eq!(of(&headers), None, "{headers:?}");
        }
    }

    #[test]
    fn two_ways_to_read_it_are() {
        for headers in [
            vec![],
            vec![("host", "a"), ("host", "a")],
            vec![("host", "a"), ("transfer-encoding", "chunked"), ("content-length", "5")],
            vec![("host", "a"), ("transfer-encoding", "identity, chunked")],
            vec![("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            vec![("host", "a"), ("transfer-encoding", "")],
        ] {
            assert!(of(&headers).is_some(), "{headers:?}");
        }
    }
}
