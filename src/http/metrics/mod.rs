//! `GET /metrics`: Prometheus text, and what the HTTP face itself measures. Labels have closed sets of values.

mod recorder;
mod recording;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::AppState;
use super::openapi::KeyErrors;

pub(super) use recorder::recorder;
pub use recording::metric;
pub(super) use recording::{record_decision, record_dry_decision, record_overhead, record_request};

/// What was measured, as Prometheus reads it.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    responses((status = 200, description = "The measurements.", body = String, content_type = "text/plain"), KeyErrors)
)]
pub(super) async fn render(State(state): State<AppState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.parts.prometheus.render())
}
