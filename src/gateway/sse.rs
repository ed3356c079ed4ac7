//! Cuts a byte stream into whole lines of server-sent events. An unfinished line is held back, so that a stream that breaks
//! never leaves half an event with the client. Knows nothing of what the events mean.

use bytes::{Bytes, BytesMut};

/// A longer line is let through in pieces, unread: memory for a stream stays bounded.
const MAX_HELD_BYTES: usize = 1024 * 1024;

/// The unfinished last line of a stream.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    held: BytesMut,
    /// The rest of a line that was let through unread is not read either.
    inside_long_line: bool,
}

impl LineBuffer {
    /// Takes a chunk; gives back the bytes that may go on, which end at a line's end, and shows each data payload among them.
    pub(super) fn push(&mut self, chunk: &Bytes, mut read: impl FnMut(&[u8])) -> Bytes {
        let Some(last_end) = chunk.iter().rposition(|&byte| byte == b'\n') else {
            self.held.extend_from_slice(chunk);
            if self.held.len() > MAX_HELD_BYTES {
                self.inside_long_line = true;
                return self.held.split().freeze();
            }
            return Bytes::new();
        };
        let rest = chunk.slice(last_end + 1..);
        let whole = if self.held.is_empty() {
            chunk.slice(..=last_end)
        } else {
            self.held.extend_from_slice(&chunk[..=last_end]);
            self.held.split().freeze()
        };
        self.held.extend_from_slice(&rest);
        let mut lines = whole.split(|&byte| byte == b'\n');
        if std::mem::take(&mut self.inside_long_line) {
            lines.next();
        }
        lines.filter_map(payload).for_each(&mut read);
        whole
    }

    /// Whether the line that is being read is too long, and is let through unread.
    pub(super) fn is_inside_long_line(&self) -> bool {
        self.inside_long_line
    }

    /// The unfinished line at the end of the stream.
    pub(super) fn finish(&mut self, mut read: impl FnMut(&[u8])) -> Bytes {
        let rest = self.held.split().freeze();
        if let Some(payload) = payload(&rest)
            && !self.inside_long_line
        {
            read(payload);
        }
        rest
    }
}

/// The data payloads of whole lines.
pub(super) fn payloads(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.split(|&byte| byte == b'\n').filter_map(payload)
}

/// What follows `data:` in a line.
fn payload(line: &[u8]) -> Option<&[u8]> {
    let payload = line.strip_prefix(b"data:")?.trim_ascii();
    (!payload.is_empty()).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(chunks: &[&str]) -> (Vec<String>, Vec<String>, String) {
        let mut buffer = LineBuffer::default();
        let (mut sent, mut seen) = (Vec::new(), Vec::new());
        for chunk in chunks {
            let bytes = buffer.push(&Bytes::copy_from_slice(chunk.as_bytes()), |payload| {
                seen.push(String::from_utf8_lossy(payload).into_owned());
            });
            sent.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        let rest = buffer.finish(|payload| seen.push(String::from_utf8_lossy(payload).into_owned()));
        (sent, seen, String::from_utf8_lossy(&rest).into_owned())
    }

    #[test]
    fn a_line_goes_on_when_it_is_whole_and_not_before() {
        let (sent, seen, rest) = run(&["data: {\"a\"", ":1}\n\nda", "ta:b\r\n", ": beat\n\n", "data: [DONE]"]);
        assert_eq!(sent, ["", "data: {\"a\":1}\n\n", "data:b\r\n", ": beat\n\n", ""]);
        assert_eq!(seen, ["{\"a\":1}", "b", "[DONE]"]);
        assert_eq!(rest, "data: [DONE]");
    }

    #[test]
    fn a_line_past_the_bound_is_let_through_unread_and_reading_goes_on_after_it() {
        let long = format!("data: {}", "x".repeat(MAX_HELD_BYTES));
        let (sent, seen, rest) = run(&[&long, "more\ndata: next\n"]);
        assert_eq!(sent[0].len(), long.len());
        assert_eq!((sent[1].as_str(), rest.as_str()), ("more\ndata: next\n", ""));
        assert_eq!(seen, ["next"]);
    }
}
