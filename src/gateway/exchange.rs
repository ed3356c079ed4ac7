//! One try: sends the request to one provider and waits until its answer is certain enough to be handed on, which is a whole
//! body or the first event of a stream. Decides whether another model may do better; tries none itself.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::attempt::Failure;
use super::dialect::{Outgoing, StreamReader, Unwritten};
use super::openai::{self, Event, Whole};
use super::pace::Pace;
use super::try_trace::with_trace;
use super::upstream::{Lane, Lease, retry_after};
use super::{error, sse};
use crate::chat::{ChatRequest, Usage};

const JSON_TYPE: &str = "application/json";

const JSON: Option<HeaderValue> = Some(HeaderValue::from_static(JSON_TYPE));

const TOO_MANY: StatusCode = StatusCode::TOO_MANY_REQUESTS;

const EVENTS: &str = "text/event-stream";

/// What may come before a stream's first word; who sends more than that and says nothing is not well.
const MAX_HELD_BYTES: usize = 256 * 1024;

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
    /// Whether it refuses the request, and its explanation holds one of these words.
    pub(super) fn refuses(&self, words: &[&str]) -> bool {
        let Self::Whole { head, bytes, .. } = self else { return false };
        let text = String::from_utf8_lossy(bytes);
        matches!(head.status.as_u16(), 400 | 403 | 422) && words.iter().any(|word| text.contains(word))
    }

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
    /// Its place at the endpoint; `None` until somebody is answerable for the stream.
    pub(super) lease: Option<Lease>,
}

/// What the events read so far say of the stream.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    /// Something of the answer has come, or why it ended.
    pub(super) spoken: bool,
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
        self.spoken = self.spoken || openai::says_something(payload);
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
    /// It broke off, or said nothing for too long.
    pub(super) fn note_failure(&mut self, failure: &Failure) {
        if let Some(lease) = &mut self.lease {
            lease.note_failure(failure, None);
        }
    }

    /// Takes a chunk; gives back what may go on. `also` is shown each payload.
    pub(super) fn push(&mut self, chunk: &Bytes, also: impl FnMut(&[u8])) -> Bytes {
        self.seen.push(&mut *self.reader, chunk, also)
    }

    /// The rest of a stream that was closed.
    pub(super) fn finish(&mut self, also: impl FnMut(&[u8])) -> Bytes {
        self.seen.finish(&mut *self.reader, also)
    }
}

/// Sends the request to one provider, with these fields replaced or added. `waited` grows by the time spent waiting for it.
pub(super) async fn exchange(
    lane: &Lane<'_>,
    fixed: &[(&str, Value)],
    request: &ChatRequest,
    waited: &mut Duration,
) -> Result<Reply, Failure> {
    let provider = lane.provider;
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
    let model = fixed.iter().find_map(|(name, value)| if *name == "model" { value.as_str() } else { None });
    let reply = converse(lane, outgoing, model.unwrap_or_default(), request, pace).await;
    *waited += pace.began.elapsed();
    reply
}

async fn converse(
    lane: &Lane<'_>,
    outgoing: Outgoing,
    model: &str,
    request: &ChatRequest,
    pace: Pace,
) -> Result<Reply, Failure> {
    let provider = lane.provider;
    let dialect = provider.kind.dialect();
    let (mut head, response) = match open(lane, outgoing, &pace).await? {
        Opened::Refused(reply) => return Ok(reply),
        Opened::Answering(head, response) => (head, response),
    };
    if request.stream() && !is(JSON_TYPE, head.content_type.as_ref()) {
        let reader = dialect.read_stream(provider, model, request);
        if !is(EVENTS, head.content_type.as_ref()) {
            // Whatever they came as, events go on.
            head.content_type = Some(HeaderValue::from_static(EVENTS));
        }
        return Ok(Reply::Stream { head, begun: Box::new(begin_stream(reader, response, pace).await?) });
    }
    let mut bytes = read_whole(response, provider.max_answer_bytes, &pace).await?;
    if let Some(rewritten) = dialect.read_answer(model, &bytes)? {
        bytes = rewritten;
        head.content_type = JSON;
    }
    let whole = openai::read_whole(&bytes);
    answer_of(head, bytes, whole)
}

/// As `exchange`, for embeddings: the answer is whole and goes on as it came.
pub(super) async fn exchange_embeddings(
    lane: &Lane<'_>,
    builder: RequestBuilder,
    waited: &mut Duration,
) -> Result<Reply, Failure> {
    let pace = Pace::start(lane.provider.timeouts);
    let reply = async {
        let (head, response) = match open(lane, Outgoing { builder, dropped: Vec::new() }, &pace).await? {
            Opened::Refused(reply) => return Ok(reply),
            Opened::Answering(head, response) => (head, response),
        };
        let bytes = read_whole(response, lane.provider.max_answer_bytes, &pace).await?;
        let whole = openai::read_embeddings(&bytes);
        answer_of(head, bytes, whole)
    };
    let reply = reply.await;
    *waited += pace.began.elapsed();
    reply
}

