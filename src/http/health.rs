//! Probes. `live`: the process answers. `ready`: it takes new requests.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use super::error::ApiError;
use super::openapi::OpenErrors;
use crate::chat::ErrorBody;

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    status: &'static str,
    /// Of `/health/ready`, where there is a store: `up`, or `down` while its database is gone. Requests are served either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'static str>,
}

/// Whether the process answers.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "live",
    security(()),
    responses((status = 200, description = "It does.", body = Health), OpenErrors)
)]
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: "live", store: None })
}

/// Whether new requests are taken.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "ready",
    security(()),
    responses(
        (status = 200, description = "They are.", body = Health),
        (status = 503, description = "The server is shutting down.", body = ErrorBody),
        OpenErrors
    )
)]
pub(super) async fn ready(State(state): State<AppState>) -> Result<Json<Health>, ApiError> {
    if state.is_draining() {
        return Err(ApiError::draining());
    }
    let store = state.parts.recorder.as_ref().map(|recorder| if recorder.is_up() { "up" } else { "down" });
    Ok(Json(Health { status: "ready", store }))
}
