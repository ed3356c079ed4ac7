//! Anthropic's Messages API as clients speak it: `POST /v1/messages` and `POST /v1/messages/count_tokens`. Pure translation to and from
//! chat completions, a file for each concept; decides and sends nothing.

mod answer;
mod block_order;
mod blocks;
pub(super) mod count_tokens;
mod ending;
mod errors;
mod events;
mod fields;
mod object_end;
mod request;
mod spoken;
mod stream;
#[cfg(test)]
mod tests;
mod thinking;
mod tools;
mod turns;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;

pub(super) use errors::{MessageError, in_anthropics_shape};

use self::request::{Purpose, read_request};
use self::stream::MessageStream;
use super::conversation::{self, Call};
use super::error::ApiError;
use super::openapi::messages::{Message, MessageRequest};
use super::openapi::{ModelErrors, RoutingHeaders, ServerSentEvent};
use super::protocol::{AnswerWriter, ReadRequest};

const BETA: &str = "anthropic-beta";

/// A message of the Messages API.
#[utoipa::path(
    post,
    path = "/v1/messages",
    operation_id = "create_message",
    params(RoutingHeaders),
    request_body = MessageRequest,
    responses(
        (status = 200, description = "The message, or where `stream` asks for it its events.", content((Message = "application/json"), (ServerSentEvent = "text/event-stream"))),
        ModelErrors<MessageError>
    )
)]
pub(super) async fn create(call: Call) -> Result<Response, ApiError> {
    let betas = betas(call.headers());
    let read = move |body: &[u8]| -> Result<ReadRequest, ApiError> {
        let request = read_request(body, &betas, Purpose::Answer)?;
        Ok((request, Box::<MessageWriter>::default()))
    };
    conversation::answer(call, read).await
}

/// What the client asks for that is not given to everybody. What is no name is told by whoever would send it.
fn betas(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(BETA).into_iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[derive(Default)]
struct MessageWriter {
    stream: MessageStream,
}

impl AnswerWriter for MessageWriter {
    fn write_whole(&mut self, completion: Bytes) -> Bytes {
        answer::write(&completion).unwrap_or_default()
    }

    fn write_events(&mut self, lines: Bytes) -> Bytes {
        self.stream.push(&lines)
    }
}
