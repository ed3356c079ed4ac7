//! `POST /v1/chat/completions`: OpenAI's shape, in which requests and answers go through untouched.

use axum::body::Bytes;
use axum::response::Response;

use super::conversation::{self, Call};
use super::error::ApiError;
use super::openapi::chat::{ChatCompletion, ChatCompletionRequest};
use super::openapi::{ModelErrors, RoutingHeaders, ServerSentEvent};
use super::protocol::AnswerWriter;
use crate::chat::ChatRequest;

/// A chat completion.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    operation_id = "create_chat_completion",
    params(RoutingHeaders),
    request_body = ChatCompletionRequest,
    responses(
        (status = 200, description = "The completion, or where `stream` asks for it its events.", content((ChatCompletion = "application/json"), (ServerSentEvent = "text/event-stream"))),
        ModelErrors
    )
)]
pub(super) async fn create(call: Call) -> Result<Response, ApiError> {
    conversation::answer(call, |bytes| Ok((ChatRequest::from_slice(bytes)?, Box::new(AsItCame)))).await
}

/// Nothing has to be written anew.
pub(super) struct AsItCame;

impl AnswerWriter for AsItCame {
    fn write_whole(&mut self, completion: Bytes) -> Bytes {
        completion
    }

    fn write_events(&mut self, lines: Bytes) -> Bytes {
        lines
    }
}
