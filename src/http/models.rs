//! `GET /v1/models`: what a request's `model` may be, in OpenAI's list shape.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::AppState;
use super::error::ApiError;
use crate::routing::Strategy;

#[derive(Serialize)]
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<ListedModel>,
}

#[derive(Serialize)]
pub(super) struct ListedModel {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: String,
}

pub(super) async fn list(State(state): State<AppState>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: listed(&state).collect() })
}

pub(super) async fn retrieve(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<ListedModel>, ApiError> {
    listed(&state).find(|model| model.id == name).map(Json).ok_or_else(|| ApiError::unknown_model(&name))
}

/// `auto`, `auto:STRATEGY`, the routes, then the configured models. Nobody knows when those were made, so all carry the server's start.
fn listed(state: &AppState) -> impl Iterator<Item = ListedModel> {
    let created = state.parts.started_unix_s;
    let auto = std::iter::once("auto".to_owned())
        .chain(Strategy::ALL.iter().map(|strategy| format!("auto:{}", strategy.name())))
        .chain(state.parts.router.route_names().map(str::to_owned))
        .map(move |id| ListedModel { id, object: "model", created, owned_by: "semroute".into() });
    let configured = state.parts.router.registry().models().iter().map(move |model| ListedModel {
        id: model.name.clone(),
        object: "model",
        created,
        owned_by: model.provider.clone(),
    });
    auto.chain(configured)
}
