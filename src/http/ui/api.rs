//! `GET /ui/api/overview` and `GET /ui/api/decisions`: what the log says. Reads parameters and names what is wrong with them; the figures are
//! the store's.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::http::AppState;
use crate::http::authentication::Admin;
use crate::http::error::ApiError;
use crate::store::{Dashboard, Decisions, DecisionsAsked, Overview, OverviewAsked};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverviewQuery {
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    caller: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionsQuery {
    after: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
    caller: Option<String>,
}

/// Sums over a range of time.
pub(super) async fn overview(
    State(state): State<AppState>,
    _admin: Admin,
    query: Result<Query<OverviewQuery>, QueryRejection>,
) -> Result<Json<Overview>, ApiError> {
    let OverviewQuery { from_ms, to_ms, caller } = read(query)?;
    Ok(Json(dashboard(&state)?.overview(&OverviewAsked { from_ms, to_ms, caller }).await?))
}

/// Decisions one by one, those that ended last first.
pub(super) async fn decisions(
    State(state): State<AppState>,
    _admin: Admin,
    query: Result<Query<DecisionsQuery>, QueryRejection>,
) -> Result<Json<Decisions>, ApiError> {
    let DecisionsQuery { after, before, limit, caller } = read(query)?;
    Ok(Json(dashboard(&state)?.decisions(&DecisionsAsked { after, before, limit, caller }).await?))
}

fn dashboard(state: &AppState) -> Result<&Dashboard, ApiError> {
    state.parts.dashboard.as_ref().ok_or_else(ApiError::no_store)
}

fn read<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::invalid(error.body_text(), None))?;
    Ok(query)
}
