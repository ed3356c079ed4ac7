//! A streamed message as a streamed chat completion, event by event. Nothing is said before the first block begins, so that a stream that
//! breaks off until then can still be answered by another model. Holds one unfinished line and no words.

use bytes::{BufMut, Bytes, BytesMut};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};

use super::event::{BlockDelta, BlockStart, Event, MessageDelta, Start};
use super::thoughts;
use super::usage::{self, MessageUsage};
use crate::chat::Usage;
use crate::gateway::dialect::StreamReader;
use crate::gateway::error::error_bytes;
use crate::gateway::provider::redact;
use crate::gateway::sse::{self, LineBuffer};

/// A stream on its way in.
pub(super) struct MessageStream {
    lines: LineBuffer,
    translation: Translation,
}

impl MessageStream {
    /// A stream of `provider`, whose key is struck out of its errors. `created` is in seconds since 1970.
    pub(super) fn new(provider: &str, key: Option<SecretString>, tells_usage: bool, created: u64) -> Self {
        let translation = Translation {
            provider: provider.to_owned(),
            key,
            tells_usage,
            created,
            id: String::new(),
            model: String::new(),
            usage: MessageUsage::default(),
            phase: Phase::Silent,
            block: Block::Other,
            calls: 0,
        };
        Self { lines: LineBuffer::default(), translation }
    }
}

impl StreamReader for MessageStream {
    fn push(&mut self, chunk: &Bytes, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut out = BytesMut::new();
        let _as_it_came = self.lines.push(chunk, |payload| self.translation.take(payload, &mut out));
        if self.lines.is_too_long() {
            self.translation.break_off("an event is too large to be read", &mut out);
        }
        shown(out, read)
    }

    fn finish(&mut self, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut out = BytesMut::new();
        let _as_it_came = self.lines.finish(|payload| self.translation.take(payload, &mut out));
        // The end was told already; only its seal is missing.
        if self.translation.phase == Phase::Finished {
            self.translation.seal(&mut out);
        }
        shown(out, read)
    }

    fn usage(&self) -> Option<Usage> {
        // Until the end, the count of what was written is a placeholder.
        let is_told = matches!(self.translation.phase, Phase::Finished | Phase::Over);
        is_told.then(|| self.translation.usage.counts()).flatten()
    }
}

fn shown(out: BytesMut, read: &mut dyn FnMut(&[u8])) -> Bytes {
    sse::payloads(&out).for_each(read);
    out.freeze()
}

struct Translation {
    provider: String,
    key: Option<SecretString>,
    tells_usage: bool,
    created: u64,
    id: String,
    model: String,
    usage: MessageUsage,
    phase: Phase,
    block: Block,
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
    Call { has_arguments: bool },
    Other,
}

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
    /// Which of the client's sequences ended it, where one did: as vLLM tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<[Value; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Value; 1]>,
}

impl Translation {
    /// Takes the payload of one event.
    fn take(&mut self, payload: &[u8], out: &mut BytesMut) {
        if self.phase == Phase::Over {
            return;
        }
        match serde_json::from_slice(payload) {
            Ok(event) => self.take_event(event, out),
            Err(_) => self.break_off("an event cannot be read", out),
        }
    }

