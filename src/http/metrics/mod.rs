//! `GET /metrics`: Prometheus text, and what the HTTP face itself measures. Labels have closed sets of values.

mod catalogue;
mod recorder;
mod recording;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::AppState;
use super::authentication::MetricsReader;
use super::openapi::KeyErrors;

pub use catalogue::{CATALOGUE, MetricKind};
pub(super) use recorder::recorder;
pub use recording::metric;
pub(super) use recording::{
    Pace, record_answer, record_decision, record_dry_decision, record_overhead, record_request,
};

/// What was measured, as Prometheus reads it.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    responses((status = 200, description = "The measurements.", body = String, content_type = "text/plain"), KeyErrors)
)]
pub(super) async fn render(State(state): State<AppState>, _reader: MetricsReader) -> impl IntoResponse {
    if let Some(recorder) = &state.parts.recorder {
        recorder.publish();
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.parts.prometheus.render())
}
