//! The server-sent events of a streamed message, as they are written. Knows nothing of their order.

use axum::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::ending::{StopReason, TokenCounts};

/// Events that were written and not yet sent.
#[derive(Default)]
pub(super) struct Events(Vec<u8>);

impl Events {
    pub(super) fn into_bytes(self) -> Bytes {
        self.0.into()
    }

    pub(super) fn ping(&mut self) {
        self.write("ping", &json!({"type": "ping"}));
    }

    pub(super) fn message_start(&mut self, id: &str, model: &str) {
        let message = json!({
            "id": id, "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": TokenCounts::default(),
        });
        self.write("message_start", &json!({"type": "message_start", "message": message}));
    }

    pub(super) fn block_start(&mut self, index: usize, block: &Value) {
        let name = "content_block_start";
        self.write(name, &json!({"type": name, "index": index, "content_block": block}));
    }

    /// A piece of a block: the type of the delta, and the name and value of what it adds.
    pub(super) fn block_delta(&mut self, index: usize, (kind, name, value): (&str, &str, &str)) {
        let event = "content_block_delta";
        self.write(event, &json!({"type": event, "index": index, "delta": {"type": kind, name: value}}));
    }

    pub(super) fn block_stop(&mut self, index: usize) {
        let name = "content_block_stop";
        self.write(name, &json!({"type": name, "index": index}));
    }

    /// The end of a message.
    pub(super) fn message_end(&mut self, stop: &StopReason, usage: TokenCounts) {
        self.write("message_delta", &json!({"type": "message_delta", "delta": stop, "usage": usage}));
        self.write("message_stop", &json!({"type": "message_stop"}));
    }

    pub(super) fn error(&mut self, error: &impl Serialize) {
        self.write("error", error);
    }

    fn write(&mut self, name: &str, data: &impl Serialize) {
        self.0.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
        // Neither strings nor numbers can fail to be written.
        let _written = serde_json::to_writer(&mut self.0, data);
        self.0.extend_from_slice(b"\n\n");
    }
}