    fn take_event(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::MessageStart { message: Start { id, model, usage } } => {
                (self.id, self.model, self.usage) = (id, model, usage);
            }
            Event::ContentBlockStart { content_block } => self.begin_block(content_block, out),
            Event::ContentBlockDelta { delta } => self.go_on(&delta, out),
            Event::ContentBlockStop => self.end_block(out),
            Event::MessageDelta { delta, usage } => {
                self.usage = self.usage.updated(usage);
                self.end_message(&delta, out);
            }
            Event::MessageStop if self.phase == Phase::Finished => self.seal(out),
            Event::MessageStop => self.break_off("it stopped without saying why", out),
            Event::Ping => out.put_slice(b": ping\n\n"),
            Event::Error { error } => self.break_off(&format!("{} ({})", error.message, error.kind), out),
            Event::Unknown => {}
        }
    }

    /// Says why the message ended, once.
    fn end_message(&mut self, delta: &MessageDelta, out: &mut BytesMut) {
        let Some(reason) = delta.stop_reason.as_deref().filter(|_| self.phase != Phase::Finished) else { return };
        self.begin(out);
        self.phase = Phase::Finished;
        let finish_reason = Some(usage::finish_reason(reason));
        let stop_reason = delta.stop_sequence.as_deref();
        self.write(&[Choice { index: 0, delta: Delta::default(), finish_reason, stop_reason }], None, out);
    }

    /// Says who speaks, once.
    fn begin(&mut self, out: &mut BytesMut) {
        if self.phase == Phase::Silent {
            self.phase = Phase::Speaking;
            self.say(Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, out);
        }
    }

    fn begin_block(&mut self, block: BlockStart, out: &mut BytesMut) {
        self.begin(out);
        self.block = Block::Other;
        match block {
            BlockStart::Text { text } => self.add_words(&text, out),
            BlockStart::Thinking { thinking } => self.add_thoughts(&thinking, out),
            BlockStart::RedactedThinking { data } => self.add_thinking_block(thoughts::redacted(&data), out),
            BlockStart::ToolUse { id, name, input } => {
                let arguments = if input.is_empty() { String::new() } else { Value::Object(input).to_string() };
                self.block = Block::Call { has_arguments: !arguments.is_empty() };
                self.calls += 1;
                let function = json!({"name": name, "arguments": arguments});
                self.add_to_call(json!({"id": id, "type": "function", "function": function}), out);
            }
            BlockStart::Unknown => {}
        }
    }

    fn go_on(&mut self, delta: &BlockDelta, out: &mut BytesMut) {
        match (delta, self.block) {
            (BlockDelta::TextDelta { text }, _) => self.add_words(text, out),
            (BlockDelta::ThinkingDelta { thinking }, _) => self.add_thoughts(thinking, out),
            (BlockDelta::SignatureDelta { signature }, _) => {
                self.add_thinking_block(thoughts::signed("", signature), out);
            }
            (BlockDelta::InputJsonDelta { partial_json }, Block::Call { .. }) if !partial_json.is_empty() => {
                self.block = Block::Call { has_arguments: true };
                self.add_to_call(json!({"function": {"arguments": partial_json}}), out);
            }
            // Input of a server's own tool, and citations.
            _ => {}
        }
    }

    /// A call without arguments has an empty object of them, because clients parse what they are given.
    fn end_block(&mut self, out: &mut BytesMut) {
        if self.block == (Block::Call { has_arguments: false }) {
            self.add_to_call(json!({"function": {"arguments": "{}"}}), out);
        }
        self.block = Block::Other;
    }

    fn add_words(&mut self, words: &str, out: &mut BytesMut) {
        if !words.is_empty() {
            self.begin(out);
            self.say(Delta { content: Some(words), ..Delta::default() }, out);
        }
    }

    fn add_thoughts(&mut self, thinking: &str, out: &mut BytesMut) {
        if !thinking.is_empty() {
            self.begin(out);
            let thinking_blocks = Some([thoughts::signed(thinking, "")]);
            self.say(Delta { reasoning_content: Some(thinking), thinking_blocks, ..Delta::default() }, out);
        }
    }

    fn add_thinking_block(&mut self, block: Value, out: &mut BytesMut) {
        self.begin(out);
        self.say(Delta { thinking_blocks: Some([block]), ..Delta::default() }, out);
    }

    fn add_to_call(&self, part: Value, out: &mut BytesMut) {
        let mut call = json!({"index": self.calls.saturating_sub(1)});
        if let (Value::Object(call), Value::Object(part)) = (&mut call, part) {
            call.extend(part);
        }
        self.say(Delta { tool_calls: Some([call]), ..Delta::default() }, out);
    }

    fn say(&self, delta: Delta<'_>, out: &mut BytesMut) {
        self.write(&[Choice { index: 0, delta, finish_reason: None, stop_reason: None }], None, out);
    }

    fn write(&self, choices: &[Choice<'_>], usage: Option<Value>, out: &mut BytesMut) {
        let (id, model) = (self.id.as_str(), self.model.as_str());
        let chunk = Chunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage };
        out.put_slice(b"data: ");
        // Neither strings nor numbers can fail to be written.
        let _written = serde_json::to_writer((&mut *out).writer(), &chunk);
        out.put_slice(b"\n\n");
    }

    /// The token counts where the client wants them, and the end.
    fn seal(&mut self, out: &mut BytesMut) {
        self.phase = Phase::Over;
        if let Some(counts) = self.usage.counts().filter(|_| self.tells_usage) {
            self.write(&[], Some(counts.to_openai()), out);
        }
        out.put_slice(b"data: [DONE]\n\n");
    }

    /// An error in place of what is missing, and the end.
    fn break_off(&mut self, why: &str, out: &mut BytesMut) {
        if self.phase == Phase::Over {
            return;
        }
        if self.phase != Phase::Finished {
            // What was told so far is no count of what was written.
            self.usage = MessageUsage::default();
        }
        self.phase = Phase::Over;
        let message = format!("the stream from {} broke: {why}", self.provider);
        out.put_slice(b"data: ");
        out.put_slice(&redact(self.key.as_ref(), error_bytes(message, "upstream_stream_broken")));
        out.put_slice(b"\n\ndata: [DONE]\n\n");
    }
}
