//! `POST /v1/route`: the decision alone, as a row; nothing is sent anywhere.

use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::error::ApiError;
use super::overrides::Asked;
use super::{AppState, body, metrics, openapi};
use crate::chat::ChatRequest;
use crate::routing::DecisionRow;

/// A chat request, or an input row of `semroute route`.
struct RouteRequest {
    id: Option<Value>,
    request: ChatRequest,
}

impl body::Conversation for RouteRequest {
    fn message_count(&self) -> usize {
        self.request.message_count()
    }
}

/// The decision alone; nothing is sent anywhere.
#[utoipa::path(
    post,
    path = "/v1/route",
    operation_id = "decide",
    params(openapi::RoutingHeaders),
    request_body = openapi::route::RouteRequest,
    responses(
        (status = 200, description = "The decision.", body = DecisionRow),
        openapi::OwnErrors
    )
)]
pub(super) async fn decide(
    State(state): State<AppState>,
    Asked(mut overrides): Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DecisionRow>, ApiError> {
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    let asked = body::parse(bytes, read).await?;
    overrides.dry_run = true;
    let deciding = Instant::now();
    let decision =
        state.parts.router.decide(&asked.request, &overrides).await.map_err(|error| ApiError::from(&error))?;
    metrics::record_dry_decision(deciding.elapsed());
    Ok(Json(decision.row(asked.id)))
}

/// Takes a chat body, where `model` may be left out, or `{"prompt": "..."}`; `id` comes back in the row.
fn read(bytes: &[u8]) -> Result<RouteRequest, ApiError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the request body is not valid JSON: {error}"), None))?;
    let Value::Object(mut fields) = value else {
        return Err(ApiError::invalid("the request body must be a JSON object", None));
    };
    let id = fields.remove("id");
    if !fields.contains_key("messages") {
        let prompt = match fields.remove("prompt") {
            Some(Value::String(prompt)) => prompt,
            Some(_) => return Err(ApiError::invalid("prompt: expected a string", Some("prompt"))),
            None => return Err(ApiError::invalid("give either messages or prompt", Some("messages"))),
        };
        fields.insert("messages".into(), json!([{"role": "user", "content": prompt}]));
    }
    fields.entry("model").or_insert_with(|| "auto".into());
    Ok(RouteRequest { id, request: ChatRequest::from_value(&Value::Object(fields))? })
}
