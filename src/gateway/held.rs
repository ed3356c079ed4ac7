//! A stream that is held back: read on here while nothing of it has reached the client. What was read goes back to its front, so that
//! whoever hands it on loses and repeats nothing.

use bytes::BytesMut;
use tokio::time::{Instant, timeout_at};

use super::attempt::{Failure, GateFailure};
use super::received::ReceivedStream;
use super::said::Said;
use super::{openai, sse};

/// A stream and what it said so far.
pub(super) struct Held<'a> {
    stream: &'a mut ReceivedStream,
    bytes: BytesMut,
    pub(super) said: Said,
}

impl<'a> Held<'a> {
    /// Begins to hold a stream back.
    pub(super) fn new(stream: &'a mut ReceivedStream) -> Self {
        let bytes = BytesMut::from(std::mem::take(&mut stream.begun.first_bytes));
        let mut said = Said::default();
        sse::payloads(&bytes).for_each(|payload| openai::add_said(payload, &mut said));
        stream.meter.note_usage(stream.begun.seen.usage);
        Self { stream, bytes, said }
    }

    /// What it said, when nothing more is read.
    pub(super) fn take_said(&mut self) -> Said {
        std::mem::take(&mut self.said)
    }

    /// Whether it has said everything, token counts included.
    pub(super) fn is_over(&self) -> bool {
        self.stream.begun.seen.done
    }

    /// Whether as much is held as may be.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() > self.stream.limit_bytes
    }

    /// Reads one piece more; `false` when there is none because the answer is complete. A limit that passes is the gate's.
    pub(super) async fn read_on(&mut self, limit: Option<Instant>) -> Result<bool, Failure> {
        let begun = &mut self.stream.begun;
        if begun.seen.done {
            return Ok(false);
        }
        let reading = begun.pace.between_chunks(begun.response.chunk());
        let read = match limit {
            None => reading.await,
            Some(limit) => match timeout_at(limit, reading).await {
                Ok(read) => read,
                Err(_elapsed) => return Err(Failure::Gate(GateFailure::Timeout)),
            },
        };
        let chunk = read.inspect_err(|failure| begun.note_failure(failure))?;
        let said = &mut self.said;
        let read = |payload: &[u8]| openai::add_said(payload, said);
        let goes_on = match &chunk {
            Some(chunk) => {
                self.bytes.extend_from_slice(&begun.push(chunk, read));
                true
            }
            None => {
                self.bytes.extend_from_slice(&begun.finish(read));
                false
            }
        };
        let seen = begun.seen;
        self.stream.meter.note_usage(seen.usage);
        let failure = match seen.error {
            true => Failure::ErrorEvent,
            false if begun.reader.is_too_long() => Failure::TooLarge { limit_bytes: sse::MAX_LINE_BYTES },
            false if goes_on || seen.done || seen.finished => return Ok(goes_on),
            false => Failure::Broken("closed before the answer was complete".into()),
        };
        begun.note_failure(&failure);
        Err(failure)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.stream.begun.first_bytes = self.bytes.split().freeze();
    }
}
