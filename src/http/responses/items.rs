//! The items of a response's output: how they are written, how they begin and end, and how much of them may be held.

use serde::Serialize;
use serde_json::json;

use super::chunk::LogProb;
use super::events::Events;

/// What an item counts for beside its text.
const ITEM_BYTES: usize = 512;

/// How far an item, or the response, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

/// One item.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Reasoning { id: String, summary: Vec<Summary> },
    Message { id: String, status: Status, role: &'static str, content: Vec<Part> },
    FunctionCall { id: String, status: Status, call_id: String, name: String, arguments: String },
    CustomToolCall { id: String, status: Status, call_id: String, name: String, input: String },
}

/// Thoughts, as far as the provider tells them.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Summary {
    SummaryText { text: String },
}

/// A part of a message.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    OutputText { annotations: [(); 0], logprobs: Vec<LogProb>, text: String },
    Refusal { refusal: String },
}

/// The output is larger than may be held, and the end of a stream repeats all of it.
#[derive(Debug, PartialEq)]
pub(super) struct TooLarge;

/// The items so far.
pub(super) struct Items {
    /// What their ids have in common.
    seed: String,
    list: Vec<Item>,
    bytes_left: usize,
}

/// An event about one item.
#[derive(Serialize)]
pub(super) struct At<'a, T> {
    item_id: &'a str,
    output_index: usize,
    #[serde(flatten)]
    told: T,
}

impl Items {
    /// None yet; all together may take this many bytes of memory.
    pub(super) fn new(seed: String, max_bytes: usize) -> Self {
        Self { seed, list: Vec::new(), bytes_left: max_bytes }
    }

    pub(super) fn list(&self) -> &[Item] {
        &self.list
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Item> {
        self.list.get_mut(at)
    }

    /// So many more bytes are going to be held.
    pub(super) fn take_room(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    /// An id of this kind for the item that begins next.
    pub(super) fn next_id(&self, kind: &str) -> String {
        format!("{kind}_{}{:04x}", self.seed, self.list.len())
    }

    /// An item begins; gives its place.
    pub(super) fn begin(&mut self, item: Item, events: &mut Events) -> Result<usize, TooLarge> {
        self.take_room(ITEM_BYTES)?;
        let at = self.list.len();
        events.write("response.output_item.added", &json!({"output_index": at, "item": item}));
        self.list.push(item);
        Ok(at)
    }

    /// It is over.
    pub(super) fn end(&mut self, at: usize, now: Status, events: &mut Events) {
        let Some(item) = self.list.get_mut(at) else { return };
        if let Some(status) = item.status_mut() {
            *status = now;
        }
        events.write("response.output_item.done", &json!({"output_index": at, "item": item}));
    }

    /// No more comes: what was in progress stays as it is.
    pub(super) fn leave_incomplete(&mut self) {
        let statuses = self.list.iter_mut().filter_map(Item::status_mut);
        statuses.filter(|status| **status == Status::InProgress).for_each(|status| *status = Status::Incomplete);
    }

    /// What an event tells of the item at this place.
    pub(super) fn at<T: Serialize>(&self, output_index: usize, told: T) -> At<'_, T> {
        At { item_id: self.list.get(output_index).map_or("", Item::id), output_index, told }
    }
}

impl Item {
    fn id(&self) -> &str {
        match self {
            Self::Reasoning { id, .. }
            | Self::Message { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::CustomToolCall { id, .. } => id,
        }
    }

    /// Thoughts have none.
    fn status_mut(&mut self) -> Option<&mut Status> {
        match self {
            Self::Reasoning { .. } => None,
            Self::Message { status, .. } | Self::FunctionCall { status, .. } | Self::CustomToolCall { status, .. } => {
                Some(status)
            }
        }
    }
}
