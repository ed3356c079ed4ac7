//! A stream that has OpenAI's shape already: its bytes go on untouched, cut at the ends of lines.

use bytes::Bytes;
use secrecy::SecretString;

use crate::chat::Usage;
use crate::gateway::dialect::StreamReader;
use crate::gateway::provider::redact;
use crate::gateway::sse::LineBuffer;

use super::event::{Event, read_event};

const ERROR: &[u8] = b"\"error\"";

/// A stream on its way in.
pub(super) struct OpenAiStream {
    lines: LineBuffer,
    /// Struck out of errors, should a provider repeat it there.
    key: Option<SecretString>,
}

impl OpenAiStream {
    pub(super) fn new(key: Option<SecretString>) -> Self {
        Self { lines: LineBuffer::default(), key }
    }
}

impl StreamReader for OpenAiStream {
    fn push(&mut self, chunk: &Bytes, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut has_error = false;
        let lines = self.lines.push(chunk, |payload| {
            has_error |= payload.windows(ERROR.len()).any(|window| window == ERROR);
            read(payload);
        });
        if has_error { redact(self.key.as_ref(), lines) } else { lines }
    }

    fn finish(&mut self, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut is_whole = false;
        let rest = self.lines.finish(|payload| {
            if read_event(payload) != Event::Unreadable {
                is_whole = true;
                read(payload);
            }
        });
        // Only the end of its line may be missing. Half an event would break the client that reads it.
        if is_whole { redact(self.key.as_ref(), [&rest[..], b"\n\n"].concat().into()) } else { Bytes::new() }
    }

    fn is_too_long(&self) -> bool {
        self.lines.is_too_long()
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}
