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
use super::{AnswerStream, openai};

/// After `[DONE]` the connection can be used again once its end is read; a provider that keeps it open longer loses it.
const END_AFTER_DONE: Duration = Duration::from_millis(250);

const DONE: &[u8] = b"data: [DONE]\n\n";

struct Relay {
    stream: Box<BegunStream>,
    meter: StreamMeter,
    strip_logprobs: bool,
    ended: bool,
}

/// The stream as the client receives it; without log-probabilities, where they were asked for by the gateway alone.
pub(super) fn relay(stream: Box<BegunStream>, meter: StreamMeter, strip_logprobs: bool) -> AnswerStream {
    let relay = Relay { stream, meter, strip_logprobs, ended: false };
    AnswerStream::new(stream::unfold(relay, |mut relay| async move {
        let bytes = relay.next().await?;
        let bytes = if relay.strip_logprobs { openai::lines_without_logprobs(bytes) } else { bytes };
        Some((bytes, relay))
    }))
}

impl Relay {
    async fn next(&mut self) -> Option<Bytes> {
        let first_bytes = std::mem::take(&mut self.stream.first_bytes);
        if !first_bytes.is_empty() {
            self.note_events();
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
                    self.note_events();
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
        if seen.done { rest } else { [&rest[..], DONE].concat().into() }
    }

    fn break_off(&mut self, failure: &Failure) -> Bytes {
        self.ended = true;
        self.meter.end(StreamEnd::Broken(failure.label()));
        let message = format!("the stream from {} broke: {failure}", self.meter.provider());
        tracing::warn!(provider = self.meter.provider(), model = self.meter.model(), %failure, "a stream broke");
        let error = error_bytes(message, "upstream_stream_broken");
        // The empty line ends an event whose lines are whole but whose end has not come.
        [b"\ndata: ", &error[..], b"\n\n", DONE].concat().into()
    }

    fn note_events(&mut self) {
        self.meter.note_usage(self.stream.seen.usage);
        if self.stream.seen.error {
            self.meter.end(StreamEnd::Broken(Failure::ErrorEvent.label()));
        }
        if self.stream.seen.done {
            self.meter.end(StreamEnd::Complete);
        }
    }
}
