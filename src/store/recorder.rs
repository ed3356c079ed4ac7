//! Takes decisions down behind the requests' backs: a bounded queue that never makes anybody wait. What is done with the rows is `writer.rs`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::tally::{DropReason, Tally};
use super::writer::{Message, Writer};
use super::{DecisionRecord, Store, StoreError};

/// Takes decisions down. Clones feed the same queue.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    tally: Arc<Tally>,
    writer: AbortHandle,
    store: Store,
}

impl Store {
    /// Starts the writer on the current runtime, with room for `[store] queue_rows` waiting rows. It ends when it is closed, or when the last
    /// clone is dropped and the queue is empty.
    pub fn recorder(&self) -> Recorder {
        self.recorder_with_queue(self.queue_rows)
    }

    /// As [`Store::recorder`], with room for that many waiting rows (at least one).
    pub fn recorder_with_queue(&self, limit: usize) -> Recorder {
        let (queue, messages) = mpsc::channel(limit.max(1));
        let tally = Arc::new(Tally::new(self.is_ready()));
        let writer = Writer::new(self.clone(), messages, Arc::clone(&tally));
        Recorder { queue, tally, writer: tokio::spawn(writer.run()).abort_handle(), store: self.clone() }
    }
}

impl Recorder {
    /// Takes a decision down if there is room, and never waits.
    pub fn record(&self, record: DecisionRecord) {
        let reason = match self.queue.try_send(Message::Row(Box::new(record))) {
            Ok(()) => return self.tally.take(),
            Err(mpsc::error::TrySendError::Full(_)) => DropReason::QueueFull,
            Err(mpsc::error::TrySendError::Closed(_)) => DropReason::WriterStopped,
        };
        if self.tally.drop_rows(1, reason) == 0 {
            tracing::warn!(?reason, "a decision goes unrecorded; further ones are counted and not said");
        }
    }

    /// Waits until everything recorded before is written or refused. While the database is gone, this is an error at once: rows wait, and whoever
    /// asks need not.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut up = self.tally.watch_up();
        tokio::select! {
            biased;
            flushed = self.ask(Message::Flush) => flushed,
            _gone = up.wait_for(|is_up| !is_up) => Err(StoreError::Unreachable),
        }
    }

    /// Writes what waits and stops the writer: what is recorded afterwards counts as dropped. Waits for a database that is gone, so it wants a
    /// limit of time, and [`Recorder::abandon`] after it.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ask(Message::Close).await
    }

    /// Stops the writer where it stands. What waits is dropped and counted; returns how many rows that are.
    pub fn abandon(&self) -> u64 {
        self.writer.abort();
        self.tally.abandon(DropReason::Shutdown)
    }

    /// Where it writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Rows in the database.
    pub fn written(&self) -> u64 {
        self.tally.written()
    }

    /// Rows that found the queue full or the writer gone.
    pub fn dropped(&self) -> u64 {
        self.tally.dropped()
    }

    /// Rows that the database refused.
    pub fn failed(&self) -> u64 {
        self.tally.refused()
    }

    /// Rows that are neither written nor refused yet.
    pub fn waiting(&self) -> u64 {
        self.tally.waiting()
    }

    /// Whether the database takes rows, as far as is known. Known soon after it goes: an idle writer asks it every few seconds.
    pub fn is_up(&self) -> bool {
        self.tally.is_up()
    }

    /// Ends when the database has been gone for this long without a break.
    pub async fn gone_for(&self, patience: Duration) {
        let mut up = self.tally.watch_up();
        loop {
            // What it gives must not be held: it would keep the state from changing.
            drop(up.wait_for(|is_up| !is_up).await);
            if timeout(patience, up.wait_for(|is_up| *is_up)).await.is_err() {
                return;
            }
        }
    }

    /// Sets the gauges to what is true now; to be called before they are read.
    pub fn publish(&self) {
        self.tally.publish();
    }

    async fn ask(&self, message: fn(oneshot::Sender<()>) -> Message) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(message(answer)).await.map_err(|_closed| StoreError::WriterStopped)?;
        answered.await.map_err(|_dropped| StoreError::WriterStopped)
    }
}
