//! Takes the token counts out of a stream again, where the gateway asked for them and the client did not.

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

/// Whole lines of a stream without the chunk that holds the counts and nothing else.
pub(in crate::gateway) fn lines_without_usage(lines: Bytes) -> Bytes {
    if !lines.split(|&byte| byte == b'\n').any(is_usage_chunk) {
        return lines;
    }
    let mut kept = BytesMut::with_capacity(lines.len());
    let mut is_cut = false;
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        // The empty line that ends the event goes with it; alone, it would mean nothing.
        if is_usage_chunk(line) || (is_cut && line.trim_ascii().is_empty()) {
            is_cut = true;
            continue;
        }
        is_cut = false;
        kept.extend_from_slice(line);
    }
    kept.freeze()
}

fn is_usage_chunk(line: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"usage\"";
    let Some(payload) = line.strip_prefix(b"data:") else { return false };
    // Most chunks hold none, and need not be read to know it.
    payload.windows(FIELD.len()).any(|window| window == FIELD)
        && serde_json::from_slice::<Chunk>(payload).is_ok_and(|chunk| chunk.choices.is_empty() && chunk.usage.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_go_and_everything_else_stays() {
        let word = r#"data: {"choices":[{"index":0,"delta":{"content":"the \"usage\" of"}}],"usage":null}"#;
        let counts = r#"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}"#;
        let filter = r#"data: {"choices":[],"prompt_filter_results":[],"usage":null}"#;
        let stream = format!("{filter}\n\n: beat\n\n{word}\n\n{counts}\r\n\r\ndata: [DONE]\n\n");
        let expected = format!("{filter}\n\n: beat\n\n{word}\n\ndata: [DONE]\n\n");
        assert_eq!(lines_without_usage(Bytes::from(stream)), expected);
        // The end of an event may come in another piece.
        assert_eq!(lines_without_usage(Bytes::from(format!("{counts}\n"))), "");
        let last = format!("{counts}\n\n");
        assert_eq!(lines_without_usage(Bytes::from(last)), "");
    }
}
