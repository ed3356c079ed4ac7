//! The routes and the layers around them. Every route is behind the authentication layer, unknown paths included.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    AppState, admission, authentication, chat_completions, fallbacks, health, metrics, models, observation, route,
};

/// The whole service; needs no port, so tests may call it directly.
pub fn app(state: AppState) -> Router {
    let admitted = Router::new()
        .route("/v1/chat/completions", post(chat_completions::create))
        .route("/v1/route", post(route::decide))
        .route_layer(from_fn_with_state(state.clone(), admission::admit));
    Router::new()
        .merge(admitted)
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*name}", get(models::retrieve))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::render))
        .fallback(fallbacks::unknown_path)
        .method_not_allowed_fallback(fallbacks::wrong_method)
        .layer(from_fn_with_state(state.clone(), authentication::authenticate))
        .layer(CatchPanicLayer::custom(fallbacks::panicked))
        .layer(from_fn(observation::observe))
        .with_state(state)
}
