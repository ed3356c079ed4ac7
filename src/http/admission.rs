//! Gives each request a place, or turns it away. A handler that streams takes the place along with its stream, and tells it how its caller stands
//! with its limits, which the answer's headers then say.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::authentication::PresentedKey;
use super::error::ApiError;
use super::{AppState, budget, rate_headers};
use crate::limits::{KnownCaller, Permit, Standing};

/// What asks no model and is a request all the same.
const FREE_ROUTES: [&str; 3] = ["/v1/route", "/v1/messages/count_tokens", "/v1/feedback"];

/// A request's place, free again when the last holder drops it.
#[derive(Clone)]
pub(super) struct Place(Arc<Taken>);

struct Taken {
    _permit: Permit,
    caller: Option<KnownCaller>,
    standing: Mutex<Standing>,
}

impl Place {
    /// Who asks; `None` is a stranger.
    pub(super) fn caller(&self) -> Option<&KnownCaller> {
        self.0.caller.as_ref()
    }

    /// How the caller stands with its limits.
    pub(super) fn note_standing(&self, standing: Standing) {
        *self.0.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    fn standing(&self) -> Standing {
        *self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(permit) = state.parts.admission.admit() else { return ApiError::too_many_in_flight().into_response() };
    let caller = request.extensions().get::<PresentedKey>().map(|PresentedKey(caller)| caller.clone());
    let place = Place(Arc::new(Taken { _permit: permit, caller, standing: Mutex::default() }));
    request.extensions_mut().insert(place.clone());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("", MatchedPath::as_str);
    let mut response = answer(&state, &place, route, request, next).await;
    rate_headers::write(response.headers_mut(), place.standing(), route);
    response
}

async fn answer(state: &AppState, place: &Place, route: &str, request: Request, next: Next) -> Response {
    if let Err(error) = budget::refuse_already(state, place) {
        return ApiError::from(&error).into_response();
    }
    if !FREE_ROUTES.contains(&route) {
        return next.run(request).await;
    }
    match budget::reserve_free(state, place).await {
        Ok(_until_answered) => next.run(request).await,
        Err(error) => ApiError::from(&error).into_response(),
    }
}
