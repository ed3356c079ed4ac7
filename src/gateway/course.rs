//! What happened so far on the way of one request: tries, waiting, and the cost of what nobody is given. Ends as an `Answer` or a
//! `SendError`. Asks nobody itself.

use std::time::Duration;

use super::answer::{Answer, sum_of_costs};
use super::attempt::{Attempt, Failure, Outcome, TimeoutKind};
use super::error::SendError;
use super::metering;
use super::received::{Received, ReceivedBody};
use super::try_trace::Operation;
use crate::routing::{Candidate, Decision};

/// The course of one request, or of one contestant of it.
pub(super) struct Course<'a> {
    pub(super) decision_id: &'a str,
    /// Who asks, for providers at which callers have keys of their own.
    pub(super) caller: Option<&'a str>,
    pub(super) operation: Operation,
    attempts: Vec<Attempt>,
    /// Model and provider that are being asked.
    asking: Option<(String, String)>,
    pub(super) upstream_wait: Duration,
    unused_cost_usd: Option<f64>,
}

impl<'a> Course<'a> {
    pub(super) fn new(decision: &'a Decision, operation: Operation) -> Self {
        Self::begin(&decision.id, decision.caller.as_deref(), operation)
    }

    /// An empty one for a part of the same request.
    pub(super) fn beside(&self) -> Self {
        Self::begin(self.decision_id, self.caller, self.operation)
    }

    fn begin(decision_id: &'a str, caller: Option<&'a str>, operation: Operation) -> Self {
        Self {
            decision_id,
            caller,
            operation,
            attempts: Vec::with_capacity(1),
            asking: None,
            upstream_wait: Duration::ZERO,
            unused_cost_usd: Some(0.0),
        }
    }

    /// The next model is about to be asked; after another one, that is a fallback.
    pub(super) fn move_to(&mut self, next: &Candidate) {
        if let Some(left) = self.attempts.last().filter(|left| left.model != next.model) {
            metering::record_fallback(&left.model, &next.model);
        }
        self.asking = Some((next.model.clone(), next.provider.clone()));
    }

    /// How many tries have ended.
    pub(super) fn tries(&self) -> usize {
        self.attempts.len()
    }

    /// The tries since there were so many.
    pub(super) fn tries_since(&self, earlier: usize) -> &[Attempt] {
        self.attempts.get(earlier..).unwrap_or_default()
    }

    /// A try that went to the client.
    pub(super) fn note_answer(&mut self, received: &Received) {
        let outcome = Outcome::Answered { status: received.head.status.as_u16() };
        // The meter of a stream measures it to its end.
        let is_over = matches!(received.body, ReceivedBody::Whole { .. });
        self.note(&received.model, &received.provider, outcome, received.elapsed, is_over);
    }

    /// A try that did not.
    pub(super) fn note_failure(&mut self, model: &str, provider: &str, failure: Failure, elapsed: Duration) {
        self.note(model, provider, Outcome::Failed(failure), elapsed, true);
    }

    fn note(&mut self, model: &str, provider: &str, outcome: Outcome, elapsed: Duration, is_over: bool) {
        let attempt = Attempt { model: model.to_owned(), provider: provider.to_owned(), outcome, elapsed };
        metering::record_attempt(&attempt);
        if is_over {
            metering::record_duration(&attempt, self.operation);
        }
        match attempt.outcome.failure() {
            Some(failure) if failure.is_the_providers() => {
                tracing::warn!(decision = self.decision_id, %attempt, "a try failed");
            }
            Some(_) => tracing::debug!(decision = self.decision_id, %attempt, "an answer was not taken"),
            None => {}
        }
        self.attempts.push(attempt);
    }

    /// Tries and costs of another course, which are part of this one. Its waiting is not: it may have been at the same time.
    pub(super) fn absorb(&mut self, other: Self) {
        self.attempts.extend(other.attempts);
        self.add_unused(other.unused_cost_usd);
    }

    /// Cost of something that the client is not given; `None` if nobody knows it.
    pub(super) fn add_unused(&mut self, cost_usd: Option<f64>) {
        self.unused_cost_usd = sum_of_costs(self.unused_cost_usd, cost_usd);
    }

    /// The time for all of it is over, whoever was being asked.
    pub(super) fn run_out(&mut self, elapsed: Duration) {
        let (model, provider) = self.asking.take().unwrap_or_else(|| ("none".to_owned(), "none".to_owned()));
        self.upstream_wait = self.upstream_wait.max(elapsed);
        self.add_unused(None);
        self.note_failure(&model, &provider, Failure::Timeout(TimeoutKind::Deadline), elapsed);
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
