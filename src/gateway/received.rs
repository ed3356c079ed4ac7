//! A model asked and its answer received, which costs what it costs from here on: either it becomes the answer, or its cost is told to
//! whoever drops it. Decides nothing.

use std::time::Duration;

use bytes::Bytes;

use super::answer::AnswerBody;
use super::attempt::Failure;
use super::exchange::{BegunStream, Reply, ReplyHead};
use super::metering::{self, StreamMeter};
use super::openai;
use super::receipt::{PendingReceipt, StreamEnd};
use super::relay::relay;
use super::said::Said;
use super::send::Gateway;
use super::try_once::Asked;
use super::try_trace::Operation;
use super::upstream::Lane;
use crate::chat::Usage;
use crate::routing::Prices;

/// Who answered, and what.
pub(super) struct Received {
    pub(super) model: String,
    pub(super) provider: String,
    pub(super) head: ReplyHead,
    pub(super) body: ReceivedBody,
    /// From asking until the answer began.
    pub(super) elapsed: Duration,
    cuts: Cuts,
}

/// What is taken out of an answer again, because the gateway asked for it and the client did not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cuts {
    pub(super) logprobs: bool,
    /// The token counts at the end of a stream.
    pub(super) usage: bool,
}

/// What came.
pub(super) enum ReceivedBody {
    /// A success or a refusal of the request; a success is recorded already.
    Whole { bytes: Bytes, usage: Option<Usage>, cost_usd: Option<f64> },
    /// A stream that has begun; its meter records it when it is dropped.
    Stream(ReceivedStream),
}

/// A stream under way.
pub(super) struct ReceivedStream {
    pub(super) begun: Box<BegunStream>,
    pub(super) meter: StreamMeter,
    receipt: PendingReceipt,
    /// The most that may be held of it.
    pub(super) limit_bytes: usize,
}

impl Received {
    pub(super) fn new(
        reply: Reply,
        cuts: Cuts,
        asked: Asked<'_>,
        prices: Option<Prices>,
        lane: Lane<'_>,
        elapsed: Duration,
    ) -> Self {
        let Asked { model, operation, trace } = asked;
        let (model, provider) = (model.to_owned(), lane.provider.name.clone());
        let (head, body) = match reply {
            Reply::Whole { head, bytes, usage } => {
                let record = || metering::record_usage(&model, &provider, operation, usage, prices);
                let cost_usd = head.status.is_success().then(record).flatten();
                trace.note_usage(usage, cost_usd);
                (head, ReceivedBody::Whole { bytes, usage, cost_usd })
            }
            Reply::Stream { head, mut begun } => {
                let (meter, receipt) = StreamMeter::new(model.clone(), provider.clone(), prices, elapsed, trace);
                let limit_bytes = lane.provider.max_answer_bytes;
                // Its place at the endpoint is taken until the stream is over.
                begun.lease = Some(lane.lease);
                (head, ReceivedBody::Stream(ReceivedStream { begun, meter, receipt, limit_bytes }))
            }
        };
        Self { model, provider, head, body, elapsed, cuts }
    }

    /// The provider refused the request itself.
    pub(super) fn is_refusal(&self) -> bool {
        !self.head.status.is_success()
    }

    /// The refusal as a failure, where another model was or will be asked.
    pub(super) fn as_failure(&self) -> Failure {
        Failure::Status { status: self.head.status.as_u16(), retry_after: None }
    }

    /// What a whole answer says; `None` where it cannot be read, or is a stream.
    pub(super) fn said(&self) -> Option<Said> {
        match &self.body {
            ReceivedBody::Whole { bytes, .. } => openai::read_said(bytes),
            ReceivedBody::Stream(_) => None,
        }
    }

    /// Drops an answer that is not handed on, and returns what it cost all the same: `None` where nobody told.
    pub(super) fn discard(self, why: &Failure) -> Option<f64> {
        match self.body {
            ReceivedBody::Whole { cost_usd, .. } if self.head.status.is_success() => cost_usd,
            ReceivedBody::Whole { .. } => Some(0.0),
            ReceivedBody::Stream(mut stream) => {
                stream.meter.note_usage(stream.begun.seen.usage);
                stream.meter.settle(StreamEnd::Broken(why.label()))
            }
        }
    }

    /// The head and body to hand on.
    pub(super) fn into_parts(self) -> (ReplyHead, AnswerBody) {
        let body = match self.body {
            ReceivedBody::Whole { bytes, usage, cost_usd } => {
                let bytes = if self.cuts.logprobs { openai::without_logprobs(bytes) } else { bytes };
                AnswerBody::Whole { bytes, usage, cost_usd }
            }
            ReceivedBody::Stream(ReceivedStream { begun, meter, receipt, .. }) => {
                AnswerBody::Stream { events: relay(begun, meter, self.cuts), receipt }
            }
        };
        (self.head, body)
    }
}

impl Gateway {
    /// Records that a model was left before its answer, or its token counts, came.
    pub(super) fn note_left(&self, model: &str) {
        if let Some(upstream) = self.upstream(model) {
            metering::record_usage(model, self.main_provider(upstream), Operation::Chat, None, upstream.prices);
        }
    }
}
