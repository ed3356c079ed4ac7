//! `POST /v1/responses`: OpenAI's Responses API, without its memory. A request is read as a chat request, and the chat completion that
//! comes of it, whole or as a stream, is written as a response. Pure translation; nothing is kept.

mod calls;
mod chunk;
mod content;
mod dropped;
mod events;
mod input;
mod items;
mod output;
mod request;
mod response;
mod settings;
mod speech;
#[cfg(test)]
mod tests;
mod tools;
mod writer;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::Response;
use uuid::Uuid;

use super::conversation::{self, Call};
use super::error::ApiError;
use super::openapi;
use super::openapi::responses::ResponseRequest;
use request::ResponsesRequest;
use writer::ResponseWriter;

/// A response of the Responses API.
#[utoipa::path(
    post,
    path = "/v1/responses",
    operation_id = "create_response",
    params(openapi::RoutingHeaders),
    request_body = ResponseRequest,
    responses(
        (status = 200, description = "The response, or where `stream` asks for it its events.", content((openapi::responses::Response = "application/json"), (openapi::ServerSentEvent = "text/event-stream"))),
        openapi::ModelErrors
    )
)]
pub(super) async fn create(call: Call) -> Result<Response, ApiError> {
    conversation::answer(call, |body| {
        let ResponsesRequest { chat, settings, dropped } = request::read(body)?;
        Ok((chat, Box::new(ResponseWriter::new(settings, dropped, Uuid::now_v7(), now))))
    })
    .await
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
