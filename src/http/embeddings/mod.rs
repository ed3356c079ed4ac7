//! `POST /v1/embeddings`: vectors of the router's own embedders, made here, or of a configured model, which its provider is asked for.

mod input;
mod list;
mod own;
mod upstream;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::admission::Place;
use super::error::ApiError;
use super::overrides::Asked;
use super::{AppState, body, budget, openapi};
use crate::routing::{Bounds, CallerScope};
pub(super) use input::{EmbeddingsRequest, Input};
use list::EmbeddingList;
use own::OwnEmbedder;
pub(super) use own::places;

/// Vectors of texts.
#[utoipa::path(
    post,
    path = "/v1/embeddings",
    operation_id = "create_embeddings",
    params(openapi::RoutingHeaders),
    request_body = openapi::embeddings::EmbeddingsRequest,
    responses(
        (status = 200, description = "The vectors.", body = EmbeddingList),
        openapi::ModelErrors
    )
)]
pub(super) async fn create(
    State(state): State<AppState>,
    Extension(place): Extension<Place>,
    Asked(overrides): Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    let mut request = body::parse(bytes, input::read).await?;
    if overrides.session_budget_usd.is_some() || overrides.bounds != Bounds::default() {
        // A bound that is not kept to would be worse than none.
        let why = "bounds and budgets by header are not known for embeddings; leave out x-semroute-session-budget-usd, -max-cost-usd, \
                   -max-seconds, -min-quality, -providers and -regions";
        return Err(ApiError::invalid(why, None));
    }
    match serving(&state, &request.model, &overrides.caller.scope)? {
        Serving::Own(embedder) => {
            request.encoding = request.encoding.readable_by(&headers);
            let _taken = budget::reserve_free(&state, &place).await.map_err(|error| ApiError::from(&error))?;
            own::answer(&state, &embedder, request).await
        }
        Serving::Configured(model) => upstream::answer(&state, &model, request, &overrides.caller, place).await,
    }
}

/// Who makes the vectors.
enum Serving {
    Own(OwnEmbedder),
    Configured(String),
}

/// A configured model goes before an embedder of ours with the same name; `auto` is the embedder that is built in.
fn serving(state: &AppState, asked: &str, scope: &CallerScope) -> Result<Serving, ApiError> {
    let router = &state.parts.router;
    if router.registry().get(asked).is_none()
        && let Some(own) = own::embedders(state).find(|own| own.name() == asked)
    {
        return within(scope, own);
    }
    match router.embeddings_model(asked, scope).map_err(|error| ApiError::from(&error))? {
        Some(model) => Ok(Serving::Configured(model)),
        None => within(scope, own::builtin()?),
    }
}

/// An embedder of ours is a model like any other to a key that is bound to models.
fn within(scope: &CallerScope, own: OwnEmbedder) -> Result<Serving, ApiError> {
    scope.check_name(own.name()).map_err(|outside| ApiError::from(&outside))?;
    Ok(Serving::Own(own))
}

/// The embedders of ours, by name.
pub(super) fn own_names(state: &AppState) -> Vec<String> {
    own::embedders(state).map(|own| own.name().to_owned()).collect()
}
