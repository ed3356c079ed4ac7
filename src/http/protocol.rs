//! What the APIs that clients speak differ in: how a request is read, and how an answer is written. Between the two, everything has the
//! shape of chat completions. Pure translation; a folder each.

use axum::body::Bytes;

use crate::chat::ChatRequest;

/// What a body is read as: a chat request, and what writes its answer.
pub(super) type ReadRequest = (ChatRequest, Box<dyn AnswerWriter>);

/// Writes one answer in the shape that its client reads.
pub(super) trait AnswerWriter: Send + Sync {
    /// A whole success: a chat completion as it came. Gives nothing back where it is none that can be read.
    fn write_whole(&mut self, completion: Bytes) -> Bytes;

    /// A piece of a stream: whole lines of server-sent events in OpenAI's shape, comments among them. The last piece of a stream ends with
    /// `data: [DONE]`, whatever happened; an event with `error` in place of `choices` says that it broke. May give back nothing.
    fn write_events(&mut self, lines: Bytes) -> Bytes;

    /// Names of what the request said in its own API and could not be read into a chat request; such names are plain ASCII.
    fn dropped(&self) -> &[&'static str] {
        &[]
    }
}
