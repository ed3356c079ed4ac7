//! A streamed chat completion as a streamed message, event by event: what is said is written at once, and the end when the token counts have
//! come. Holds nothing but what waits for a tool call to end.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{call_id, message_id};
use super::block_order::{BlockOrder, CallPiece, Stuck};
use super::ending::{StopReason, TokenCounts};
use super::errors::MessageError;
use super::events::Events;
use super::spoken::{Call, Choice};
use crate::chat::{Usage, error_in};
use crate::http::call_pieces::{CallMark, call_of};

/// An answer calls far fewer.
const MOST_CALLS: usize = 1024;

/// One chunk.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Value>,
}

/// A stream on its way out.
#[derive(Default)]
pub(super) struct MessageStream {
    phase: Phase,
    blocks: BlockOrder,
    calls: Vec<BegunCall>,
    is_refused: bool,
    stop: Option<StopReason>,
    usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing has been said.
    #[default]
    Silent,
    Speaking,
    /// The end, or an error in its place, was told.
    Over,
}

/// What tells a call from the others.
struct BegunCall {
    index: u64,
    id: String,
}

impl MessageStream {
    /// Takes lines as `AnswerWriter::write_events` is given them.
    pub(super) fn push(&mut self, lines: &[u8]) -> Bytes {
        let mut events = Events::default();
        let mut is_alive = false;
        let (lines, unfinished) =
            lines.split_at(lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
        for line in lines.split(|&byte| byte == b'\n') {
            if let Some(payload) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) {
                self.take(payload, &mut events);
            }
            is_alive |= line.starts_with(b":");
        }
        if !unfinished.is_empty() {
            // The gateway lets a line that is too long through in pieces.
            self.break_off(&MessageError::broken("an event is too large to be read"), &mut events);
        }
        if is_alive && self.phase != Phase::Over {
            events.ping();
        }
        events.into_bytes()
    }

    fn take(&mut self, payload: &[u8], events: &mut Events) {
        if self.phase == Phase::Over || payload.is_empty() {
            return;
        }
        if payload == b"[DONE]" {
            self.finish(events);
            return;
        }
        if let Some(error) = error_in(payload) {
            self.break_off(&MessageError::of_stream(&error), events);
            return;
        }
        match serde_json::from_slice::<Chunk>(payload) {
            Ok(chunk) => self.take_chunk(chunk, events),
            Err(_) => self.break_off(&MessageError::broken("an event cannot be read"), events),
        }
    }

    fn take_chunk(&mut self, chunk: Chunk, events: &mut Events) {
        let Chunk { id, model, choices, usage } = chunk;
        let mut choices = choices.unwrap_or_default();
        self.usage = usage.as_ref().and_then(Usage::from_openai).or(self.usage);
        let Some(first) = choices.iter().position(Choice::is_first) else { return };
        self.begin(id.as_deref(), model.as_deref().unwrap_or_default(), events);
        if let Err(why) = self.take_choice(&choices.swap_remove(first), events) {
            self.break_off(&MessageError::broken(why), events);
        }
    }

    fn take_choice(&mut self, choice: &Choice, events: &mut Events) -> Result<(), Stuck> {
        if let Some(delta) = &choice.message {
            self.is_refused |= delta.is_refused();
            for piece in delta.pieces() {
                self.blocks.take(piece, events)?;
            }
            for (position, call) in delta.tool_calls.iter().flatten().enumerate() {
                let piece = self.piece_of(call, position)?;
                self.blocks.take_call(piece, events)?;
            }
        }
        if choice.finish_reason.is_some() {
            self.stop = Some(StopReason::of(choice, self.is_refused, !self.calls.is_empty()));
        }
        Ok(())
    }

    /// Finds the call that a piece belongs to.
    fn piece_of(&mut self, call: &Call, position: usize) -> Result<CallPiece, Stuck> {
        let index = call.index.unwrap_or(position as u64);
        let id = call.id.as_deref().unwrap_or_default();
        let name = call.function.as_ref().and_then(|function| function.name.clone()).unwrap_or_default();
        let begun = self.calls.iter().map(|begun| CallMark { index: begun.index, id: &begun.id });
        let number = match call_of(&begun, CallMark { index, id }, !name.is_empty()) {
            Some(begun) => begun,
            None if self.calls.len() == MOST_CALLS => return Err("it calls more tools than can be told apart"),
            None => {
                let id = if id.is_empty() { call_id() } else { id.to_owned() };
                self.calls.push(BegunCall { index, id });
                self.calls.len() - 1
            }
        };
        let arguments = call.function.as_ref().map(|function| function.arguments()).unwrap_or_default();
        Ok(CallPiece { call: number, id: self.calls[number].id.clone(), name, arguments })
    }

    /// Says who speaks, once.
    fn begin(&mut self, id: Option<&str>, model: &str, events: &mut Events) {
        if self.phase == Phase::Silent {
            self.phase = Phase::Speaking;
            events.message_start(&message_id(id), model);
        }
    }

    fn finish(&mut self, events: &mut Events) {
        self.begin(None, "", events);
        match self.blocks.finish(events) {
            Ok(()) => {
                self.phase = Phase::Over;
                let usage = self.usage.map(TokenCounts::from).unwrap_or_default();
                events.message_end(&self.stop.take().unwrap_or_default(), usage);
            }
            Err(why) => self.break_off(&MessageError::broken(why), events),
        }
    }

    /// An error in place of what is missing, and nothing after it.
    fn break_off(&mut self, error: &MessageError, events: &mut Events) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            events.error(error);
        }
    }
}
