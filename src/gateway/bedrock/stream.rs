//! A streamed message as a streamed chat completion, event by event. Nothing is said before the first content, so that a stream that breaks
//! off until then can still be answered by another model. Holds one unfinished frame and the thought that goes on, both bounded.

use bytes::{BufMut, Bytes, BytesMut};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::Completion;
use super::answer::{redacted_thought, signed_thought};
use super::chunk::Delta;
use super::error_body::ConverseError;
use super::event::{self, Event, ReasoningDelta, Start};
use super::frames::{Frame, FrameBuffer};
use super::usage;
use crate::chat::Usage;
use crate::gateway::dialect::StreamReader;
use crate::gateway::error::error_bytes;
use crate::gateway::provider::redact;
use crate::gateway::sse;

/// A longer thought is handed on as it comes, and not once more with its signature.
const MAX_THOUGHT_BYTES: usize = 1024 * 1024;

/// A stream on its way in.
pub(super) struct ConverseStream {
    frames: FrameBuffer,
    translation: Translation,
}

impl ConverseStream {
    /// A stream of `provider`, whose secrets are struck out of its errors.
    pub(super) fn new(provider: &str, secrets: Vec<SecretString>, tells_usage: bool, completion: Completion) -> Self {
        let translation = Translation {
            provider: provider.to_owned(),
            secrets,
            tells_usage,
            completion,
            usage: None,
            phase: Phase::Silent,
            block: Block::Other,
            thought: Thought::default(),
            calls: 0,
        };
        Self { frames: FrameBuffer::default(), translation }
    }
}

impl StreamReader for ConverseStream {
    fn push(&mut self, chunk: &Bytes, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut out = BytesMut::new();
        if self.translation.phase != Phase::Over {
            self.frames.push(chunk);
        }
        while self.translation.phase != Phase::Over {
            match self.frames.next() {
                Ok(Some(frame)) => self.translation.take(frame, &mut out),
                Ok(None) => break,
                Err(why) => self.translation.break_off(why, &mut out),
            }
        }
        shown(out, read)
    }

    fn finish(&mut self, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut out = BytesMut::new();
        match self.translation.phase {
            // The end was told already; only the counts are missing.
            Phase::Finished => self.translation.seal(&mut out),
            Phase::Silent | Phase::Speaking if self.frames.is_inside_frame() => {
                self.translation.break_off("closed in the middle of a frame", &mut out);
            }
            _ => {}
        }
        shown(out, read)
    }

    fn usage(&self) -> Option<Usage> {
        self.translation.usage
    }
}

fn shown(out: BytesMut, read: &mut dyn FnMut(&[u8])) -> Bytes {
    sse::payloads(&out).for_each(read);
    out.freeze()
}

struct Translation {
    provider: String,
    secrets: Vec<SecretString>,
    tells_usage: bool,
    completion: Completion,
    usage: Option<Usage>,
    phase: Phase,
    block: Block,
    thought: Thought,
    /// Tool calls that have begun.
    calls: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has been said.
    Silent,
    Speaking,
    /// It was said why the message ended.
    Finished,
    /// The end, or an error in its place, was told.
    Over,
}

/// The block that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Call {
        has_arguments: bool,
    },
    /// Words, thoughts, and calls of tools that run at the provider.
    Other,
}

/// A thought as it will have to be given back, if it is signed.
#[derive(Debug, Default)]
struct Thought {
    text: String,
    signature: String,
    redacted: String,
    is_too_long: bool,
}

impl Thought {
    fn add(&mut self, delta: &ReasoningDelta) {
        let parts = [
            (&mut self.text, &delta.text),
            (&mut self.signature, &delta.signature),
            (&mut self.redacted, &delta.redacted_content),
        ];
        for (held, more) in parts {
            let more = more.as_deref().unwrap_or_default();
            self.is_too_long |= held.len() + more.len() > MAX_THOUGHT_BYTES;
            if !self.is_too_long {
                held.push_str(more);
            }
        }
    }

    /// The whole of it, where it can be given back.
    fn take(&mut self) -> Option<Value> {
        let Self { text, signature, redacted, is_too_long } = std::mem::take(self);
        match (is_too_long, signature.is_empty(), redacted.is_empty()) {
            (true, _, _) | (false, true, true) => None,
            (false, false, _) => Some(signed_thought(&text, &signature)),
            (false, true, false) => Some(redacted_thought(&redacted)),
        }
    }
}

