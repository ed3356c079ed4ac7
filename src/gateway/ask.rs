//! Asks one model: an endpoint of its by a key of the provider's, then the others, until one answers. What it takes to find out that an
//! endpoint is not well is remembered for the requests after this one.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use reqwest::StatusCode;
use tokio::time::sleep;

use super::attempt::Failure;
use super::course::Course;
use super::metering;
use super::received::Received;
use super::send::{Gateway, Upstream};
use super::try_once::{Asked, Ended, Question, try_once};
use super::upstream::{Lane, Tried, pick};
use crate::chat::ChatRequest;

/// Endpoints and keys that one model may use up for one request.
pub(super) const MOST_TRIES: usize = 5;

impl Gateway {
    /// Asks a model and waits until its answer is there or begins. Tries that failed are noted in `course`; the answer is not.
    pub(super) async fn ask(
        &self,
        model: &str,
        request: &ChatRequest,
        with_logprobs: bool,
        course: &mut Course<'_>,
    ) -> Result<Received, Failure> {
        let Some(upstream) = self.upstream(model) else {
            course.note_failure(model, "none", Failure::NotConfigured, Duration::ZERO);
            return Err(Failure::NotConfigured);
        };
        let question = Question { model, upstream, request, with_logprobs };
        let mut tried = Tried::default();
        let mut last = None;
        // What one key may not do, another may.
        let mut forbidden: Option<Received> = None;
        for _ in 0..MOST_TRIES {
            let (place, lane) = match (self.pick(upstream, &tried, course.caller), forbidden.take()) {
                (Ok(picked), None) => picked,
                (Ok(picked), Some(received)) => {
                    course.note_failure(model, &received.provider, received.as_failure(), received.elapsed);
                    picked
                }
                (Err(_), Some(received)) => return Ok(received),
                (Err(shut), None) => {
                    return Err(last.unwrap_or_else(|| {
                        course.note_failure(model, self.main_provider(upstream), shut.clone(), Duration::ZERO);
                        shut
                    }));
                }
            };
            let answered = match upstream.hedge_after {
                None => settle(try_once(question, place, lane).await, model, course, &mut tried),
                Some(after) => Box::pin(self.hedged(question, place, lane, after, course, &mut tried)).await,
            };
            match answered {
                Ok(received) if received.head.status == StatusCode::FORBIDDEN => forbidden = Some(received),
                Ok(received) => return Ok(received),
                // Whoever else is asked cannot do it either.
                Err(failure @ Failure::Unsupported(_)) if upstream.endpoints.len() == 1 => return Err(failure),
                Err(failure) => last = Some(failure),
            }
        }
        forbidden.ok_or_else(|| last.unwrap_or(Failure::NotConfigured))
    }

    /// One try, and after a while a second one beside it: whichever answers first counts, and the other is cancelled.
    async fn hedged(
        &self,
        question: Question<'_>,
        place: usize,
        lane: Lane<'_>,
        after: Duration,
        course: &mut Course<'_>,
        tried: &mut Tried,
    ) -> Result<Received, Failure> {
        let model = question.model;
        let (started, provider) = (Instant::now(), lane.provider.name.clone());
        let mut elsewhere = tried.clone();
        elsewhere.endpoint(place);
        let first = pin!(try_once(question, place, lane));
        let first = match select(first, pin!(sleep(after))).await {
            Either::Left((ended, _)) => return settle(ended, model, course, tried),
            Either::Right(((), first)) => first,
        };
        // Elsewhere where that can be; a second try at the same place may still be the quicker one.
        let pick = |tried: &Tried| self.pick(question.upstream, tried, course.caller);
        let picked = pick(&elsewhere).or_else(|_| pick(tried));
        let Ok((place, lane)) = picked else { return settle(first.await, model, course, tried) };
        metering::record_hedge(model);
        let (second_started, second_provider) = (Instant::now(), lane.provider.name.clone());
        let second = pin!(try_once(question, place, lane));
        let (ended, other, lost) = match select(first, second).await {
            Either::Left((ended, other)) => (ended, Either::Left(other), (second_provider, second_started)),
            Either::Right((ended, other)) => (ended, Either::Right(other), (provider, started)),
        };
        let answered = settle(ended, model, course, tried);
        if answered.is_err() {
            return settle(other.await, model, course, tried);
        }
        // It is cancelled on return; what it cost, nobody will say.
        let (provider, started) = lost;
        self.note_left(model);
        course.add_unused(None);
        course.note_failure(model, &provider, Failure::LostRace, started.elapsed());
        answered
    }

    pub(super) fn pick(
        &self,
        upstream: &Upstream,
        tried: &Tried,
        caller: Option<&str>,
    ) -> Result<(usize, Lane<'_>), Failure> {
        pick(&self.endpoints_by_weight(upstream), self.groups(), upstream.balance, tried, caller)
    }
}

/// Tells the endpoint and the course how a try went.
pub(super) fn settle(
    ended: Ended<'_>,
    model: &str,
    course: &mut Course<'_>,
    tried: &mut Tried,
) -> Result<Received, Failure> {
    let Ended { place, mut lane, result, trace, elapsed, waited } = ended;
    course.upstream_wait += waited;
    let failure = match result {
        Ok(got) => {
            if got.status() == StatusCode::FORBIDDEN {
                tried.key(place, &lane);
            }
            lane.lease.note_answer(waited);
            trace.note_status(got.status().as_u16());
            return Ok(got.received(Asked { model, operation: course.operation, trace }, lane, elapsed));
        }
        Err(failure) => failure,
    };
    trace.note_failure(&failure);
    if lane.lease.note_failure(&failure, Some(waited)) {
        metering::record_breaker(&lane.provider.name, &lane.endpoint.upstream_name);
        tracing::warn!(
            provider = lane.provider.name,
            model = lane.endpoint.upstream_name,
            "failed too often; it is left alone for a while"
        );
    }
    match failure {
        Failure::Status { status: 401 | 402 | 429, .. } => tried.key(place, &lane),
        _ => tried.endpoint(place),
    }
    course.note_failure(model, &lane.provider.name, failure.clone(), elapsed);
    Err(failure)
}
