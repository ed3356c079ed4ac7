//! `POST /v1/messages/count_tokens`: how many tokens a request is about, by the estimate that routing goes by. Asks no provider.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::errors::MessageError;
use super::request::{Purpose, read_request};
use crate::chat::ChatRequest;
use crate::http::error::ApiError;
use crate::http::openapi::OwnErrors;
use crate::http::openapi::messages::CountRequest;
use crate::http::overrides::Asked;
use crate::http::{AppState, body};
use crate::routing::{Requirements, TokenCounts};

/// A count.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Counted {
    input_tokens: u64,
}

/// How many tokens a request is about.
#[utoipa::path(
    post,
    path = "/v1/messages/count_tokens",
    operation_id = "count_tokens",
    request_body = CountRequest,
    responses(
        (status = 200, description = "The count.", body = Counted),
        OwnErrors<MessageError>
    )
)]
pub(in crate::http) async fn count(
    State(state): State<AppState>,
    Asked(overrides): Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Counted>, ApiError> {
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    let (request, counts) = body::parse(bytes, |bytes| {
        let request = read_request(bytes, &[], Purpose::Count)?;
        let counts = Requirements::of(&request).input_tokens.and(&calls_of(&request));
        Ok((request, counts))
    })
    .await?;
    let router = &state.parts.router;
    let scope = &overrides.caller.scope;
    let input_tokens = router.tokens_asked(request.model(), &counts, scope).map_err(|error| ApiError::from(&error))?;
    Ok(Json(Counted { input_tokens }))
}

/// What earlier turns called and with which input. Earlier thoughts are not counted: the API leaves them out too.
fn calls_of(request: &ChatRequest) -> TokenCounts {
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        tool_calls: Vec<Call>,
    }
    #[derive(Deserialize)]
    struct Call {
        function: Function,
    }
    #[derive(Deserialize)]
    struct Function {
        name: String,
        arguments: String,
    }
    let messages = request.field("messages").and_then(|raw| serde_json::from_str::<Vec<Message>>(raw.get()).ok());
    let calls: Vec<Call> = messages.into_iter().flatten().flat_map(|message| message.tool_calls).collect();
    let texts = calls.iter().flat_map(|call| [call.function.name.as_str(), call.function.arguments.as_str()]);
    TokenCounts::of(texts, calls.len())
}
