//! A stream on its way to the client, with what must last as long as it does: its row in the log and its place among the requests
//! under way. Hands bytes on and looks at none.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_util::Stream;

use super::admission::Place;
use super::decision_log::LogEntry;
use crate::gateway::AnswerStream;

/// Fields are dropped in this order, whether the stream has ended or its client left: dropping the events writes their receipt,
/// which the entry then reads.
pub(super) struct RunningStream {
    events: AnswerStream,
    _entry: LogEntry,
    _place: Place,
}

impl RunningStream {
    pub(super) fn new(events: AnswerStream, entry: LogEntry, place: Place) -> Self {
        Self { events, _entry: entry, _place: place }
    }
}

impl Stream for RunningStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.events).poll_next(context).map(|event| event.map(Ok))
    }
}
