//! Writes the events of a stream, numbered from zero. A whole answer is made the same way, with events that nobody wants.

use axum::body::Bytes;
use bytes::{BufMut, BytesMut};
use serde::Serialize;

/// Events that are to go out.
#[derive(Debug, Default)]
pub(super) struct Events {
    out: BytesMut,
    sequence_number: u64,
    unwanted: bool,
}

#[derive(Serialize)]
struct Event<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    #[serde(flatten)]
    told: &'a T,
}

impl Events {
    /// None is written.
    pub(super) fn unwanted() -> Self {
        Self { unwanted: true, ..Self::default() }
    }

    /// Writes one. What it tells must be an object.
    pub(super) fn write(&mut self, kind: &'static str, told: &impl Serialize) {
        if self.unwanted {
            return;
        }
        let event = Event { kind, sequence_number: self.sequence_number, told };
        self.sequence_number += 1;
        self.out.put_slice(b"event: ");
        self.out.put_slice(kind.as_bytes());
        self.out.put_slice(b"\ndata: ");
        // Strings, numbers and what was JSON before cannot fail to be written.
        let _written = serde_json::to_writer((&mut self.out).writer(), &event);
        self.out.put_slice(b"\n\n");
    }

    /// Hands a comment on: it keeps the connection alive and means nothing else.
    pub(super) fn comment(&mut self, line: &[u8]) {
        self.out.put_slice(line);
        self.out.put_slice(b"\n\n");
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }
}
