//! Thoughts, words and refusals of an answer: one follows the other, and each becomes a part of an item. Tells every step as an event.

use serde_json::json;

use super::chunk::LogProb;
use super::events::Events;
use super::items::{Item, Items, Part, Status, Summary, TooLarge};

/// The part that goes on, if any: its item's place, and what it is.
#[derive(Default)]
pub(super) struct Speech(Option<(usize, Kind)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Thoughts,
    Words,
    Refusal,
}

impl Speech {
    /// More thoughts.
    pub(super) fn think(&mut self, more: &str, items: &mut Items, events: &mut Events) -> Result<(), TooLarge> {
        if more.is_empty() {
            return Ok(());
        }
        items.take_room(more.len())?;
        let at = self.turn_to(Kind::Thoughts, items, events)?;
        if let Some(Item::Reasoning { summary, .. }) = items.get_mut(at)
            && let Some(Summary::SummaryText { text }) = summary.last_mut()
        {
            text.push_str(more);
        }
        events
            .write("response.reasoning_summary_text.delta", &items.at(at, json!({"summary_index": 0, "delta": more})));
        Ok(())
    }

    /// More words, and how likely they were.
    pub(super) fn say(
        &mut self,
        more: &str,
        likely: Vec<LogProb>,
        items: &mut Items,
        events: &mut Events,
    ) -> Result<(), TooLarge> {
        if more.is_empty() {
            return Ok(());
        }
        let likely: Vec<LogProb> = likely.into_iter().map(LogProb::complete).collect();
        items.take_room(more.len() + likely.iter().map(LogProb::size).sum::<usize>())?;
        let at = self.turn_to(Kind::Words, items, events)?;
        let told = json!({"content_index": last_part(items, at), "delta": more, "logprobs": likely});
        if let Some(Item::Message { content, .. }) = items.get_mut(at)
            && let Some(Part::OutputText { text, logprobs, .. }) = content.last_mut()
        {
            text.push_str(more);
            logprobs.extend(likely);
        }
        events.write("response.output_text.delta", &items.at(at, told));
        Ok(())
    }

    /// More of a refusal.
    pub(super) fn decline(&mut self, more: &str, items: &mut Items, events: &mut Events) -> Result<(), TooLarge> {
        if more.is_empty() {
            return Ok(());
        }
        items.take_room(more.len())?;
        let at = self.turn_to(Kind::Refusal, items, events)?;
        if let Some(Item::Message { content, .. }) = items.get_mut(at)
            && let Some(Part::Refusal { refusal }) = content.last_mut()
        {
            refusal.push_str(more);
        }
        let told = json!({"content_index": last_part(items, at), "delta": more});
        events.write("response.refusal.delta", &items.at(at, told));
        Ok(())
    }

    /// A message without a word, for an answer that holds none.
    pub(super) fn say_nothing(&mut self, items: &mut Items, events: &mut Events) -> Result<(), TooLarge> {
        self.turn_to(Kind::Words, items, events).map(drop)
    }

    /// Whatever went on is over.
    pub(super) fn end(&mut self, status: Status, items: &mut Items, events: &mut Events) {
        if let Some((at, _)) = self.0.take() {
            end_part(at, items, events);
            items.end(at, status, events);
        }
    }

    /// The place of the item that speech of this kind goes into.
    fn turn_to(&mut self, kind: Kind, items: &mut Items, events: &mut Events) -> Result<usize, TooLarge> {
        let at = match self.0 {
            Some((at, now)) if now == kind => return Ok(at),
            // Words and a refusal are parts of one message.
            Some((at, now)) if now != Kind::Thoughts && kind != Kind::Thoughts => {
                end_part(at, items, events);
                at
            }
            _ => {
                self.end(Status::Completed, items, events);
                let item = match kind {
                    Kind::Thoughts => Item::Reasoning { id: items.next_id("rs"), summary: Vec::new() },
                    Kind::Words | Kind::Refusal => Item::Message {
                        id: items.next_id("msg"),
                        status: Status::InProgress,
                        role: "assistant",
                        content: Vec::new(),
                    },
                };
                items.begin(item, events)?
            }
        };
        begin_part(at, kind, items, events);
        self.0 = Some((at, kind));
        Ok(at)
    }
}

fn begin_part(at: usize, kind: Kind, items: &mut Items, events: &mut Events) {
    match items.get_mut(at) {
        Some(Item::Reasoning { summary, .. }) => {
            let part = Summary::SummaryText { text: String::new() };
            let told = json!({"summary_index": 0, "part": part});
            summary.push(part);
            events.write("response.reasoning_summary_part.added", &items.at(at, told));
        }
        Some(Item::Message { content, .. }) => {
            let part = match kind {
                Kind::Refusal => Part::Refusal { refusal: String::new() },
                _ => Part::OutputText { annotations: [], logprobs: Vec::new(), text: String::new() },
            };
            let told = json!({"content_index": content.len(), "part": part});
            content.push(part);
            events.write("response.content_part.added", &items.at(at, told));
        }
        _ => {}
    }
}

fn end_part(at: usize, items: &Items, events: &mut Events) {
    match items.list().get(at) {
        Some(Item::Reasoning { summary, .. }) => {
            if let Some(part @ Summary::SummaryText { text }) = summary.last() {
                let told = json!({"summary_index": 0, "text": text});
                events.write("response.reasoning_summary_text.done", &items.at(at, told));
                let told = json!({"summary_index": 0, "part": part});
                events.write("response.reasoning_summary_part.done", &items.at(at, told));
            }
        }
        Some(Item::Message { content, .. }) => {
            let index = last_part(items, at);
            let Some(part) = content.last() else { return };
            match part {
                Part::OutputText { text, logprobs, .. } => {
                    let told = json!({"content_index": index, "text": text, "logprobs": logprobs});
                    events.write("response.output_text.done", &items.at(at, told));
                }
                Part::Refusal { refusal } => {
                    let told = json!({"content_index": index, "refusal": refusal});
                    events.write("response.refusal.done", &items.at(at, told));
                }
            }
            events.write("response.content_part.done", &items.at(at, json!({"content_index": index, "part": part})));
        }
        _ => {}
    }
}

fn last_part(items: &Items, at: usize) -> usize {
    match items.list().get(at) {
        Some(Item::Message { content, .. }) => content.len().saturating_sub(1),
        _ => 0,
    }
}
