//! `POST /v1/chat/completions`: reads the request, has it decided, has the decision carried out, hands the answer on.

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::admission::Place;
use super::decision_log::LogEntry;
use super::error::ApiError;
use super::running_stream::RunningStream;
use super::{AppState, answer_headers, body, metrics, observation, overrides};
use crate::chat::ChatRequest;
use crate::gateway::{Answer, AnswerBody};

/// Asks nginx, should one stand in front, to pass the stream on as it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) async fn create(
    State(state): State<AppState>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let overrides = overrides::read(&headers)?;
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    // From here on the time is ours or a provider's; before, it was the client's.
    let started = Instant::now();
    let request = body::parse(bytes, |bytes| Ok(ChatRequest::from_slice(bytes)?)).await?;
    let mut entry = LogEntry::open(&state, started, request.stream());
    let deciding = Instant::now();
    let decision = match state.parts.router.decide(&request, &overrides).await {
        Ok(decision) => decision,
        Err(error) => {
            let answer = ApiError::from(&error);
            entry.undecided(&error, answer.status());
            return Err(answer);
        }
    };
    metrics::record_decision(&decision, deciding.elapsed());
    entry.note_decision(&decision);

    let mut semroute_headers = HeaderMap::with_capacity(16);
    answer_headers::write_decision(&mut semroute_headers, &decision);
    let sent = state.parts.gateway.send(&decision, &request).await;
    let (attempts, upstream_wait) = match &sent {
        Ok(answer) => (answer.attempts.len(), answer.upstream_wait),
        Err(error) => (error.attempts.len(), error.upstream_wait),
    };
    let overhead = started.elapsed().saturating_sub(upstream_wait);
    metrics::record_overhead(overhead);
    answer_headers::write_attempts(&mut semroute_headers, attempts);
    answer_headers::write_overhead(&mut semroute_headers, overhead);
    let served_by = sent.as_ref().map_or("none", |answer| &answer.model);
    observation::note_sent(&decision.id, served_by, attempts);
    match sent {
        Ok(answer) => {
            entry.note_answer(&answer, overhead);
            Ok(respond(answer, semroute_headers, entry, place))
        }
        Err(error) => {
            let mut answer = ApiError::from(&error);
            entry.failed(&error, answer.status(), overhead);
            answer.headers_mut().extend(semroute_headers);
            Err(answer)
        }
    }
}

fn respond(answer: Answer, mut headers: HeaderMap, mut entry: LogEntry, place: Place) -> Response {
    answer_headers::write_served_by(&mut headers, &answer.model, &answer.provider);
    if let Some(content_type) = answer.content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if let Some(retry_after) = answer.retry_after {
        headers.insert(RETRY_AFTER, retry_after);
    }
    let body = match answer.body {
        AnswerBody::Whole { bytes, cost_usd, .. } => {
            if answer.status.is_success() {
                answer_headers::write_cost(&mut headers, cost_usd);
            }
            Body::from(bytes)
        }
        AnswerBody::Stream { events, receipt } => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
            entry.follow(receipt);
            Body::from_stream(RunningStream::new(events, entry, place))
        }
    };
    (answer.status, headers, body).into_response()
}
