//! Takes log-probabilities out of an answer again, where the gateway asked for them and the client did not.

use bytes::{Bytes, BytesMut};
use serde_json::Value;

/// A whole answer without them; as it was, where it holds none.
pub(in crate::gateway) fn without_logprobs(answer: Bytes) -> Bytes {
    stripped(&answer).map_or(answer, Bytes::from)
}

/// Whole lines of a stream without them.
pub(in crate::gateway) fn lines_without_logprobs(lines: Bytes) -> Bytes {
    if !mentions_logprobs(&lines) {
        return lines;
    }
    let mut kept = BytesMut::with_capacity(lines.len());
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        let payload = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii);
        match payload.and_then(stripped) {
            Some(stripped) => {
                kept.extend_from_slice(b"data: ");
                kept.extend_from_slice(&stripped);
                kept.extend_from_slice(&line[line.trim_ascii_end().len()..]);
            }
            None => kept.extend_from_slice(line),
        }
    }
    kept.freeze()
}

/// `None` where there is nothing to take out.
fn stripped(text: &[u8]) -> Option<Vec<u8>> {
    if !mentions_logprobs(text) {
        return None;
    }
    let mut answer: Value = serde_json::from_slice(text).ok()?;
    for choice in answer.get_mut("choices")?.as_array_mut()? {
        choice.as_object_mut()?.shift_remove("logprobs");
    }
    serde_json::to_vec(&answer).ok()
}

/// Most answers hold none, and need not be read to know it.
fn mentions_logprobs(text: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"logprobs\"";
    text.windows(FIELD.len()).any(|window| window == FIELD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_taken_out_of_choices_and_nothing_else_changes() {
        let whole = r#"{"z":1.50,"choices":[{"index":0,"logprobs":{"content":[]},"message":{"content":"the \"logprobs\" field"}}]}"#;
        let expected = r#"{"z":1.5,"choices":[{"index":0,"message":{"content":"the \"logprobs\" field"}}]}"#;
        assert_eq!(without_logprobs(Bytes::from(whole)), expected);
        assert_eq!(without_logprobs(Bytes::from("no json \"logprobs\"")), "no json \"logprobs\"");
        let lines = format!(": beat\n\ndata: {whole}\r\n\r\ndata: [DONE]\n\n");
        let expected = format!(": beat\n\ndata: {expected}\r\n\r\ndata: [DONE]\n\n");
        assert_eq!(lines_without_logprobs(Bytes::from(lines)), expected);
    }
}
