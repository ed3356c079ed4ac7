//! The one default-deny layer: whatever the path, a key or a token is asked for unless the *matched route* is on the short list below, and a
//! key that is bound to endpoints opens those alone.

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use crate::limits::KnownCaller;

/// Probes have no key, and a browser that opens the dashboard has none before the page could ask for it; the page's files hold no data.
/// Nothing else is open.
pub(super) const OPEN_ROUTES: [&str; 5] = ["/health/live", "/health/ready", "/ui", "/ui/", "/ui/assets/{name}"];

/// The key or token that a request presented, where it is good.
#[derive(Clone)]
pub(super) struct PresentedKey(pub(super) KnownCaller);

/// Somebody who may read what everybody did: whoever has an administrator's key; where nobody is asked for a key, which only loopback
/// allows, everybody.
pub(super) struct Admin;

/// Somebody who may read what is measured of everybody: an administrator, or a key whose endpoints name this one, as a collector's should.
pub(super) struct MetricsReader;

impl FromRequestParts<AppState> for MetricsReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let is_collector = parts.extensions.get::<PresentedKey>().is_some_and(|PresentedKey(key)| {
            key.allowance
                .scopes
                .endpoints
                .as_ref()
                .is_some_and(|endpoints| endpoints.iter().any(|path| path == "/metrics"))
        });
        if is_collector {
            return Ok(Self);
        }
        Admin::from_request_parts(parts, state).await.map(|Admin| Self)
    }
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let has_key = parts.extensions.get::<PresentedKey>().is_some_and(|PresentedKey(key)| key.allowance.is_admin);
        if has_key || !state.parts.keys.required() { Ok(Self) } else { Err(ApiError::not_an_admin()) }
    }
}

pub(super) async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let is_open = matched.is_some_and(|route| OPEN_ROUTES.contains(&route));
    if !is_open {
        match state.parts.keys.recognise(presented_key(request.headers())).await {
            Ok(Some(caller)) => {
                let route = matched.unwrap_or_default();
                if !caller.allowance.scopes.admits_endpoint(route) {
                    return ApiError::endpoint_out_of_scope(request.method(), request.uri().path()).into_response();
                }
                request.extensions_mut().insert(PresentedKey(caller));
            }
            Ok(None) => {}
            Err(refusal) => return ApiError::from(&refusal).into_response(),
        }
    }
    next.run(request).await
}

/// The key or token of `Authorization: Bearer`, or else of `x-api-key`.
fn presented_key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
    });
    bearer.or_else(|| headers.get("x-api-key").map(|value| value.as_bytes().trim_ascii()))
}
