//! Gives each request a place, or turns it away. A handler that streams takes the place along with its stream.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use crate::limits::Permit;

/// A request's place, free again when the last holder drops it.
#[derive(Clone)]
pub(super) struct Place {
    _permit: Arc<Permit>,
}

pub(super) async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(permit) = state.parts.admission.admit() else { return ApiError::too_many_in_flight().into_response() };
    let place = Place { _permit: Arc::new(permit) };
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    drop(place);
    response
}
