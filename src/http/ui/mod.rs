//! The dashboard at `/ui`: a page, which is open and holds nothing, and what it asks for, which takes an administrator's key. That is the
//! page's own and changes with it, so it stands in no public document. Sends nothing to a provider and shows no words of anybody's prompt.

mod api;
mod api_explain;
mod api_standing;
mod assets;
mod page;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::{AppState, admission};

/// Deciding takes a place like any request that is decided; the others cost a bounded time of the store's.
pub(super) fn routes(state: &AppState) -> Router<AppState> {
    let admitted = Router::new()
        .route("/ui/api/explain", post(api_explain::explain))
        .route_layer(from_fn_with_state(state.clone(), admission::admit));
    Router::new()
        .route("/ui/api/overview", get(api::overview))
        .route("/ui/api/decisions", get(api::decisions))
        .route("/ui/api/budgets", get(api_standing::budgets))
        .route("/ui/api/models", get(api_standing::models))
        .merge(admitted)
        .merge(page::router())
}
