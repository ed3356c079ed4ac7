//! A stream on its way to the client, with what must last as long as it does: its row in the log and its place among the requests
//! under way. Has its events written in the client's shape, and a comment where there are none for long; looks at none itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::sleep;

use super::admission::Place;
use super::decision_log::LogEntry;
use super::error::ApiError;
use super::protocol::AnswerWriter;
use super::upstream_refusal;
use crate::gateway::{Answer, AnswerBody, AnswerStream, SendError, completion_as_events};

/// Comments mean nothing to clients, and tell everybody in between that the connection is in use.
const BEAT: Bytes = Bytes::from_static(b": semroute is waiting for the model\n\n");

/// An answer that is being waited for.
pub(super) type Sending = Pin<Box<dyn Future<Output = Result<Answer, SendError>> + Send>>;

/// Fields are dropped in this order, whether the stream has ended or its client left: dropping the events writes their receipt,
/// which the entry then reads.
pub(super) struct RunningStream {
    source: Source,
    writer: Box<dyn AnswerWriter>,
    /// `None` once the row is complete.
    entry: Option<LogEntry>,
    _place: Place,
    heartbeat: Option<Duration>,
    /// The client has heard nothing for long, and does so at once.
    is_overdue: bool,
    /// How long the provider was waited for: what the client takes to read is not the provider's.
    waited: Duration,
}

/// Where events come from.
enum Source {
    /// Nobody has begun to answer.
    Sending {
        sending: Sending,
        started: Instant,
        with_usage: bool,
    },
    Events(AnswerStream),
    Over,
}

impl RunningStream {
    /// A stream that has begun.
    pub(super) fn new(
        events: AnswerStream,
        writer: Box<dyn AnswerWriter>,
        entry: LogEntry,
        place: Place,
        heartbeat: Option<Duration>,
    ) -> Self {
        let (source, waited) = (Source::Events(events), Duration::ZERO);
        Self { source, writer, entry: Some(entry), _place: place, heartbeat, is_overdue: false, waited }
    }

    /// One that has not, though its client must hear something. `started` is when the request came.
    pub(super) fn not_yet_begun(
        sending: Sending,
        started: Instant,
        with_usage: bool,
        writer: Box<dyn AnswerWriter>,
        entry: LogEntry,
        place: Place,
        heartbeat: Option<Duration>,
    ) -> Self {
        let (source, waited) = (Source::Sending { sending, started, with_usage }, Duration::ZERO);
        Self { source, writer, entry: Some(entry), _place: place, heartbeat, is_overdue: true, waited }
    }

    /// What the client receives.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, |mut running| async move {
            let bytes = running.next().await?;
            Some((Ok(bytes), running))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let waiting = Instant::now();
            let beat = async {
                match self.heartbeat {
                    Some(heartbeat) => sleep(heartbeat).await,
                    None => std::future::pending().await,
                }
            };
            let lines = match &mut self.source {
                _ if std::mem::take(&mut self.is_overdue) => BEAT,
                Source::Over => return None,
                Source::Events(events) => tokio::select! {
                    biased;
                    lines = events.next() => {
                        self.waited += waiting.elapsed();
                        let lines = lines?;
                        if let Some(entry) = &mut self.entry {
                            entry.note_waited(self.waited);
                            entry.note_lines(&lines);
                        }
                        lines
                    }
                    () = beat => BEAT,
                },
                Source::Sending { sending, started, with_usage } => {
                    let sent = tokio::select! {
                        biased;
                        sent = sending => Some((sent, *started, *with_usage)),
                        () = beat => None,
                    };
                    match sent {
                        Some((sent, started, with_usage)) => self.begin(sent, started, with_usage),
                        None => BEAT,
                    }
                }
            };
            let written = self.writer.write_events(lines);
            if !written.is_empty() {
                return Some(written);
            }
        }
    }

    /// The answer is there, or begins, or there is none. Returns the lines that are there already.
    fn begin(&mut self, sent: Result<Answer, SendError>, started: Instant, with_usage: bool) -> Bytes {
        self.source = Source::Over;
        let Some(mut entry) = self.entry.take() else { return Bytes::new() };
        let overhead = |waited: Duration| started.elapsed().saturating_sub(waited);
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let told = ApiError::from(&error);
                entry.failed(&error, told.status(), overhead(error.upstream_wait));
                return told.as_events();
            }
        };
        entry.note_answer(&answer, overhead(answer.upstream_wait));
        match answer.body {
            AnswerBody::Stream { events, receipt } => {
                entry.follow(receipt);
                self.entry = Some(entry);
                self.source = Source::Events(events);
                Bytes::new()
            }
            AnswerBody::Whole { bytes, .. } if answer.status.is_success() => {
                let unreadable = || ApiError::unreadable_answer(&answer.provider).as_events();
                completion_as_events(&bytes, with_usage).unwrap_or_else(unreadable)
            }
            AnswerBody::Whole { bytes, .. } => upstream_refusal::as_events(answer.status, &bytes),
        }
    }
}
