//! `POST /v1/chat/completions`: reads the request, has it decided, has the decision carried out, hands the answer on.

use std::convert::Infallible;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::unfold;

use super::admission::Place;
use super::error::ApiError;
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
    let deciding = Instant::now();
    let decision = state.parts.router.decide(&request, &overrides).await?;
    metrics::record_decision(&decision, deciding.elapsed());

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
        Ok(answer) => Ok(respond(answer, semroute_headers, place)),
        Err(error) => {
            let mut error = ApiError::from(error);
            error.headers_mut().extend(semroute_headers);
            Err(error)
        }
    }
}

fn respond(answer: Answer, mut headers: HeaderMap, place: Place) -> Response {
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
        AnswerBody::Stream(stream) => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
            // The place goes along with the stream: it is free again when the stream ends or its client leaves.
            Body::from_stream(unfold((stream, place), |(mut stream, place)| async {
                let bytes = stream.next().await?;
                Some((Ok::<_, Infallible>(bytes), (stream, place)))
            }))
        }
    };
    (answer.status, headers, body).into_response()
}
