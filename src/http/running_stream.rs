//! A stream on its way to the client, with what must last as long as it does: its row in the log and its place among the requests
//! under way. Has its events written in the client's shape and looks at none itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use futures_util::Stream;

use super::admission::Place;
use super::decision_log::LogEntry;
use super::protocol::AnswerWriter;
use crate::gateway::AnswerStream;

/// Fields are dropped in this order, whether the stream has ended or its client left: dropping the events writes their receipt,
/// which the entry then reads.
pub(super) struct RunningStream {
    events: AnswerStream,
    writer: Box<dyn AnswerWriter>,
    entry: LogEntry,
    _place: Place,
    /// Since when the provider is waited for, and how long it was altogether: what the client takes to read is not the provider's.
    waiting_since: Option<Instant>,
    waited: Duration,
}

impl RunningStream {
    pub(super) fn new(events: AnswerStream, writer: Box<dyn AnswerWriter>, entry: LogEntry, place: Place) -> Self {
        Self { events, writer, entry, _place: place, waiting_since: None, waited: Duration::ZERO }
    }
}

impl Stream for RunningStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let polled = Pin::new(&mut self.events).poll_next(context);
            if polled.is_pending() {
                self.waiting_since.get_or_insert_with(Instant::now);
            } else if let Some(since) = self.waiting_since.take() {
                self.waited += since.elapsed();
                let waited = self.waited;
                self.entry.note_waited(waited);
            }
            let Some(lines) = ready!(polled) else { return Poll::Ready(None) };
            let written = self.writer.write_events(lines);
            if !written.is_empty() {
                return Poll::Ready(Some(Ok(written)));
            }
        }
    }
}
