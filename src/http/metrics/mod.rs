//! `GET /metrics`: Prometheus text, and what the HTTP face itself measures. Labels have closed sets of values.

mod recorder;
mod recording;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::AppState;

pub(super) use recorder::recorder;
pub use recording::metric;
pub(super) use recording::{record_decision, record_dry_decision, record_overhead, record_request};

pub(super) async fn render(State(state): State<AppState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.parts.prometheus.render())
}
