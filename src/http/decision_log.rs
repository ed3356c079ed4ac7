//! One row a chat request for the store, taken down when the request is over: answered, refused, failed, broken off or left by
//! its client. What stands in it is `remembered.rs`'s; never an answer or a key.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;

use super::AppState;
use super::aftermath::{Aftermath, Spent};
use super::cached::Pending;
use super::metrics::{self, Pace};
use super::{observation, remembered};
use crate::chat::Usage;
use crate::gateway::{Answer, AnswerBody, Attempt, PendingReceipt, SendError, StreamEnd, sum_of_costs};
use crate::limits::Reservation;
use crate::routing::{Caller, Decision};
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
    /// The answer, for the cache.
    pending: Option<Box<Pending>>,
    usage: Option<Usage>,
    /// What the answer costs that the client is given.
    answer_cost_usd: Option<f64>,
    /// What the answers cost that the client is not given.
    unused_cost_usd: Option<f64>,
    pace: Pace,
}

impl LogEntry {
    /// The row of a request that came at `started` from a caller.
    pub(super) fn open(state: &AppState, started: Instant, caller: &Caller, stream: bool) -> Self {
        let now = SystemTime::now().checked_sub(started.elapsed()).unwrap_or(UNIX_EPOCH);
        let unix = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = DecisionRecord {
            time_unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
            caller: caller.key.clone(),
            caller_id: caller.identity.clone(),
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
            pending: None,
            usage: None,
            answer_cost_usd: None,
            unused_cost_usd: Some(0.0),
            pace: Pace::default(),
        }))
    }

    /// What was decided, and what was reserved for it.
    pub(super) fn note_decision(&mut self, decision: &Arc<Decision>, reservation: Reservation) {
        let row = &mut self.0;
        observation::note_decision(&decision.id);
        row.aftermath.note_decision(decision, reservation);
        remembered::note_decision(&mut row.record, decision, row.state.parts.router.registry());
        row.record.overhead_ms = milliseconds(row.started.elapsed());
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

    /// The answer will be kept if it becomes whole. `is_miss`: the cache was asked for one, and had none.
    pub(super) fn will_keep(&mut self, pending: Option<Box<Pending>>, is_miss: bool) {
        self.0.record.cache = is_miss.then(|| "miss".to_owned());
        self.0.pending = pending;
    }

    /// The cache answers, under an id of its own. What it gives was paid for before, and counts against nothing again.
    pub(super) fn note_hit(&mut self, id: &str, kind: &'static str, answer: &Answer, overhead: Duration) {
        self.note_answer(answer, overhead);
        let row = &mut self.0;
        row.record.id = id.to_owned();
        row.record.cache = Some(kind.to_owned());
        row.record.reason = format!("the cache has an answer ({kind})");
        let prices = row.state.parts.router.registry().get(&answer.model).and_then(|model| model.prices);
        let would_cost = prices.zip(row.usage.take()).map(|(prices, usage)| prices.cost_usd(usage));
        row.record.would_cost_usd.extend(would_cost.map(|cost_usd| (answer.model.clone(), cost_usd)));
    }

    /// Lines of a stream on their way to the client, in OpenAI's shape.
    pub(super) fn note_lines(&mut self, lines: &[u8]) {
        if let Some(pending) = &mut self.0.pending {
            pending.note_lines(lines);
        }
    }

    /// A model answers.
    pub(super) fn note_answer(&mut self, answer: &Answer, overhead: Duration) {
        let row = &mut self.0;
        if let Some(pending) = &mut row.pending {
            pending.note_answer(answer);
        }
        row.note_attempts(&answer.attempts, overhead);
        row.aftermath.note_answer(answer);
        row.record.model = Some(answer.model.clone());
        row.record.provider = Some(answer.provider.clone());
        row.record.status = answer.status.as_u16();
        row.unused_cost_usd = answer.unused_cost_usd;
        if let AnswerBody::Whole { usage, cost_usd, .. } = &answer.body {
            row.note_usage(*usage, *cost_usd);
            row.record.outcome = if answer.status.is_success() { Outcome::Answered } else { Outcome::Refused };
        } else {
            row.pace.first_token = Some(row.started.elapsed());
        }
    }

    /// Time spent waiting for the provider's stream since it began.
    pub(super) fn note_waited(&mut self, waited: Duration) {
        self.0.aftermath.note_waited(waited);
        self.0.pace.streamed = waited;
    }

    /// The answer is a stream that this receipt belongs to. The entry should be dropped after it.
    pub(super) fn follow(&mut self, receipt: PendingReceipt) {
        self.0.receipt = Some(receipt);
    }
}

impl OpenRow {
    fn note_attempts(&mut self, attempts: &[Attempt], overhead: Duration) {
        remembered::note_attempts(&mut self.record, attempts);
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
        if let Some(pending) = self.pending.take().filter(|_| self.record.outcome == Outcome::Answered) {
            pending.keep(self.usage);
        }
        self.pace.total = self.started.elapsed();
        self.record.latency_ms = milliseconds(self.pace.total);
        metrics::record_answer(&self.record, self.pace);
        if self.record.id.is_empty() {
            self.record.id = Decision::new_id();
        }
        // A try that failed is seldom billed, and the row says nothing of it; what counts is what came and was not handed on.
        let is_unanswered = matches!(self.record.outcome, Outcome::Failed | Outcome::Refused);
        let answer_usd = if is_unanswered { Some(0.0) } else { self.answer_cost_usd };
        let spent = Spent { answer_usd, unused_usd: self.unused_cost_usd };
        if let (Some(decision), Some(usage)) = (self.aftermath.decision(), self.usage) {
            remembered::note_alternatives(&mut self.record, decision, usage, self.state.parts.router.registry());
        }
        self.record.counted_usd = self.aftermath.end(self.record.outcome, self.usage, spent);
        if let Some(recorder) = &self.recorder {
            recorder.record(std::mem::take(&mut self.record));
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
