//! A stream that has OpenAI's shape already: its bytes go on untouched, cut at the ends of lines.

use bytes::Bytes;

use crate::chat::Usage;
use crate::gateway::dialect::StreamReader;
use crate::gateway::sse::LineBuffer;

impl StreamReader for LineBuffer {
    fn push(&mut self, chunk: &Bytes, read: &mut dyn FnMut(&[u8])) -> Bytes {
        Self::push(self, chunk, read)
    }

    fn finish(&mut self, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let rest = Self::finish(self, read);
        if rest.is_empty() { rest } else { [&rest[..], b"\n\n"].concat().into() }
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}
