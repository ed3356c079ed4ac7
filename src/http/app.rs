//! The routes and the layers around them. Every route is behind the authentication layer, unknown paths included. Path and method of
//! a route stand at its handler, from where the OpenAPI document has them too.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    AppState, admission, authentication, chat_completions, embeddings, fallbacks, feedback, health, messages, metrics,
    models, observation, openapi, responses, route, ui,
};

/// The whole service; needs no port, so tests may call it directly.
pub fn app(state: AppState) -> Router {
    let (admitted, _described_again) =
        admitted().route_layer(from_fn_with_state(state.clone(), admission::admit)).split_for_parts();
    let (at_once, _described_again) = at_once().split_for_parts();
    Router::new()
        .merge(admitted)
        .merge(at_once)
        .merge(ui::routes(&state))
        .fallback(fallbacks::unknown_path)
        .method_not_allowed_fallback(fallbacks::wrong_method)
        .layer(from_fn_with_state(state.clone(), authentication::authenticate))
        .layer(CatchPanicLayer::custom(fallbacks::panicked))
        .layer(from_fn(messages::in_anthropics_shape))
        .layer(from_fn(observation::observe))
        .with_state(state)
}

/// The same routes as a document.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    OpenApiRouter::with_openapi(openapi::Frame::openapi()).merge(admitted()).merge(at_once()).into_openapi()
}

/// What takes a place while it is under way.
fn admitted() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(chat_completions::create))
        .routes(routes!(messages::create))
        .routes(routes!(messages::count_tokens::count))
        .routes(routes!(responses::create))
        .routes(routes!(embeddings::create))
        .routes(routes!(route::decide))
        .routes(routes!(feedback::give))
}

/// What is answered at once.
fn at_once() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(models::list))
        .routes(routes!(models::retrieve))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::render))
        .routes(routes!(openapi::describe))
}

/// The paths of everything that asks for a key, as keys are bound to them: those with a name in them go with the path before it.
pub fn lockable_endpoints() -> Vec<String> {
    let open = |path: &String| authentication::OPEN_ROUTES.contains(&path.as_str());
    described().paths.paths.into_keys().filter(|path| !path.contains('{') && !open(path)).collect()
}
