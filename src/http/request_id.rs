//! The id that ties a request to its log lines: the client's own where it is sane, or a new one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// `x-request-id`
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request under way, among its extensions.
#[derive(Clone)]
pub(super) struct RequestId(pub(super) HeaderValue);

const MAX_LENGTH: usize = 128;

/// The id for a request with these headers.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    match headers.get(REQUEST_ID) {
        Some(value) if is_sane(value.as_bytes()) => value.clone(),
        _ => {
            let mut buffer = Uuid::encode_buffer();
            let id: &str = Uuid::now_v7().simple().encode_lower(&mut buffer);
            // Hexadecimal digits are always a header value.
            HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("0"))
        }
    }
}

/// Ids go into logs and other systems, so only plain characters pass.
fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for (sent, kept) in
            [("req-1.a:b_c", true), ("", false), ("a b", false), ("a\"b", false), (long.as_str(), false)]
        {
            let headers = HeaderMap::from_iter([(
                REQUEST_ID,
                HeaderValue::try_from(sent).unwrap_or(HeaderValue::from_static("")),
            )]);
            let id = request_id(&headers);
            assert_eq!(id == sent, kept, "{sent:?} became {id:?}");
            assert!(is_sane(id.as_bytes()));
        }
    }
}
