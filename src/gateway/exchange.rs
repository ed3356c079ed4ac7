//! One try: sends the request to one provider and waits until its answer is certain enough to be handed on, which is a whole
//! body or the first event of a stream. Decides whether another model may do better; tries none itself.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::attempt::{Failure, TimeoutKind};
use super::dialect::{Outgoing, StreamReader, Unwritten};
use super::error;
use super::openai::{self, Event};
use super::provider::{Provider, Timeouts};
use crate::chat::{ChatRequest, Usage};

const JSON: Option<HeaderValue> = Some(HeaderValue::from_static("application/json"));

/// A refusal's body is explained in a few lines; what is longer is not worth holding.
const MAX_REFUSAL_BYTES: usize = 256 * 1024;

/// An answer that may be handed on.
pub(super) enum Reply {
    /// A success or a refusal, complete.
    Whole { head: ReplyHead, bytes: Bytes, usage: Option<Usage> },
    /// A stream that has begun.
    Stream { head: ReplyHead, begun: Box<BegunStream> },
}

impl Reply {
    /// Status and headers.
    pub(super) fn head(&self) -> &ReplyHead {
        match self {
            Self::Whole { head, .. } | Self::Stream { head, .. } => head,
        }
    }
}

/// Status and headers that go on.
pub(super) struct ReplyHead {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) retry_after: Option<HeaderValue>,
    /// Names of the client's fields that this provider was not given.
    pub(super) dropped: Vec<String>,
}

/// A stream with what was already read of it.
pub(super) struct BegunStream {
    pub(super) response: Response,
    pub(super) reader: Box<dyn StreamReader>,
    pub(super) seen: Seen,
    pub(super) first_bytes: Bytes,
    pub(super) pace: Pace,
}

/// What the events read so far say of the stream.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) events: usize,
    pub(super) done: bool,
    pub(super) finished: bool,
    pub(super) error: bool,
    pub(super) usage: Option<Usage>,
}

impl Seen {
    fn push(&mut self, reader: &mut dyn StreamReader, chunk: &Bytes, mut also: impl FnMut(&[u8])) -> Bytes {
        let bytes = reader.push(chunk, &mut |payload| {
            self.read(payload);
            also(payload);
        });
        self.usage = reader.usage().or(self.usage);
        bytes
    }

    fn finish(&mut self, reader: &mut dyn StreamReader, mut also: impl FnMut(&[u8])) -> Bytes {
        let bytes = reader.finish(&mut |payload| {
            self.read(payload);
            also(payload);
        });
        self.usage = reader.usage().or(self.usage);
        bytes
    }

    fn read(&mut self, payload: &[u8]) {
        self.events += 1;
        match openai::read_event(payload) {
            Event::Done => self.done = true,
            Event::Error => self.error = true,
            Event::Chunk { finished, usage } => {
                self.finished |= finished;
                self.usage = usage.or(self.usage);
            }
            Event::Unreadable => {}
        }
    }
}

impl BegunStream {
    /// Takes a chunk; gives back what may go on. `also` is shown each payload.
    pub(super) fn push(&mut self, chunk: &Bytes, also: impl FnMut(&[u8])) -> Bytes {
        self.seen.push(&mut *self.reader, chunk, also)
    }

    /// The rest of a stream that was closed.
    pub(super) fn finish(&mut self, also: impl FnMut(&[u8])) -> Bytes {
        self.seen.finish(&mut *self.reader, also)
    }
}

/// The time limits of one try, running since it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    timeouts: Timeouts,
    began: Instant,
}

impl Pace {
    fn start(timeouts: Timeouts) -> Self {
        Self { timeouts, began: Instant::now() }
    }

    async fn until_first_byte<T>(&self, work: impl Future<Output = Result<T, reqwest::Error>>) -> Result<T, Failure> {
        self.wait(self.began + self.timeouts.first_byte, TimeoutKind::FirstByte, work).await
    }

    /// Waits for the next piece of an answer that has begun.
    pub(super) async fn between_chunks<T>(
        &self,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        self.wait(Instant::now() + self.timeouts.between_chunks, TimeoutKind::BetweenChunks, work).await
    }

    async fn wait<T>(
        &self,
        limit: Instant,
        kind: TimeoutKind,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        let end = self.began + self.timeouts.total;
        let (limit, kind) = if end < limit { (end, TimeoutKind::Total) } else { (limit, kind) };
        match timeout_at(limit, work).await {
            Ok(result) => result.map_err(Failure::from_client),
            Err(_elapsed) => Err(Failure::Timeout(kind)),
        }
    }
}

/// Sends the request to one provider, with these fields replaced or added. `waited` grows by the time spent waiting for it.
pub(super) async fn exchange(
    provider: &Provider,
    fixed: &[(&str, Value)],
    request: &ChatRequest,
    waited: &mut Duration,
) -> Result<Reply, Failure> {
    let outgoing = match provider.kind.dialect().write_request(provider, fixed, request) {
        Ok(outgoing) => outgoing,
        Err(Unwritten::Failed(failure)) => return Err(failure),
        Err(Unwritten::Invalid(invalid)) => {
            let head = ReplyHead {
                status: StatusCode::BAD_REQUEST,
                content_type: JSON,
                retry_after: None,
                dropped: Vec::new(),
            };
            return Ok(Reply::Whole { head, bytes: error::invalid_request(invalid), usage: None });
        }
    };
    let pace = Pace::start(provider.timeouts);
    let reply = converse(provider, outgoing, request, pace).await;
    *waited += pace.began.elapsed();
    reply
}

