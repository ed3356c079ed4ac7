//! What comes after a request beside its row in the log: the budget is settled, and the router learns what the conversation has spent, who serves it
//! and how long the model takes.

use std::sync::Arc;
use std::time::Duration;

use super::AppState;
use crate::chat::Usage;
use crate::gateway::{Answer, AnswerBody, sum_of_costs};
use crate::limits::Reservation;
use crate::routing::{AnswerTimes, Decision, Plan, Served};
use crate::store::Outcome;

/// What has to be done when a request is over.
pub(super) struct Aftermath {
    state: AppState,
    decision: Option<Arc<Decision>>,
    reservation: Option<Reservation>,
    served: Option<ServedBy>,
}

/// What a request cost in USD; `None` is unknown.
#[derive(Clone, Copy)]
pub(super) struct Spent {
    /// The answer that the client was given; nothing where it was given none.
    pub(super) answer_usd: Option<f64>,
    /// Everything else that was asked on the way.
    pub(super) unused_usd: Option<f64>,
}

/// The answer that is on its way to the client.
struct ServedBy {
    model: String,
    /// From sending until it began.
    waited: Duration,
    /// Waiting for the provider after that.
    streamed: Duration,
    is_stream: bool,
}

impl Aftermath {
    pub(super) fn of(state: &AppState) -> Self {
        Self { state: state.clone(), decision: None, reservation: None, served: None }
    }

    /// What was decided, and what was reserved for it.
    pub(super) fn note_decision(&mut self, decision: &Arc<Decision>, reservation: Reservation) {
        self.decision = Some(Arc::clone(decision));
        self.reservation = Some(reservation);
    }

    /// What was decided, if anything was.
    pub(super) fn decision(&self) -> Option<&Decision> {
        self.decision.as_deref()
    }

    /// A model answers.
    pub(super) fn note_answer(&mut self, answer: &Answer) {
        let of_model = answer.attempts.iter().rev().find(|attempt| attempt.model == answer.model);
        self.served = Some(ServedBy {
            model: answer.model.clone(),
            waited: of_model.map_or(Duration::ZERO, |attempt| attempt.elapsed),
            streamed: Duration::ZERO,
            is_stream: matches!(answer.body, AnswerBody::Stream { .. }),
        });
    }

    /// Time that was spent waiting for the provider's stream since it began.
    pub(super) fn note_waited(&mut self, waited: Duration) {
        if let Some(served) = &mut self.served {
            served.streamed = waited;
        }
    }

    /// The request is over. Whatever an answer cost that was asked for is spent, even if its client left before it came. Returns what counts
    /// against the budget; `None` where there is none.
    pub(super) fn end(&mut self, outcome: Outcome, usage: Option<Usage>, spent: Spent) -> Option<f64> {
        // A refusal costs nothing; what came before it may have.
        let is_free = outcome == Outcome::Refused && spent.unused_usd == Some(0.0);
        let decision = self.decision.as_ref().filter(|_| !is_free)?;
        let served_by = self.served.as_ref().map(|served| served.model.as_str());
        let model = served_by.or_else(|| Some(decision.primary()?.model.as_str())).unwrap_or_default();
        // Of a chain one model is paid, which may not be the dearest that was reserved for; otherwise the whole reservation counts.
        let is_chain = matches!(decision.plan, Plan::Chain(_));
        let expected = || decision.expected_cost_usd(model).filter(|_| is_chain);
        let cost_usd = sum_of_costs(spent.answer_usd, spent.unused_usd);
        // What is known counts as it is, and what nobody told as it was expected.
        let counted = cost_usd
            .or_else(|| sum_of_costs(spent.answer_usd.or_else(expected), spent.unused_usd.or_else(expected)))
            .filter(|_| is_chain || cost_usd.is_some());
        // An answer that came tells its tokens; of one that did not, and costs nothing, there are none.
        let tokens = usage.map(|usage| usage.prompt().saturating_add(usage.completion()));
        let is_nothing = cost_usd == Some(0.0) && self.served.is_none();
        let tokens = tokens.or(is_nothing.then_some(0));
        let counted_usd = self.reservation.as_mut().and_then(|reservation| reservation.settle(counted, tokens));
        // What several models took together, or was held back for a gate, says little of one model's pace.
        let is_its_own = is_chain && outcome == Outcome::Answered;
        let times = self.served.as_ref().filter(|_| is_its_own).map(|served| AnswerTimes {
            first_token: served.is_stream.then_some(served.waited),
            total: served.waited + served.streamed,
            output_tokens: usage.map(Usage::completion),
        });
        self.state.parts.router.learn(decision, Served { model, cost_usd, times });
        counted_usd
    }
}
