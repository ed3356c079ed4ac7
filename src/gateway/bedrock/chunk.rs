//! Writes the chunks of a streamed chat completion as server-sent events.

use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_json::Value;

use super::Completion;

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

/// What a chunk adds to the message.
#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    /// Whole, each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) thinking_blocks: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<[Value; 1]>,
}

impl Completion {
    /// A chunk of the one choice.
    pub(super) fn write_delta(&self, delta: Delta<'_>, finish_reason: Option<&'static str>, out: &mut BytesMut) {
        self.write(&[Choice { index: 0, delta, finish_reason }], None, out);
    }

    /// The chunk with the token counts.
    pub(super) fn write_usage(&self, usage: Value, out: &mut BytesMut) {
        self.write(&[], Some(usage), out);
    }

    fn write(&self, choices: &[Choice<'_>], usage: Option<Value>, out: &mut BytesMut) {
        let Self { id, created, model } = self;
        let chunk = Chunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage };
        out.put_slice(b"data: ");
        // Neither strings nor numbers can fail to be written.
        let _written = serde_json::to_writer((&mut *out).writer(), &chunk);
        out.put_slice(b"\n\n");
    }
}
