//! Cuts a byte stream into the frames of `application/vnd.amazon.eventstream`, wherever its pieces begin and end. Holds one unfinished
//! frame, whose length is bounded; knows nothing of what events mean.

use aws_smithy_eventstream::frame::read_message_from;
use bytes::{Buf, Bytes, BytesMut};

/// A stream whose frames are longer is not read on: memory for it stays bounded.
const MAX_FRAME_BYTES: u32 = 1024 * 1024;

/// Two lengths and two checksums.
const LEAST_FRAME_BYTES: u32 = 16;

/// The unfinished last frame of a stream.
#[derive(Debug, Default)]
pub(super) struct FrameBuffer {
    held: BytesMut,
}

/// One frame.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// Something happened: its kind, and a JSON object that tells more.
    Event { kind: String, payload: Bytes },
    /// An error that the API describes, in the same way.
    Exception { kind: String, payload: Bytes },
    /// Another error, by its code and what it says.
    Error { code: String, message: String },
    /// Nothing that is known.
    Other,
}

impl FrameBuffer {
    /// Takes a chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.held.extend_from_slice(chunk);
    }

    /// The next frame; `None` until all of it has come. After an error, which says what is wrong, nothing more can be read.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, &'static str> {
        let Some(mut length) = self.held.get(..size_of::<u32>()) else { return Ok(None) };
        let length = match length.get_u32() {
            ..LEAST_FRAME_BYTES => return Err("a frame is too short to be one"),
            length if length > MAX_FRAME_BYTES => return Err("a frame is too large to be read"),
            length => length as usize,
        };
        if self.held.len() < length {
            return Ok(None);
        }
        read(self.held.split_to(length).freeze()).map(Some)
    }

    /// Whether a frame has begun and not ended.
    pub(super) fn is_inside_frame(&self) -> bool {
        !self.held.is_empty()
    }
}

fn read(frame: Bytes) -> Result<Frame, &'static str> {
    // Checks both checksums.
    let message = read_message_from(frame).map_err(|_| "a frame is damaged")?;
    let header = |name: &str| {
        let header = message.headers().iter().find(|header| header.name().as_str() == name);
        let value = header.and_then(|header| header.value().as_string().ok());
        value.map(|value| value.as_str().to_owned()).unwrap_or_default()
    };
    Ok(match header(":message-type").as_str() {
        "event" => Frame::Event { kind: header(":event-type"), payload: message.payload().clone() },
        "exception" => Frame::Exception { kind: header(":exception-type"), payload: message.payload().clone() },
        "error" => Frame::Error { code: header(":error-code"), message: header(":error-message") },
        _ => Frame::Other,
    })
}
