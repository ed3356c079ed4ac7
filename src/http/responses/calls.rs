//! The calls of an answer. Pieces of several may come mixed, so each keeps its place, and all are open until the end. A call is told once its
//! name is known; what comes of it before is held back until then.

use serde_json::json;

use super::chunk::CallDelta;
use super::events::Events;
use super::items::{Item, Items, Status, TooLarge};
use crate::http::call_pieces::{CallMark, call_of};

/// Calls in the order in which they began.
#[derive(Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Default)]
struct Call {
    index: u64,
    id: Option<String>,
    is_custom: bool,
    /// Its place in the output, once it was told.
    item: Option<usize>,
    /// What came of its arguments before.
    held: String,
}

impl Calls {
    /// Takes one piece, which stood at this place among others.
    pub(super) fn add(
        &mut self,
        piece: CallDelta,
        place: usize,
        items: &mut Items,
        events: &mut Events,
    ) -> Result<(), TooLarge> {
        let call = self.find(&piece, place);
        let (name, more) = match (piece.function, piece.custom) {
            (None, Some(custom)) => {
                call.is_custom = true;
                (custom.name, custom.input)
            }
            (Some(function), _) => (function.name, function.arguments),
            (None, None) => (None, None),
        };
        let more = more.unwrap_or_default();
        items.take_room(size_of::<Call>() + more.len())?;
        if call.id.is_none() {
            call.id = piece.id.filter(|id| !id.is_empty());
        }
        match (call.item, name.filter(|name| !name.is_empty())) {
            (None, None) => call.held.push_str(&more),
            (None, Some(name)) => {
                let at = call.tell(name, items, events)?;
                let held = std::mem::take(&mut call.held);
                add_arguments(at, &(held + &more), items, events);
            }
            (Some(at), _) => add_arguments(at, &more, items, events),
        }
        Ok(())
    }

    /// Whether there is none.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// All are over. One whose name never came is told without.
    pub(super) fn end(&mut self, status: Status, items: &mut Items, events: &mut Events) -> Result<(), TooLarge> {
        for mut call in self.0.drain(..) {
            let at = match call.item {
                Some(at) => at,
                None => {
                    let at = call.tell(String::new(), items, events)?;
                    add_arguments(at, &call.held, items, events);
                    at
                }
            };
            match items.list().get(at) {
                Some(Item::FunctionCall { arguments, .. }) => {
                    let told = items.at(at, json!({"arguments": arguments}));
                    events.write("response.function_call_arguments.done", &told);
                }
                Some(Item::CustomToolCall { input, .. }) => {
                    events.write("response.custom_tool_call_input.done", &items.at(at, json!({"input": input})));
                }
                _ => {}
            }
            items.end(at, status, events);
        }
        Ok(())
    }

    /// The call that a piece belongs to, or a new one. A provider that does not count its calls lists them in their order.
    fn find(&mut self, piece: &CallDelta, place: usize) -> &mut Call {
        let index = piece.index.unwrap_or(place as u64);
        let begun =
            self.0.iter().map(|call| CallMark { index: call.index, id: call.id.as_deref().unwrap_or_default() });
        let mark = CallMark { index, id: piece.id.as_deref().unwrap_or_default() };
        let at = call_of(&begun, mark, piece.names_a_tool()).unwrap_or_else(|| {
            self.0.push(Call { index, ..Call::default() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

impl Call {
    fn tell(&mut self, name: String, items: &mut Items, events: &mut Events) -> Result<usize, TooLarge> {
        items.take_room(name.len())?;
        let status = Status::InProgress;
        let call_id = self.id.clone().unwrap_or_else(|| items.next_id("call"));
        let item = if self.is_custom {
            Item::CustomToolCall { id: items.next_id("ctc"), status, call_id, name, input: String::new() }
        } else {
            Item::FunctionCall { id: items.next_id("fc"), status, call_id, name, arguments: String::new() }
        };
        let at = items.begin(item, events)?;
        self.item = Some(at);
        Ok(at)
    }
}

fn add_arguments(at: usize, more: &str, items: &mut Items, events: &mut Events) {
    if more.is_empty() {
        return;
    }
    let kind = match items.get_mut(at) {
        Some(Item::FunctionCall { arguments, .. }) => {
            arguments.push_str(more);
            "response.function_call_arguments.delta"
        }
        Some(Item::CustomToolCall { input, .. }) => {
            input.push_str(more);
            "response.custom_tool_call_input.delta"
        }
        _ => return,
    };
    events.write(kind, &items.at(at, json!({"delta": more})));
}
