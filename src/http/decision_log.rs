//! One row a chat request for the store, taken down when the request is over: answered, refused, failed, broken off or left by
//! its client. Holds names, numbers and the decision's own words; never a prompt, an answer or a key.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;

use super::AppState;
use super::aftermath::{Aftermath, Spent};
use crate::chat::Usage;
use crate::gateway::{Answer, AnswerBody, Attempt, PendingReceipt, SendError, StreamEnd, sum_of_costs};
use crate::limits::Reservation;
use crate::routing::{Decision, Strategy};
use crate::store::{DecisionRecord, Outcome, Recorder};

/// Nginx's word for a client that left before it was answered; it is written down and never sent.
const CLIENT_LEFT: u16 = 499;

/// The row of a request under way, and what has to be done at its end. Both happen when it is dropped, whatever the reason.
pub(super) struct LogEntry(Box<OpenRow>);

struct OpenRow {
    state: AppState,
    /// `None` where nothing is remembered.
    recorder: Option<Recorder>,
    aftermath: Aftermath,
    record: DecisionRecord,
    started: Instant,
    receipt: Option<PendingReceipt>,
    usage: Option<Usage>,
    /// What the answer costs that the client is given.
    answer_cost_usd: Option<f64>,
    /// What the answers cost that the client is not given.
    unused_cost_usd: Option<f64>,
}

impl LogEntry {
    /// The row of a request that came at `started`.
    pub(super) fn open(state: &AppState, started: Instant, stream: bool) -> Self {
        let now = SystemTime::now().checked_sub(started.elapsed()).unwrap_or(UNIX_EPOCH);
        let unix = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = DecisionRecord {
            time_unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
            status: CLIENT_LEFT,
            stream,
            ..DecisionRecord::default()
        };
        Self(Box::new(OpenRow {
            state: state.clone(),
            recorder: state.parts.recorder.clone(),
            aftermath: Aftermath::of(state),
            record,
            started,
            receipt: None,
            usage: None,
            answer_cost_usd: None,
            unused_cost_usd: Some(0.0),
        }))
    }

    /// What was decided, and what was reserved of the budget for it.
    pub(super) fn note_decision(&mut self, decision: &Arc<Decision>, reservation: Option<Reservation>) {
        let row = &mut self.0;
        row.aftermath.note_decision(decision, reservation);
        let record = &mut row.record;
        record.id.clone_from(&decision.id);
        record.reason.clone_from(&decision.reason);
        record.strategy = decision.strategy.map(|strategy| Strategy::name(strategy).to_owned());
        record.overhead_ms = milliseconds(row.started.elapsed());
        if let Some(signals) = &decision.signals {
            record.task = Some(signals.task.clone());
            record.task_confidence = Some(signals.task_confidence);
            record.complexity = Some(signals.complexity.clone());
            record.complexity_score = Some(signals.complexity_score);
            record.known = Some(signals.known);
        }
    }

    /// Nothing could be decided, for this reason in words that hold nothing of the client's.
    pub(super) fn undecided(mut self, reason: String, status: StatusCode) {
        let row = &mut self.0;
        row.record.id = Decision::new_id();
        row.record.reason = reason;
        row.record.overhead_ms = milliseconds(row.started.elapsed());
        row.end(if status.is_server_error() { Outcome::Failed } else { Outcome::Refused }, status);
    }

    /// No model answered.
    pub(super) fn failed(mut self, error: &SendError, status: StatusCode, overhead: Duration) {
        let row = &mut self.0;
        row.note_attempts(&error.attempts, overhead);
        // Nothing was handed on, but what came on the way was paid for.
        row.unused_cost_usd = error.unused_cost_usd;
        row.record.cost_usd = error.unused_cost_usd.filter(|cost_usd| *cost_usd > 0.0);
        row.end(Outcome::Failed, status);
    }

    /// A model answers.
    pub(super) fn note_answer(&mut self, answer: &Answer, overhead: Duration) {
        let row = &mut self.0;
        row.note_attempts(&answer.attempts, overhead);
        row.aftermath.note_answer(answer);
        row.record.model = Some(answer.model.clone());
        row.record.provider = Some(answer.provider.clone());
        row.record.status = answer.status.as_u16();
        row.unused_cost_usd = answer.unused_cost_usd;
        if let AnswerBody::Whole { usage, cost_usd, .. } = &answer.body {
            row.note_usage(*usage, *cost_usd);
            row.record.outcome = if answer.status.is_success() { Outcome::Answered } else { Outcome::Refused };
        }
    }

    /// Time spent waiting for the provider's stream since it began.
    pub(super) fn note_waited(&mut self, waited: Duration) {
        self.0.aftermath.note_waited(waited);
    }

    /// The answer is a stream that this receipt belongs to. The entry should be dropped after it.
    pub(super) fn follow(&mut self, receipt: PendingReceipt) {
        self.0.receipt = Some(receipt);
    }
}

impl OpenRow {
    fn note_attempts(&mut self, attempts: &[Attempt], overhead: Duration) {
        let attempts = attempts.iter().filter(|attempt| attempt.was_asked()).count();
        self.record.attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        self.record.overhead_ms = milliseconds(overhead);
    }

    fn note_usage(&mut self, usage: Option<Usage>, cost_usd: Option<f64>) {
        self.usage = usage;
        self.record.input_tokens = usage.map(|usage| usage.input.saturating_add(usage.cache_write));
        self.record.cached_input_tokens = usage.map(|usage| usage.cached_input);
        self.record.output_tokens = usage.map(Usage::completion);
        self.record.cache_write_tokens = usage.map(|usage| usage.cache_write);
        self.record.reasoning_tokens = usage.map(|usage| usage.reasoning);
        self.answer_cost_usd = cost_usd;
        self.record.cost_usd = sum_of_costs(cost_usd, self.unused_cost_usd);
    }

    fn end(&mut self, outcome: Outcome, status: StatusCode) {
        self.record.outcome = outcome;
        self.record.status = status.as_u16();
    }
}

impl Drop for OpenRow {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.as_mut().and_then(PendingReceipt::take) {
            self.note_usage(receipt.usage, receipt.cost_usd);
            self.record.outcome = match receipt.end {
                StreamEnd::Complete => Outcome::Answered,
                StreamEnd::Broken(_) => Outcome::Broken,
                StreamEnd::ClientLeft => Outcome::ClientLeft,
            };
        }
        if std::thread::panicking() {
            self.end(Outcome::Failed, StatusCode::INTERNAL_SERVER_ERROR);
        } else if self.record.outcome == Outcome::ClientLeft && self.state.is_cut_off() {
            self.record.outcome = Outcome::Broken;
        }
        self.record.latency_ms = milliseconds(self.started.elapsed());
        if self.record.id.is_empty() {
            self.record.id = Decision::new_id();
        }
        // A try that failed is seldom billed, and the row says nothing of it; what counts is what came and was not handed on.
        let is_unanswered = matches!(self.record.outcome, Outcome::Failed | Outcome::Refused);
        let answer_usd = if is_unanswered { Some(0.0) } else { self.answer_cost_usd };
        let spent = Spent { answer_usd, unused_usd: self.unused_cost_usd };
        self.record.counted_usd = self.aftermath.end(self.record.outcome, self.usage, spent);
        if let Some(recorder) = &self.recorder {
            recorder.record(std::mem::take(&mut self.record));
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
