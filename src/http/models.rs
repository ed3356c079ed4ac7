//! `GET /v1/models`: what a request's `model` may be, in OpenAI's list shape.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::openapi::KeyErrors;
use super::{AppState, authentication::PresentedKey, embeddings, overrides};
use crate::chat::ErrorBody;
use crate::routing::Strategy;

#[derive(Serialize, ToSchema)]
/// The names, in OpenAI's list shape.
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<ListedModel>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ListedModel {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: String,
}

/// What `model` may be.
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "list_models",
    responses((status = 200, description = "The names.", body = ModelList), KeyErrors)
)]
pub(super) async fn list(State(state): State<AppState>, key: Option<Extension<PresentedKey>>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: listed(&state, key.as_ref()).collect() })
}

/// One of the names.
#[utoipa::path(
    get,
    path = "/v1/models/{*name}",
    operation_id = "retrieve_model",
    params(("name" = String, Path, example = "auto", description = "The name; it may hold slashes.")),
    responses(
        (status = 200, description = "The model.", body = ListedModel),
        (status = 404, description = "There is no model of this name.", body = ErrorBody),
        KeyErrors
    )
)]
pub(super) async fn retrieve(
    State(state): State<AppState>,
    key: Option<Extension<PresentedKey>>,
    Path(name): Path<String>,
) -> Result<Json<ListedModel>, ApiError> {
    listed(&state, key.as_ref()).find(|model| model.id == name).map(Json).ok_or_else(|| ApiError::unknown_model(&name))
}

/// `auto`, `auto:STRATEGY`, the routes, the aliases, the configured models, then our own embedders. Nobody knows when those were made, so all
/// carry the server's start. Only what the caller may use.
fn listed(state: &AppState, key: Option<&Extension<PresentedKey>>) -> impl Iterator<Item = ListedModel> {
    let scope = overrides::scope(state, key.map(|Extension(PresentedKey(caller))| caller));
    let created = state.parts.started_unix_s;
    let auto = std::iter::once("auto".to_owned())
        .chain(Strategy::ALL.iter().map(|strategy| format!("auto:{}", strategy.name())))
        .chain(state.parts.router.route_names().map(str::to_owned))
        .chain(state.parts.router.alias_names().map(str::to_owned))
        .map(move |id| ListedModel { id, object: "model", created, owned_by: "semroute".into() });
    let configured = state.parts.router.registry().models().iter().map(move |model| ListedModel {
        id: model.name.clone(),
        object: "model",
        created,
        owned_by: model.provider.clone(),
    });
    let embedders = embeddings::own_names(state).into_iter().map(move |id| ListedModel {
        id,
        object: "model",
        created,
        owned_by: "semroute".into(),
    });
    let own: Vec<String> = embeddings::own_names(state);
    let router = Arc::clone(&state.parts.router);
    auto.chain(configured).chain(embedders).filter(move |model| match own.contains(&model.id) {
        true => scope.admits_name(&model.id),
        false => router.admits(&scope, &model.id),
    })
}
