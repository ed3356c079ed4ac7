//! Cuts a byte stream into whole lines of server-sent events. An unfinished line is held back, so that a stream that breaks
//! never leaves half an event with the client. Knows nothing of what the events mean.

use bytes::{Bytes, BytesMut};

/// A longer line is no event of any API: memory for a stream stays bounded. Pictures come as text of some megabytes.
pub(super) const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// The unfinished last line of a stream.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    held: BytesMut,
    is_too_long: bool,
}

impl LineBuffer {
    /// Takes a chunk; gives back the bytes that may go on, which end at a line's end, and shows each data payload among them. After a line
    /// that is too long nothing goes on any more.
    pub(super) fn push(&mut self, chunk: &Bytes, mut read: impl FnMut(&[u8])) -> Bytes {
        let last_end = chunk.iter().rposition(|&byte| byte == b'\n');
        let first_end = chunk.iter().position(|&byte| byte == b'\n');
        let (to_first, after_last) = (first_end.unwrap_or(chunk.len()), last_end.map_or(chunk.len(), |end| end + 1));
        let unfinished = if last_end.is_none() { 0 } else { chunk.len() - after_last };
        self.is_too_long |= self.held.len() + to_first > MAX_LINE_BYTES || unfinished > MAX_LINE_BYTES;
        if self.is_too_long {
            self.held = BytesMut::new();
            return Bytes::new();
        }
        let Some(last_end) = last_end else {
            self.held.extend_from_slice(chunk);
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
        payloads(&whole).for_each(&mut read);
        whole
    }

    /// Whether a line came that is too long.
    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// The unfinished line at the end of the stream.
    pub(super) fn finish(&mut self, mut read: impl FnMut(&[u8])) -> Bytes {
        let rest = self.held.split().freeze();
        if let Some(payload) = payload(&rest) {
            read(payload);
        }
        rest
    }
}

/// The data payloads of whole lines.
pub(super) fn payloads(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.split(|&byte| byte == b'\n').filter_map(payload)
}

/// Where the line of `[DONE]` begins among whole lines.
pub(super) fn start_of_done(lines: &[u8]) -> Option<usize> {
    let mut start = 0;
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        if payload(line) == Some(b"[DONE]") {
            return Some(start);
        }
        start += line.len();
    }
    None
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
    fn the_end_is_found_among_other_lines() {
        for (lines, expected) in [
            ("data: a\n\ndata: [DONE]\n\n", Some(9)),
            ("data:[DONE]\r\n", Some(0)),
            ("data: a [DONE]\n: [DONE]\n", None),
            ("", None),
        ] {
            assert_eq!(start_of_done(lines.as_bytes()), expected, "{lines:?}");
        }
    }

    #[test]
    fn nothing_goes_on_after_a_line_past_the_bound() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let (sent, seen, rest) = run(&["data: a\n", &long, "more", "\ndata: next\n"]);
        assert_eq!((sent[0].as_str(), seen), ("data: a\n", vec!["a".to_owned()]));
        assert!(sent[1..].iter().all(String::is_empty) && rest.is_empty());
        let at_the_bound = format!("{long}\ndata: next\n");
        assert_eq!(run(&[&at_the_bound]).1, ["next"]);
    }
}