impl Translation {
    fn take(&mut self, frame: Frame, out: &mut BytesMut) {
        match frame {
            Frame::Event { kind, payload } => match Event::read(&kind, &payload) {
                Some(event) => self.take_event(event, out),
                None => self.break_off("an event cannot be read", out),
            },
            Frame::Exception { kind, payload } => {
                let ConverseError { message } = serde_json::from_slice(&payload).unwrap_or_default();
                self.break_off(&format!("{message} ({kind})"), out);
            }
            Frame::Error { code, message } => self.break_off(&format!("{message} ({code})"), out),
            Frame::Other => {}
        }
    }

    fn take_event(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::BlockStart(start) => self.begin_block(start, out),
            Event::BlockDelta(delta) => self.go_on(&delta, out),
            Event::BlockStop => self.end_block(out),
            Event::Stop { reason } if self.phase != Phase::Finished => {
                self.end_block(out);
                self.begin(out);
                self.phase = Phase::Finished;
                self.say(Delta::default(), Some(usage::finish_reason(&reason)), out);
            }
            Event::Usage(usage) => {
                self.usage = Some(usage.counts());
                if self.phase == Phase::Finished {
                    self.seal(out);
                }
            }
            Event::Stop { .. } | Event::Other => {}
        }
    }

    /// Says who speaks, once.
    fn begin(&mut self, out: &mut BytesMut) {
        if self.phase == Phase::Silent {
            self.phase = Phase::Speaking;
            self.say(Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, None, out);
        }
    }

    fn begin_block(&mut self, start: Start, out: &mut BytesMut) {
        self.end_block(out);
        if let Some(call) = start.tool_use.filter(|call| call.kind.is_none()) {
            self.begin(out);
            self.block = Block::Call { has_arguments: false };
            self.calls += 1;
            let function = json!({"name": call.name, "arguments": ""});
            self.add_to_call(json!({"id": call.tool_use_id, "type": "function", "function": function}), out);
        }
    }

    fn go_on(&mut self, delta: &event::Delta, out: &mut BytesMut) {
        if let Some(words) = delta.text.as_deref().filter(|words| !words.is_empty()) {
            self.begin(out);
            self.say(Delta { content: Some(words), ..Delta::default() }, None, out);
        }
        if let Some(reasoning) = &delta.reasoning_content {
            self.thought.add(reasoning);
            if let Some(thoughts) = reasoning.text.as_deref().filter(|thoughts| !thoughts.is_empty()) {
                self.begin(out);
                self.say(Delta { reasoning_content: Some(thoughts), ..Delta::default() }, None, out);
            }
        }
        if let Some(piece) = &delta.tool_use
            && matches!(self.block, Block::Call { .. })
            && !piece.input.is_empty()
        {
            self.block = Block::Call { has_arguments: true };
            self.add_to_call(json!({"function": {"arguments": piece.input}}), out);
        }
    }

    fn end_block(&mut self, out: &mut BytesMut) {
        if self.block == (Block::Call { has_arguments: false }) {
            // A call without arguments has an empty object of them, because clients parse what they are given.
            self.add_to_call(json!({"function": {"arguments": "{}"}}), out);
        }
        self.block = Block::Other;
        if let Some(thought) = self.thought.take() {
            self.begin(out);
            self.say(Delta { thinking_blocks: vec![thought], ..Delta::default() }, None, out);
        }
    }

    fn add_to_call(&self, part: Value, out: &mut BytesMut) {
        let mut call = json!({"index": self.calls.saturating_sub(1)});
        if let (Value::Object(call), Value::Object(part)) = (&mut call, part) {
            call.extend(part);
        }
        self.say(Delta { tool_calls: Some([call]), ..Delta::default() }, None, out);
    }

    fn say(&self, delta: Delta<'_>, finish_reason: Option<&'static str>, out: &mut BytesMut) {
        self.completion.write_delta(delta, finish_reason, out);
    }

    /// The token counts where the client wants them, and the end.
    fn seal(&mut self, out: &mut BytesMut) {
        self.phase = Phase::Over;
        if let Some(usage) = self.usage.filter(|_| self.tells_usage) {
            self.completion.write_usage(usage.to_openai(), out);
        }
        out.put_slice(b"data: [DONE]\n\n");
    }

    /// An error in place of what is missing, and the end.
    fn break_off(&mut self, why: &str, out: &mut BytesMut) {
        self.phase = Phase::Over;
        let message = format!("the stream from {} broke: {why}", self.provider);
        let error = error_bytes(message, "upstream_stream_broken");
        let error = self.secrets.iter().fold(error, |error, secret| redact(Some(secret), error));
        out.put_slice(b"data: ");
        out.put_slice(&error);
        out.put_slice(b"\n\ndata: [DONE]\n\n");
    }
}
