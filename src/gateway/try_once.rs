//! One try at one endpoint: sets the fields that the configuration and the gateway want, and takes back those that the endpoint refuses to
//! be asked. Decides nothing about further tries.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Map, Value};
use tracing::Instrument;

use super::attempt::Failure;
use super::exchange::{Reply, exchange};
use super::received::{Cuts, Received};
use super::send::Upstream;
use super::try_trace::{Operation, TryTrace};
use super::upstream::Lane;
use crate::chat::ChatRequest;
use crate::routing::Prices;

/// What is asked of whom.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) model: &'a str,
    pub(super) upstream: &'a Upstream,
    pub(super) request: &'a ChatRequest,
    /// The gateway wants to know how likely the tokens were.
    pub(super) with_logprobs: bool,
}

/// Whose answer it is, and the trace of the try that brought it.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) operation: Operation,
    pub(super) trace: TryTrace,
}

/// A try that came to an end.
pub(super) struct Ended<'a> {
    /// Place of the endpoint among the model's.
    pub(super) place: usize,
    pub(super) lane: Lane<'a>,
    pub(super) result: Result<Got, Failure>,
    pub(super) trace: TryTrace,
    pub(super) elapsed: Duration,
    /// Of `elapsed`, the time that the provider took.
    pub(super) waited: Duration,
}

/// An answer, or a refusal of the request.
pub(super) struct Got {
    reply: Reply,
    /// What the gateway asked for and the client did not.
    cuts: Cuts,
    prices: Option<Prices>,
}

impl Got {
    /// A reply of which nothing is taken out.
    pub(super) fn as_it_came(reply: Reply, prices: Option<Prices>) -> Self {
        Self { reply, cuts: Cuts::default(), prices }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.reply.head().status
    }

    /// As what it is from now on: `model`'s answer.
    pub(super) fn received(self, asked: Asked<'_>, lane: Lane<'_>, elapsed: Duration) -> Received {
        Received::new(self.reply, self.cuts, asked, self.prices, lane, elapsed)
    }
}

/// Asks once, or twice where the endpoint refuses what only the gateway wanted.
pub(super) async fn try_once<'a>(question: Question<'_>, place: usize, lane: Lane<'a>) -> Ended<'a> {
    let (started, mut waited) = (Instant::now(), Duration::ZERO);
    let trace = TryTrace::begin(Operation::Chat, question.model, &lane);
    let conversation = Box::pin(converse(question, &lane, &mut waited));
    let result = conversation.instrument(trace.span().clone()).await;
    Ended { place, lane, result, trace, elapsed: started.elapsed(), waited }
}

async fn converse(question: Question<'_>, lane: &Lane<'_>, waited: &mut Duration) -> Result<Got, Failure> {
    let Question { upstream, request, .. } = question;
    let mut fixed: Vec<(&str, Value)> = Vec::with_capacity(3 + upstream.settings.len());
    fixed.push(("model", lane.endpoint.upstream_name.as_str().into()));
    fixed.extend(upstream.settings.iter().map(|(field, value)| (field.as_str(), value.clone())));
    let stated = fixed.len();
    let mut cuts = wants(question, lane);
    if cuts.usage {
        fixed.push(("stream_options", with_usage(request)));
    }
    if cuts.logprobs {
        fixed.push(("logprobs", true.into()));
    }
    let mut reply = exchange(lane, &fixed, request, waited).await?;
    if (cuts.usage || cuts.logprobs) && reply.refuses(&["logprob", "stream_options", "include_usage"]) {
        fixed.truncate(stated);
        let asked = std::mem::take(&mut cuts);
        reply = exchange(lane, &fixed, request, waited).await?;
        if asked.usage && !asked.logprobs && reply.head().status.is_success() {
            lane.endpoint.note_usage_refused();
        }
    }
    Ok(Got { reply, cuts, prices: upstream.prices })
}

/// What the gateway wants to know and the client did not ask for.
fn wants(question: Question<'_>, lane: &Lane<'_>) -> Cuts {
    let Question { upstream, request, with_logprobs, .. } = question;
    let is_stated = |field: &str| {
        upstream.settings.contains_key(field) || request.field(field).is_some_and(|value| value.get() != "null")
    };
    let dialect = lane.provider.kind.dialect();
    Cuts {
        logprobs: with_logprobs && dialect.tells_logprobs() && !is_stated("logprobs"),
        usage: request.stream()
            && !request.include_usage()
            && dialect.counts_streams_when_asked()
            && lane.provider.stream_usage
            && !lane.endpoint.refuses_usage()
            && !upstream.settings.contains_key("stream_options"),
    }
}

/// The client's own options, and the token counts.
fn with_usage(request: &ChatRequest) -> Value {
    let theirs = request
        .field("stream_options")
        .and_then(|options| serde_json::from_str::<Map<String, Value>>(options.get()).ok());
    let mut options = theirs.unwrap_or_default();
    options.insert("include_usage".to_owned(), true.into());
    Value::Object(options)
}
