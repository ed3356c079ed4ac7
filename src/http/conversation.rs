//! The way of every request that wants an answer from a model, whichever API it came by: read, decided, carried out, handed on. What the
//! APIs differ in, how a request is read and an answer written, is given to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{FromRequest, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::admission::Place;
use super::cached::{self, Hit, Looked};
use super::decision_log::LogEntry;
use super::error::ApiError;
use super::overrides::Asked;
use super::protocol::{AnswerWriter, ReadRequest};
use super::running_stream::{RunningStream, Sending};
use super::{AppState, answer_headers, body, budget, decision_trace, metrics, observation};
use crate::gateway::{Answer, AnswerBody, completion_as_events, sum_of_costs};
use crate::routing::{Decision, Model, RouteError};

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

impl Call {
    /// Its headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

/// Answers a call.
pub(super) async fn answer(
    call: Call,
    read: impl FnOnce(&[u8]) -> Result<ReadRequest, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let Call { state: State(state), place: Extension(place), asked: Asked(overrides), headers, body } = call;
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    // From here on the time is ours or a provider's; before, it was the client's.
    let started = Instant::now();
    let has_cache = state.parts.cache.is_some();
    let read = move |bytes: &[u8]| {
        let (request, writer) = read(bytes)?;
        let said = has_cache.then(|| cached::of_body(&request));
        Ok((request, (writer, said)))
    };
    let (request, (writer, said)) = body::parse(bytes, read).await?;
    let mut entry = LogEntry::open(&state, started, &overrides.caller, request.stream());
    let (is_stream, with_usage) = (request.stream(), request.include_usage());
    let mut semroute_headers = HeaderMap::with_capacity(16);
    let looked = cached::look(&state, said, &request, &overrides, &headers).await;
    looked.tell(&mut semroute_headers);
    if let Looked::Hit(hit) = looked {
        // It costs nothing and is a request all the same.
        let _reservation = match budget::reserve_free(&state, &place).await {
            Ok(reservation) => reservation,
            Err(error) => {
                let answer = ApiError::from(&error);
                entry.undecided(error.to_string(), answer.status());
                return Err(answer);
            }
        };
        let client = Client { writer, entry, place, heartbeat: None, is_stream, with_usage };
        return Ok(give_again(hit, started, semroute_headers, client));
    }
    let is_miss = matches!(looked, Looked::Miss(_));
    entry.will_keep(looked.into_pending(), is_miss);
    let deciding = Instant::now();
    let mut decision = match decision_trace::decide(&state.parts.router, &request, &overrides).await {
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
    let tokens = |model: &Model| budget::tokens_of_chat(&request, model);
    let reservation = match budget::reserve(&state, &place, &mut decision, tokens).await {
        Ok(reservation) => reservation,
        Err(error) => {
            let answer = ApiError::from(&error);
            entry.undecided(error.to_string(), answer.status());
            return Err(answer);
        }
    };
    let decision = Arc::new(decision);
    entry.note_decision(&decision, reservation);

    answer_headers::write_decision(&mut semroute_headers, &decision);
    let heartbeat = Some(state.parts.config.heartbeat_seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs);
    let mut sending: Sending = {
        let (state, decision) = (state.clone(), Arc::clone(&decision));
        Box::pin(async move { state.parts.gateway.send(&decision, &request).await })
    };
    let sent = match heartbeat.filter(|_| is_stream) {
        None => sending.await,
        Some(heartbeat) => match timeout(heartbeat, &mut sending).await {
            Ok(sent) => sent,
            // From here on the status is told; what becomes of the request is told by events.
            Err(_elapsed) => {
                let running =
                    RunningStream::not_yet_begun(sending, started, with_usage, writer, entry, place, Some(heartbeat));
                return Ok(stream_response(semroute_headers, running));
            }
        },
    };
    let (attempts, upstream_wait) = match &sent {
        Ok(answer) => (&answer.attempts, answer.upstream_wait),
        Err(error) => (&error.attempts, error.upstream_wait),
    };
    let attempts = attempts.iter().filter(|attempt| attempt.was_asked()).count();
    let overhead = started.elapsed().saturating_sub(upstream_wait);
    metrics::record_overhead(overhead);
    answer_headers::write_attempts(&mut semroute_headers, attempts);
    answer_headers::write_overhead(&mut semroute_headers, overhead);
    let served_by = sent.as_ref().map_or("none", |answer| &answer.model);
    observation::note_sent(served_by, attempts);
    match sent {
        Ok(answer) => {
            entry.note_answer(&answer, overhead);
            let client = Client { writer, entry, place, heartbeat, is_stream, with_usage };
            Ok(respond(answer, semroute_headers, client))
        }
        Err(error) => {
            let mut answer = ApiError::from(&error);
            entry.failed(&error, answer.status(), overhead);
            answer.headers_mut().extend(semroute_headers);
            Err(answer)
        }
    }
}

/// Answers with what was kept: nothing is decided, and nothing is paid.
fn give_again(hit: Hit, started: Instant, mut headers: HeaderMap, mut client: Client) -> Response {
    let id = Decision::new_id();
    let (kind, answer, overhead) = (hit.kind(), hit.into_answer(), started.elapsed());
    metrics::record_overhead(overhead);
    answer_headers::write_decision_id(&mut headers, &id);
    answer_headers::write_attempts(&mut headers, 0);
    answer_headers::write_overhead(&mut headers, overhead);
    observation::note_decision(&id);
    observation::note_sent(&answer.model, 0);
    client.entry.note_hit(&id, kind, &answer, overhead);
    respond(answer, headers, client)
}

/// Who is answered, and how.
pub(super) struct Client {
    writer: Box<dyn AnswerWriter>,
    entry: LogEntry,
    place: Place,
    heartbeat: Option<Duration>,
    is_stream: bool,
    with_usage: bool,
}

impl Client {
    /// One that is not answered by a stream.
    pub(super) fn of_whole(writer: Box<dyn AnswerWriter>, entry: LogEntry, place: Place) -> Self {
        Self { writer, entry, place, heartbeat: None, is_stream: false, with_usage: false }
    }
}

/// Hands an answer on, with these headers beside its own.
pub(super) fn respond(answer: Answer, mut headers: HeaderMap, client: Client) -> Response {
    let Client { mut writer, mut entry, place, heartbeat, is_stream, with_usage } = client;
    answer_headers::write_served_by(&mut headers, &answer.model, &answer.provider);
    let dropped = writer.dropped().iter().copied().chain(answer.dropped.iter().map(String::as_str));
    answer_headers::write_dropped(&mut headers, &dropped.collect::<Vec<&str>>());
    if let Some(content_type) = answer.content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if let Some(retry_after) = answer.retry_after {
        headers.insert(RETRY_AFTER, retry_after);
    }
    let (bytes, cost_usd) = match answer.body {
        AnswerBody::Stream { events, receipt } => {
            entry.follow(receipt);
            return stream_response(headers, RunningStream::new(events, writer, entry, place, heartbeat));
        }
        AnswerBody::Whole { bytes, cost_usd, .. } => (bytes, cost_usd),
    };
    if !answer.status.is_success() {
        return (answer.status, headers, bytes).into_response();
    }
    answer_headers::write_cost(&mut headers, sum_of_costs(cost_usd, answer.unused_cost_usd));
    // Some providers answer at once although they were asked for a stream.
    if let Some(events) = is_stream.then(|| completion_as_events(&bytes, with_usage)).flatten() {
        write_stream_headers(&mut headers);
        return (answer.status, headers, writer.write_events(events)).into_response();
    }
    let written = writer.write_whole(bytes);
    if written.is_empty() {
        headers.remove(CONTENT_TYPE);
        let mut unreadable = ApiError::unreadable_answer(&answer.provider);
        unreadable.headers_mut().extend(headers);
        return unreadable.into_response();
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (answer.status, headers, written).into_response()
}

fn stream_response(mut headers: HeaderMap, running: RunningStream) -> Response {
    write_stream_headers(&mut headers);
    (headers, Body::from_stream(running.into_stream())).into_response()
}

fn write_stream_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
}
