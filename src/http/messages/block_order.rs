//! One block after the other: a message's blocks may not run side by side as the calls of a chat may. What comes while a call is unfinished
//! waits for its end, up to a bound. Knows nothing of chats.

use std::collections::VecDeque;

use serde_json::json;

use super::events::Events;
use super::object_end::ObjectEnd;
use super::spoken::Piece;

/// More is not held back.
const MOST_HELD_BYTES: usize = 1024 * 1024;

/// A piece of a call. `call` counts calls in the order in which they began.
#[derive(Debug)]
pub(super) struct CallPiece {
    pub(super) call: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// The blocks of one message on their way out.
#[derive(Default)]
pub(super) struct BlockOrder {
    /// Blocks that have begun.
    begun: usize,
    /// Calls among them.
    begun_calls: usize,
    open: Open,
    held: VecDeque<Held>,
    held_bytes: usize,
}

/// The block that goes on.
#[derive(Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    Call {
        call: usize,
        input: ObjectEnd,
    },
}

/// A block, or a part of one, that waits.
enum Held {
    Piece(Piece),
    Call(CallPiece),
}

/// Why no more can be written.
pub(super) type Stuck = &'static str;

impl BlockOrder {
    /// Takes words or thoughts.
    pub(super) fn take(&mut self, piece: Piece, events: &mut Events) -> Result<(), Stuck> {
        if self.held.is_empty() && !self.is_in_call() {
            self.write(piece, events);
            return Ok(());
        }
        self.held_bytes += piece.bytes();
        match (self.held.back_mut(), piece) {
            (Some(Held::Piece(Piece::Text(held))), Piece::Text(more)) => held.push_str(&more),
            (_, piece) => self.held.push_back(Held::Piece(piece)),
        }
        self.go_on(events)
    }

    /// Takes a piece of a call.
    pub(super) fn take_call(&mut self, piece: CallPiece, events: &mut Events) -> Result<(), Stuck> {
        let is_of = |held: &Held| matches!(held, Held::Call(held) if held.call == piece.call);
        if let Open::Call { call, input } = &mut self.open
            && *call == piece.call
        {
            input.read(&piece.arguments);
            self.write_arguments(&piece.arguments, events);
        } else if piece.call < self.begun_calls {
            // Its block has ended, because it was whole and another one began.
            if !piece.arguments.trim().is_empty() {
                return Err("a tool call went on after its end");
            }
        } else if let Some(Held::Call(held)) = self.held.iter_mut().find(|held| is_of(held)) {
            self.held_bytes += piece.arguments.len();
            held.arguments.push_str(&piece.arguments);
            if held.name.is_empty() {
                held.name = piece.name;
            }
        } else {
            self.held_bytes += piece.arguments.len() + piece.name.len();
            self.held.push_back(Held::Call(piece));
        }
        self.go_on(events)
    }

    /// Ends the last block, and whatever still waits.
    pub(super) fn finish(&mut self, events: &mut Events) -> Result<(), Stuck> {
        while let Some(next) = self.held.pop_front() {
            match next {
                Held::Call(call) if call.name.is_empty() => return Err("a tool call came without a name"),
                next => self.write_held(next, events),
            }
        }
        self.close(events);
        Ok(())
    }

    /// Writes what need not wait any more.
    fn go_on(&mut self, events: &mut Events) -> Result<(), Stuck> {
        while !self.is_in_call()
            && !matches!(self.held.front(), Some(Held::Call(call)) if call.name.is_empty())
            && let Some(next) = self.held.pop_front()
        {
            self.write_held(next, events);
        }
        if self.held.is_empty() {
            self.held_bytes = 0;
        }
        let is_full = self.held_bytes > MOST_HELD_BYTES;
        if is_full { Err("too much of the answer waits for the end of a tool call") } else { Ok(()) }
    }

    fn is_in_call(&self) -> bool {
        matches!(self.open, Open::Call { input, .. } if !input.is_whole())
    }

    fn write_held(&mut self, next: Held, events: &mut Events) {
        match next {
            Held::Piece(piece) => self.write(piece, events),
            Held::Call(CallPiece { call, id, name, arguments }) => {
                let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                let mut input = ObjectEnd::default();
                input.read(&arguments);
                self.begin(Open::Call { call, input }, &block, events);
                self.begun_calls += 1;
                self.write_arguments(&arguments, events);
            }
        }
    }

    fn write(&mut self, piece: Piece, events: &mut Events) {
        match piece {
            Piece::Text(text) => {
                if self.open != Open::Text {
                    self.begin(Open::Text, &json!({"type": "text", "text": ""}), events);
                }
                events.block_delta(self.index(), ("text_delta", "text", &text));
            }
            Piece::Thought { thinking, signature } => {
                if self.open != Open::Thinking {
                    let block = json!({"type": "thinking", "thinking": "", "signature": ""});
                    self.begin(Open::Thinking, &block, events);
                }
                if !thinking.is_empty() {
                    events.block_delta(self.index(), ("thinking_delta", "thinking", &thinking));
                }
                if !signature.is_empty() {
                    events.block_delta(self.index(), ("signature_delta", "signature", &signature));
                    self.close(events);
                }
            }
            Piece::Redacted { data } => {
                self.begin(Open::Thinking, &json!({"type": "redacted_thinking", "data": data}), events);
                self.close(events);
            }
        }
    }

    fn write_arguments(&self, arguments: &str, events: &mut Events) {
        if !arguments.is_empty() {
            events.block_delta(self.index(), ("input_json_delta", "partial_json", arguments));
        }
    }

    fn begin(&mut self, open: Open, block: &serde_json::Value, events: &mut Events) {
        self.close(events);
        self.open = open;
        self.begun += 1;
        events.block_start(self.index(), block);
    }

    fn close(&mut self, events: &mut Events) {
        if std::mem::take(&mut self.open) != Open::Nothing {
            events.block_stop(self.index());
        }
    }

    /// Of the block that began last.
    fn index(&self) -> usize {
        self.begun.saturating_sub(1)
    }
}
