//! A model asked and its answer received, which costs what it costs from here on: either it becomes the answer, or its cost is told to
//! whoever drops it. Decides nothing.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::answer::AnswerBody;
use super::attempt::Failure;
use super::exchange::{BegunStream, Reply, ReplyHead, exchange};
use super::metering::{self, StreamMeter};
use super::openai;
use super::receipt::{PendingReceipt, StreamEnd};
use super::relay::relay;
use super::said::Said;
use super::send::Gateway;
use crate::chat::{ChatRequest, Usage};

/// Who answered, and what.
pub(super) struct Received {
    pub(super) model: String,
    pub(super) provider: String,
    pub(super) head: ReplyHead,
    pub(super) body: ReceivedBody,
    /// The gateway asked for log-probabilities, and the client did not.
    strip_logprobs: bool,
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

impl Gateway {
    /// Asks one model and waits until its answer is there or begins. `waited` grows by the time that takes.
    pub(super) async fn ask(
        &self,
        model: &str,
        request: &ChatRequest,
        with_logprobs: bool,
        waited: &mut Duration,
    ) -> Result<Received, Failure> {
        let upstream = self.upstream(model).ok_or(Failure::NotConfigured)?;
        let provider = self.provider(upstream);
        let mut fixed: Vec<(&str, Value)> = Vec::with_capacity(2 + upstream.settings.len());
        fixed.push(("model", upstream.upstream_name.as_str().into()));
        fixed.extend(upstream.settings.iter().map(|(field, value)| (field.as_str(), value.clone())));
        let theirs = request.field("logprobs").is_some_and(|field| field.get() != "null");
        let tells = provider.kind.dialect().tells_logprobs();
        let mut ours = with_logprobs && tells && !theirs && !upstream.settings.contains_key("logprobs");
        if ours {
            fixed.push(("logprobs", true.into()));
        }
        let mut reply = exchange(provider, &fixed, request, waited).await?;
        if ours && matches!(reply.head().status.as_u16(), 400 | 403 | 422) {
            // Some models do not tell them and refuse to be asked. The client did not ask.
            fixed.pop();
            ours = false;
            reply = exchange(provider, &fixed, request, waited).await?;
        }
        let (head, body) = match reply {
            Reply::Whole { head, bytes, usage } => {
                let record = || metering::record_usage(model, &provider.name, usage, upstream.prices);
                let cost_usd = head.status.is_success().then(record).flatten();
                (head, ReceivedBody::Whole { bytes, usage, cost_usd })
            }
            Reply::Stream { head, begun } => {
                let (meter, receipt) = StreamMeter::new(model.to_owned(), provider.name.clone(), upstream.prices);
                let limit_bytes = provider.max_answer_bytes;
                (head, ReceivedBody::Stream(ReceivedStream { begun, meter, receipt, limit_bytes }))
            }
        };
        Ok(Received { model: model.to_owned(), provider: provider.name.clone(), head, body, strip_logprobs: ours })
    }

    /// Records that a model was left before its answer, or its token counts, came.
    pub(super) fn note_left(&self, model: &str) {
        if let Some(upstream) = self.upstream(model) {
            metering::record_usage(model, &self.provider(upstream).name, None, upstream.prices);
        }
    }
}

impl Received {
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
                let bytes = if self.strip_logprobs { openai::without_logprobs(bytes) } else { bytes };
                AnswerBody::Whole { bytes, usage, cost_usd }
            }
            ReceivedBody::Stream(ReceivedStream { begun, meter, receipt, .. }) => {
                let events = relay(begun, meter, self.strip_logprobs);
                AnswerBody::Stream { events, receipt }
            }
        };
        (self.head, body)
    }
}
