//! What happened so far on the way of one request: tries, waiting, and the cost of what nobody is given. Ends as an `Answer` or a
//! `SendError`. Asks nobody itself.

use std::time::Duration;

use super::answer::{Answer, sum_of_costs};
use super::attempt::{Attempt, Failure, Outcome};
use super::error::SendError;
use super::metering;
use super::received::Received;
use crate::routing::Candidate;

/// The course of one request.
pub(super) struct Course<'a> {
    pub(super) decision_id: &'a str,
    attempts: Vec<Attempt>,
    pub(super) upstream_wait: Duration,
    unused_cost_usd: Option<f64>,
}

impl<'a> Course<'a> {
    pub(super) fn new(decision_id: &'a str) -> Self {
        Self { decision_id, attempts: Vec::with_capacity(1), upstream_wait: Duration::ZERO, unused_cost_usd: Some(0.0) }
    }

    /// The next model is about to be asked; after another one, that is a fallback.
    pub(super) fn move_to(&self, next: &Candidate) {
        if let Some(left) = self.attempts.last() {
            metering::record_fallback(&left.model, &next.model);
        }
    }

    /// A try that went to the client.
    pub(super) fn note_answer(&mut self, candidate: &Candidate, received: &Received, elapsed: Duration) {
        self.note(candidate, Outcome::Answered { status: received.head.status.as_u16() }, elapsed);
    }

    /// A try that did not.
    pub(super) fn note_failure(&mut self, candidate: &Candidate, failure: Failure, elapsed: Duration) {
        self.note(candidate, Outcome::Failed(failure), elapsed);
    }

    fn note(&mut self, candidate: &Candidate, outcome: Outcome, elapsed: Duration) {
        self.add_attempt(Attempt {
            model: candidate.model.clone(),
            provider: candidate.provider.clone(),
            outcome,
            elapsed,
        });
    }

    /// A try, whoever it asked.
    pub(super) fn add_attempt(&mut self, attempt: Attempt) {
        metering::record_attempt(&attempt);
        match attempt.outcome.failure() {
            Some(failure) if failure.is_the_providers() => {
                tracing::warn!(decision = self.decision_id, %attempt, "a try failed");
            }
            Some(_) => tracing::debug!(decision = self.decision_id, %attempt, "an answer was not taken"),
            None => {}
        }
        self.attempts.push(attempt);
    }

    /// Cost of something that the client is not given; `None` if nobody knows it.
    pub(super) fn add_unused(&mut self, cost_usd: Option<f64>) {
        self.unused_cost_usd = sum_of_costs(self.unused_cost_usd, cost_usd);
    }

    /// This is the answer.
    pub(super) fn hand_on(self, received: Received) -> Answer {
        let (model, provider) = (received.model.clone(), received.provider.clone());
        let (head, body) = received.into_parts();
        Answer {
            status: head.status,
            content_type: head.content_type,
            retry_after: head.retry_after,
            dropped: head.dropped,
            model,
            provider,
            attempts: self.attempts,
            upstream_wait: self.upstream_wait,
            unused_cost_usd: self.unused_cost_usd,
            body,
        }
    }

    /// There is none.
    pub(super) fn fail(self) -> SendError {
        SendError {
            unused_cost_usd: self.unused_cost_usd,
            ..SendError::from_attempts(self.attempts, self.upstream_wait)
        }
    }
}
