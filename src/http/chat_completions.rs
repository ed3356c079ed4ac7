//! `POST /v1/chat/completions`: OpenAI's shape, in which requests and answers go through untouched.

use axum::body::Bytes;
use axum::response::Response;

use super::conversation::{self, Call};
use super::error::ApiError;
use super::protocol::AnswerWriter;
use crate::chat::ChatRequest;

pub(super) async fn create(call: Call) -> Result<Response, ApiError> {
    conversation::answer(call, |bytes| Ok((ChatRequest::from_slice(bytes)?, Box::new(AsItCame)))).await
}

struct AsItCame;

impl AnswerWriter for AsItCame {
    fn write_whole(&mut self, completion: Bytes) -> Bytes {
        completion
    }

    fn write_events(&mut self, lines: Bytes) -> Bytes {
        lines
    }
}
