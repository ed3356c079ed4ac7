//! The way of every request that wants an answer from a model, whichever API it came by: read, decided, carried out, handed on. What the
//! APIs differ in, how a request is read and an answer written, is given to it.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{FromRequest, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::admission::Place;
use super::decision_log::LogEntry;
use super::error::ApiError;
use super::overrides::Asked;
use super::protocol::{AnswerWriter, ReadRequest};
use super::running_stream::RunningStream;
use super::{AppState, answer_headers, body, budget, metrics, observation};
use crate::gateway::{Answer, AnswerBody, sum_of_costs};
use crate::routing::RouteError;

/// Asks nginx, should one stand in front, to pass the stream on as it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A call of an endpoint that answers.
#[derive(FromRequest)]
#[from_request(state(AppState))]
pub(super) struct Call {
    state: State<AppState>,
    place: Extension<Place>,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
}

/// Answers a call.
pub(super) async fn answer(call: Call, read: ReadRequest) -> Result<Response, ApiError> {
    let Call { state: State(state), place: Extension(place), asked: Asked(overrides), headers, body } = call;
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    // From here on the time is ours or a provider's; before, it was the client's.
    let started = Instant::now();
    let (request, writer) = body::parse(bytes, read).await?;
    let mut entry = LogEntry::open(&state, started, request.stream());
    let deciding = Instant::now();
    let mut decision = match state.parts.router.decide(&request, &overrides).await {
        Ok(decision) => decision,
        Err(error) => {
            let answer = ApiError::from(&error);
            let reason = match &error {
                // What the client wrote in place of a model's name could be anything.
                RouteError::UnknownModel(_) => "the model asked for does not exist".to_owned(),
                error => error.to_string(),
            };
            entry.undecided(reason, answer.status());
            return Err(answer);
        }
    };
    metrics::record_decision(&decision, deciding.elapsed());
    let reservation = match budget::reserve(&state, &mut decision) {
        Ok(reservation) => reservation,
        Err(error) => {
            let answer = ApiError::from(&error);
            entry.undecided(error.to_string(), answer.status());
            return Err(answer);
        }
    };
    let decision = Arc::new(decision);
    entry.note_decision(&decision, reservation);

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
            Ok(respond(answer, semroute_headers, writer, entry, place))
        }
        Err(error) => {
            let mut answer = ApiError::from(&error);
            entry.failed(&error, answer.status(), overhead);
            answer.headers_mut().extend(semroute_headers);
            Err(answer)
        }
    }
}

fn respond(
    answer: Answer,
    mut headers: HeaderMap,
    mut writer: Box<dyn AnswerWriter>,
    mut entry: LogEntry,
    place: Place,
) -> Response {
    answer_headers::write_served_by(&mut headers, &answer.model, &answer.provider);
    answer_headers::write_dropped(&mut headers, &answer.dropped);
    if let Some(content_type) = answer.content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if let Some(retry_after) = answer.retry_after {
        headers.insert(RETRY_AFTER, retry_after);
    }
    let body = match answer.body {
        AnswerBody::Whole { bytes, cost_usd, .. } => {
            if answer.status.is_success() {
                answer_headers::write_cost(&mut headers, sum_of_costs(cost_usd, answer.unused_cost_usd));
                Body::from(writer.write_whole(bytes))
            } else {
                Body::from(bytes)
            }
        }
        AnswerBody::Stream { events, receipt } => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
            entry.follow(receipt);
            Body::from_stream(RunningStream::new(events, writer, entry, place))
        }
    };
    (answer.status, headers, body).into_response()
}
