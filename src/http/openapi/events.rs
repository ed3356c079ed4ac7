//! One event of a stream, whichever API it is of.
#![expect(dead_code, reason = "the fields describe an event and hold none")]

use utoipa::ToSchema;

/// A server-sent event.
#[derive(ToSchema)]
pub(in crate::http) struct ServerSentEvent {
    /// Its name, where the API has names.
    #[schema(nullable = false)]
    event: Option<String>,
    /// JSON, or `[DONE]`.
    data: String,
}
