//! What the APIs that clients speak differ in: how a request is read, and how an answer is written. Between the two, everything has the
//! shape of chat completions. Pure translation; a folder each.

use axum::body::Bytes;

use super::error::ApiError;
use crate::chat::ChatRequest;

/// Reads a body as a chat request, and gives what writes its answer.
pub(super) type ReadRequest = fn(&[u8]) -> Result<(ChatRequest, Box<dyn AnswerWriter>), ApiError>;

/// Writes one answer in the shape that its client reads.
pub(super) trait AnswerWriter: Send + Sync {
    /// A whole success: a chat completion as it came.
    fn write_whole(&mut self, completion: Bytes) -> Bytes;

    /// A piece of a stream: whole lines of server-sent events in OpenAI's shape, comments among them. The last piece of a stream ends with
    /// `data: [DONE]`, whatever happened; an event with `error` in place of `choices` says that it broke. May give back nothing.
    fn write_events(&mut self, lines: Bytes) -> Bytes;
}