/// A status that says success proves nothing: what is no answer is not handed on as one.
fn answer_of(head: ReplyHead, bytes: Bytes, whole: Whole) -> Result<Reply, Failure> {
    match whole {
        Whole::Answer(usage) => Ok(Reply::Whole { head, bytes, usage }),
        Whole::Error => Err(Failure::ErrorEvent),
        Whole::Unreadable => Err(Failure::Unreadable),
    }
}

/// What a provider does with a request.
enum Opened {
    /// It refuses, and another would too.
    Refused(Reply),
    /// It answers; the body is still to be read.
    Answering(ReplyHead, Response),
}

async fn open(lane: &Lane<'_>, outgoing: Outgoing, pace: &Pace) -> Result<Opened, Failure> {
    let provider = lane.provider;
    let dialect = provider.kind.dialect();
    let response = pace.until_first_byte(with_trace(outgoing.builder, lane).send()).await?;
    let mut head = ReplyHead {
        status: response.status(),
        content_type: response.headers().get(CONTENT_TYPE).cloned(),
        retry_after: response.headers().get(RETRY_AFTER).cloned(),
        dropped: outgoing.dropped,
    };
    lane.lease.note_headers(response.headers());
    let is_theirs = another_may_do_better(head.status) || dialect.is_no_fault_of_the_request(head.status);
    if is_theirs && !head.status.is_success() {
        let status = head.status;
        let mut retry_after = retry_after(response.headers());
        if let Some(read_wait) = dialect.wait_in_body().filter(|_| retry_after.is_none() && status == TOO_MANY) {
            let body = read_whole(response, MAX_REFUSAL_BYTES, pace).await;
            retry_after = body.ok().and_then(|body| read_wait(&body));
        }
        match retry_after {
            _ if status == TOO_MANY => lane.lease.note_rate_limit(retry_after),
            Some(pause) if status.is_server_error() => lane.lease.note_pause(pause),
            _ => {}
        }
        return Err(Failure::Status { status: status.as_u16(), retry_after });
    }
    if head.status.is_success() {
        return Ok(Opened::Answering(head, response));
    }
    let headers = response.headers().clone();
    let bytes = match read_whole(response, MAX_REFUSAL_BYTES, pace).await {
        Err(Failure::TooLarge { .. }) => error::refusal_too_large(&provider.name, head.status),
        result => {
            let bytes = result?;
            if dialect.refuses_key(&bytes) {
                return Err(Failure::Status { status: 401, retry_after: None });
            }
            let rewritten = dialect.read_refusal(head.status, &headers, &bytes);
            if rewritten.is_some() {
                head.content_type = JSON;
            }
            provider.redact(rewritten.unwrap_or(bytes))
        }
    };
    Ok(Opened::Refused(Reply::Whole { head, bytes, usage: None }))
}

/// Keys that are refused or have nothing left, models that are not there, timeouts, rate limits and breakdowns belong to the provider and to
/// whoever configured it; a redirect means that its address is wrong, and following it would let the provider choose the host; and a status
/// out of all ranges means nothing. Other refusals belong to the request.
fn another_may_do_better(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 402 | 404 | 407..=409 | 425 | 429) || !status.is_client_error()
}

fn is(media_type: &str, content_type: Option<&HeaderValue>) -> bool {
    content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.get(..media_type.len()).is_some_and(|start| start.eq_ignore_ascii_case(media_type)))
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

/// Reads up to and with the first word. Heartbeats before it, and who speaks, are kept: nothing has reached the client yet, so an end or
/// an error here still lets another model answer.
async fn begin_stream(
    mut reader: Box<dyn StreamReader>,
    mut response: Response,
    pace: Pace,
) -> Result<BegunStream, Failure> {
    let mut seen = Seen::default();
    let mut held = BytesMut::new();
    let mut first_bytes = Bytes::new();
    while !(seen.spoken || seen.error) {
        let chunk = pace.until_first_byte(response.chunk()).await?;
        let has_ended = chunk.is_none();
        let lines = match &chunk {
            Some(chunk) => seen.push(&mut *reader, chunk, |_| {}),
            None => seen.finish(&mut *reader, |_| {}),
        };
        if (has_ended || seen.done) && !(seen.spoken || seen.error) {
            return Err(Failure::Broken("it ended before its first word".into()));
        }
        if reader.is_too_long() {
            return Err(Failure::TooLarge { limit_bytes: sse::MAX_LINE_BYTES });
        }
        if held.is_empty() && seen.spoken {
            // Nothing is copied where the first word came in the first piece.
            first_bytes = lines;
            break;
        }
        held.extend_from_slice(&lines);
        if !(seen.spoken || seen.error) && held.len() > MAX_HELD_BYTES {
            return Err(Failure::Broken(format!("no word in its first {MAX_HELD_BYTES} bytes")));
        }
    }
    if seen.error {
        return Err(Failure::ErrorEvent);
    }
    if !held.is_empty() {
        first_bytes = held.freeze();
    }
    Ok(BegunStream { response, reader, seen, first_bytes, pace, lease: None })
}
