//! The one default-deny layer: whatever the path, a key or a token is asked for unless the *matched route* is on the short list below.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use crate::limits::KnownCaller;

/// Probes have no key. Nothing else is open.
const OPEN_ROUTES: [&str; 2] = ["/health/live", "/health/ready"];

/// The key or token that a request presented, where it is good: the caller's name, if it has one, and what tells it from others.
#[derive(Clone)]
pub(super) struct PresentedKey {
    pub(super) name: Option<Arc<str>>,
    pub(super) identity: String,
}

pub(super) async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let is_open = matched.is_some_and(|route| OPEN_ROUTES.contains(&route));
    if !is_open {
        match state.parts.keys.recognise(presented_key(request.headers())).await {
            Ok(Some(KnownCaller { name, identity })) => {
                request.extensions_mut().insert(PresentedKey { name, identity });
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
