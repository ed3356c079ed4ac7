//! Hands a begun stream on, chunk by chunk, as it arrives. A stream that breaks ends with an error event and `[DONE]`; it is
//! never cut off in silence. Holds nothing back but an unfinished line, and reads on only when the client takes more.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::time::timeout;

use super::attempt::Failure;
use super::error::error_bytes;
use super::exchange::BegunStream;
use super::metering::StreamMeter;
use super::receipt::StreamEnd;
use super::received::Cuts;
use super::{AnswerStream, openai, sse};
use crate::chat::is_error_body;

/// After `[DONE]` the connection can be used again once its end is read; a provider that keeps it open longer loses it.
const END_AFTER_DONE: Duration = Duration::from_millis(250);

const DONE: &[u8] = b"data: [DONE]\n\n";

struct Relay {
    stream: Box<BegunStream>,
    meter: StreamMeter,
    cuts: Cuts,
    /// The last line that was handed on ended, and its event did not.
    is_within_event: bool,
    ended: bool,
}

/// The stream as the client receives it, without what was asked for by the gateway alone.
pub(super) fn relay(stream: Box<BegunStream>, meter: StreamMeter, cuts: Cuts) -> AnswerStream {
    let relay = Relay { stream, meter, cuts, is_within_event: false, ended: false };
    AnswerStream::new(stream::unfold(relay, |mut relay| async move {
        let mut bytes = relay.next().await?;
        if relay.cuts.logprobs {
            bytes = openai::lines_without_logprobs(bytes);
        }
        if relay.cuts.usage {
            bytes = openai::lines_without_usage(bytes);
        }
        Some((bytes, relay))
    }))
}

impl Relay {
    async fn next(&mut self) -> Option<Bytes> {
        let first_bytes = std::mem::take(&mut self.stream.first_bytes);
        if !first_bytes.is_empty() {
            self.note_events();
            self.note_lines(&first_bytes);
            return Some(first_bytes);
        }
        while !self.ended {
            let stream = &mut self.stream;
            if stream.seen.done {
                // What follows `[DONE]` means nothing to anyone, and neither does how the connection ends.
                let _end = timeout(END_AFTER_DONE, stream.response.chunk()).await;
                self.ended = true;
                return None;
            }
            match stream.pace.between_chunks(stream.response.chunk()).await {
                Ok(Some(chunk)) => {
                    let whole = stream.push(&chunk, |_| {});
                    if stream.reader.is_too_long() {
                        return Some(self.break_off(&Failure::TooLarge { limit_bytes: sse::MAX_LINE_BYTES }));
                    }
                    self.note_events();
                    self.note_lines(&whole);
                    if self.stream.seen.error {
                        // Nothing follows an error, whether or not the provider closes its stream.
                        self.ended = true;
                        return Some(self.sealed_after_error(&whole));
                    }
                    if !whole.is_empty() {
                        return Some(whole);
                    }
                }
                Ok(None) => return Some(self.end()),
                Err(failure) => return Some(self.break_off(&failure)),
            }
        }
        None
    }

    /// The provider closed the stream. `[DONE]` is added where it forgot it; without a last chunk it was cut off.
    fn end(&mut self) -> Bytes {
        let rest = self.stream.finish(|_| {});
        self.note_events();
        let seen = self.stream.seen;
        if !(seen.done || seen.finished || seen.error) {
            return self.break_off(&Failure::Broken("closed before the answer was complete".into()));
        }
        self.ended = true;
        self.meter.end(StreamEnd::Complete);
        self.note_lines(&rest);
        if seen.error { self.sealed_after_error(&rest) } else { self.sealed(rest) }
    }

    /// The last lines of a stream that told of an error. Clients know one by its name at the top of an event alone, so where it stands
    /// elsewhere, it is told again.
    fn sealed_after_error(&mut self, lines: &Bytes) -> Bytes {
        if sse::payloads(lines).any(is_error_body) {
            return self.sealed(lines.clone());
        }
        let told = lines.slice(..sse::start_of_done(lines).unwrap_or(lines.len()));
        self.note_lines(&told);
        [&told[..], &self.error_event(&Failure::ErrorEvent)[..]].concat().into()
    }

    /// The last lines, with `[DONE]` where it has not come.
    fn sealed(&self, lines: Bytes) -> Bytes {
        match (self.stream.seen.done, self.is_within_event) {
            (true, _) => lines,
            (false, false) => [&lines[..], DONE].concat().into(),
            (false, true) => [&lines[..], b"\n", DONE].concat().into(),
        }
    }

    fn note_lines(&mut self, lines: &[u8]) {
        if !lines.is_empty() {
            let ends_event = lines.ends_with(b"\n\n") || lines.ends_with(b"\n\r\n") || matches!(lines, b"\n" | b"\r\n");
            self.is_within_event = !ends_event;
        }
    }

    fn break_off(&mut self, failure: &Failure) -> Bytes {
        self.ended = true;
        self.stream.note_failure(failure);
        self.meter.end(StreamEnd::Broken(failure.label()));
        tracing::warn!(provider = self.meter.provider(), model = self.meter.model(), %failure, "a stream broke");
        self.error_event(failure)
    }

    /// The end of a stream that broke.
    fn error_event(&self, failure: &Failure) -> Bytes {
        let message = format!("the stream from {} broke: {failure}", self.meter.provider());
        let error = error_bytes(message, "upstream_stream_broken");
        let before: &[u8] = if self.is_within_event { b"\n" } else { b"" };
        [before, b"data: ", &error[..], b"\n\n", DONE].concat().into()
    }

    fn note_events(&mut self) {
        self.meter.note_usage(self.stream.seen.usage);
        if self.stream.seen.error && self.meter.end(StreamEnd::Broken(Failure::ErrorEvent.label())) {
            self.stream.note_failure(&Failure::ErrorEvent);
        }
        if self.stream.seen.done {
            self.meter.end(StreamEnd::Complete);
        }
    }
}
