//! `GET /ui/api/budgets` and `GET /ui/api/models`: how the server stands by now. Needs no store.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use time::OffsetDateTime;

use crate::http::AppState;
use crate::http::authentication::Admin;
use crate::limits::BudgetStanding;
use crate::routing::Strategy;

#[derive(Serialize)]
pub(super) struct Budgets {
    budgets: Vec<BudgetRow>,
}

#[derive(Serialize)]
struct BudgetRow {
    /// The key's name, or [`EVERYBODY`].
    name: String,
    period: &'static str,
    limit_usd: f64,
    spent_usd: f64,
    reserved_usd: f64,
    /// When the next period begins, in milliseconds since 1970.
    resets_ms: i64,
}

#[derive(Serialize)]
pub(super) struct Models {
    models: Vec<ModelRow>,
    strategies: Vec<&'static str>,
    artifact: String,
    version: &'static str,
}

#[derive(Serialize)]
struct ModelRow {
    name: String,
    provider: String,
    input_usd_per_mtok: Option<f64>,
    output_usd_per_mtok: Option<f64>,
}

/// The budget that all requests share.
const EVERYBODY: &str = "all callers";

/// What may be spent, and what is.
pub(super) async fn budgets(State(state): State<AppState>, _admin: Admin) -> Json<Budgets> {
    let standings = state.parts.ledger.budgets(&state.parts.keys.budgeted());
    let now = OffsetDateTime::now_utc();
    Json(Budgets { budgets: standings.into_iter().map(|standing| row(standing, now)).collect() })
}

fn row(standing: BudgetStanding, now: OffsetDateTime) -> BudgetRow {
    let seconds_left = i64::try_from(standing.seconds_left).unwrap_or(i64::MAX);
    BudgetRow {
        name: standing.caller.unwrap_or_else(|| EVERYBODY.to_owned()),
        period: standing.period,
        limit_usd: standing.limit_usd,
        spent_usd: standing.spent_usd,
        reserved_usd: standing.reserved_usd,
        resets_ms: now.unix_timestamp().saturating_add(seconds_left).saturating_mul(1000),
    }
}

/// What there is to choose from.
pub(super) async fn models(State(state): State<AppState>, _admin: Admin) -> Json<Models> {
    let router = &state.parts.router;
    let models = router.registry().models().iter().map(|model| ModelRow {
        name: model.name.clone(),
        provider: model.provider.clone(),
        input_usd_per_mtok: model.prices.map(|prices| prices.input.get()),
        output_usd_per_mtok: model.prices.map(|prices| prices.output.get()),
    });
    Json(Models {
        models: models.collect(),
        strategies: Strategy::ALL.iter().map(|strategy| strategy.name()).collect(),
        artifact: router.artifact_name().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    })
}
