//! The output of a response as it grows: what a chat completion says, piece by piece or at once, becomes items. Knows no response.

use super::calls::Calls;
use super::chunk::{Delta, LogProbs, Words};
use super::events::Events;
use super::items::{Item, Items, Status, TooLarge};
use super::speech::Speech;

/// Items, some of which may still be growing.
pub(super) struct Output {
    items: Items,
    speech: Speech,
    calls: Calls,
}

impl Output {
    /// An empty one. `seed` is what its items' ids have in common; all together may take `max_bytes` of memory.
    pub(super) fn new(seed: String, max_bytes: usize) -> Self {
        Self { items: Items::new(seed, max_bytes), speech: Speech::default(), calls: Calls::default() }
    }

    /// The items as they are now.
    pub(super) fn items(&self) -> &[Item] {
        self.items.list()
    }

    /// Adds what one piece says.
    pub(super) fn add(
        &mut self,
        delta: Delta,
        logprobs: Option<LogProbs>,
        events: &mut Events,
    ) -> Result<(), TooLarge> {
        let Self { items, speech, calls } = self;
        speech.think(delta.thoughts(), items, events)?;
        let words = delta.content.map(Words::into_text).unwrap_or_default();
        let likely = logprobs.and_then(|logprobs| logprobs.content).unwrap_or_default();
        speech.say(&words, likely, items, events)?;
        speech.decline(delta.refusal.as_deref().unwrap_or_default(), items, events)?;
        for (place, piece) in delta.tool_calls.into_iter().flatten().enumerate() {
            speech.end(Status::Completed, items, events);
            calls.add(piece, place, items, events)?;
        }
        Ok(())
    }

    /// Nothing more comes; what was still growing ends so. An answer without words or calls holds an empty message.
    pub(super) fn finish(&mut self, status: Status, events: &mut Events) -> Result<(), TooLarge> {
        let Self { items, speech, calls } = self;
        let is_thought = |item: &Item| matches!(item, Item::Reasoning { .. });
        if items.list().iter().all(is_thought) && calls.are_none() {
            speech.say_nothing(items, events)?;
        }
        speech.end(status, items, events);
        calls.end(status, items, events)
    }

    /// It was broken off: what was still growing stays as it is.
    pub(super) fn break_off(&mut self) {
        self.items.leave_incomplete();
    }
}