async fn converse(
    provider: &Provider,
    outgoing: Outgoing,
    request: &ChatRequest,
    pace: Pace,
) -> Result<Reply, Failure> {
    let dialect = provider.kind.dialect();
    let response = pace.until_first_byte(outgoing.builder.send()).await?;
    let mut head = ReplyHead {
        status: response.status(),
        content_type: response.headers().get(CONTENT_TYPE).cloned(),
        retry_after: response.headers().get(RETRY_AFTER).cloned(),
        dropped: outgoing.dropped,
    };
    if another_may_do_better(head.status) {
        return Err(Failure::Status { status: head.status.as_u16(), retry_after: retry_after(response.headers()) });
    }
    if !head.status.is_success() {
        let bytes = match read_whole(response, MAX_REFUSAL_BYTES, &pace).await {
            Err(Failure::TooLarge { .. }) => error::refusal_too_large(&provider.name, head.status),
            result => {
                let bytes = result?;
                let rewritten = dialect.read_refusal(head.status, &bytes);
                if rewritten.is_some() {
                    head.content_type = JSON;
                }
                provider.redact(rewritten.unwrap_or(bytes))
            }
        };
        return Ok(Reply::Whole { head, bytes, usage: None });
    }
    if request.stream() && !is_json(head.content_type.as_ref()) {
        let reader = dialect.read_stream(provider, request);
        return Ok(Reply::Stream { head, begun: Box::new(begin_stream(reader, response, pace).await?) });
    }
    let mut bytes = read_whole(response, provider.max_answer_bytes, &pace).await?;
    if let Some(rewritten) = dialect.read_answer(&bytes)? {
        bytes = rewritten;
        head.content_type = JSON;
    }
    let usage = openai::read_usage(&bytes);
    Ok(Reply::Whole { head, bytes, usage })
}

/// Timeouts, rate limits and breakdowns belong to the provider; a redirect means that its address is wrong, and following it
/// would let the provider choose the host. Other refusals belong to the request.
fn another_may_do_better(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429) || status.is_server_error() || status.is_redirection()
}

fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let json = "application/json";
    content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.get(..json.len()).is_some_and(|start| start.eq_ignore_ascii_case(json)))
}

/// `Retry-After` if it has the size of one.
fn retry_after(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    (value.len() <= 64).then(|| value.to_owned())
}

async fn read_whole(mut response: Response, limit_bytes: usize, pace: &Pace) -> Result<Bytes, Failure> {
    if response.content_length().is_some_and(|length| length > limit_bytes as u64) {
        return Err(Failure::TooLarge { limit_bytes });
    }
    let Some(first) = pace.until_first_byte(response.chunk()).await? else { return Ok(Bytes::new()) };
    let mut rest = BytesMut::new();
    let mut length = first.len();
    while length <= limit_bytes {
        match pace.between_chunks(response.chunk()).await? {
            // Nothing is copied where the answer came in one piece.
            None if rest.is_empty() => return Ok(first),
            None => return Ok(rest.freeze()),
            Some(chunk) => {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&chunk);
                length = rest.len();
            }
        }
    }
    Err(Failure::TooLarge { limit_bytes })
}

/// Reads up to and with the first event. Heartbeats before it are kept; nothing has reached the client yet, so an end or an
/// error here still lets another model answer.
async fn begin_stream(
    mut reader: Box<dyn StreamReader>,
    mut response: Response,
    pace: Pace,
) -> Result<BegunStream, Failure> {
    let mut seen = Seen::default();
    let mut first_bytes = BytesMut::new();
    while seen.events == 0 && first_bytes.len() <= MAX_REFUSAL_BYTES {
        let Some(chunk) = pace.until_first_byte(response.chunk()).await? else {
            let rest = seen.finish(&mut *reader, |_| {});
            if seen.events == 0 {
                return Err(Failure::Broken("it ended before its first event".into()));
            }
            first_bytes.extend_from_slice(&rest);
            break;
        };
        let whole = seen.push(&mut *reader, &chunk, |_| {});
        if first_bytes.is_empty() && seen.events > 0 {
            return first_event_is_no_error(seen, BegunStream { response, reader, seen, first_bytes: whole, pace });
        }
        first_bytes.extend_from_slice(&whole);
    }
    let first_bytes = first_bytes.freeze();
    first_event_is_no_error(seen, BegunStream { response, reader, seen, first_bytes, pace })
}

fn first_event_is_no_error(seen: Seen, begun: BegunStream) -> Result<BegunStream, Failure> {
    if seen.error { Err(Failure::ErrorEvent) } else { Ok(begun) }
}
