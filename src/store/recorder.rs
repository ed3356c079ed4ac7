//! Writes decisions behind the requests' backs: a bounded queue, one task, one transaction a batch. A full queue or a
//! failing database costs rows, which are counted, and never a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::insert::insert_all;
use super::prune::prune_some;
use super::{DecisionRecord, Store, StoreError};

/// Rows that may wait. At a thousand requests a second this is four seconds of a stuck disk.
const QUEUE_LIMIT: usize = 4096;
const BATCH_LIMIT: usize = 256;
/// How often old rows are looked for; the first time is at the start.
const PRUNE_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Rows by outcome: `written`, `dropped` (the queue was full), `failed` (the database refused).
pub const RECORDS_METRIC: &str = "semroute_store_records_total";

/// Takes decisions down. Clones feed the same queue.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Row(Box<DecisionRecord>),
    /// Answered once everything before it is written or has failed.
    Flush(oneshot::Sender<()>),
    /// As `Flush`, and nothing is taken any more.
    Close(oneshot::Sender<()>),
}

impl Store {
    /// Starts the writer on the current runtime. It ends when it is closed, or when the last clone is dropped and the queue
    /// is empty.
    pub fn recorder(&self) -> Recorder {
        self.recorder_with_queue(QUEUE_LIMIT)
    }

    /// As [`Store::recorder`], with room for that many waiting rows (at least one).
    pub fn recorder_with_queue(&self, limit: usize) -> Recorder {
        let (queue, messages) = mpsc::channel(limit.max(1));
        let counts = Arc::new(Counts::default());
        tokio::spawn(write(self.clone(), messages, Arc::clone(&counts)));
        Recorder { queue, counts }
    }
}

impl Recorder {
    /// Takes a decision down if there is room, and never waits.
    pub fn record(&self, record: DecisionRecord) {
        if self.queue.try_send(Message::Row(Box::new(record))).is_err() {
            let dropped = self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            metrics::counter!(RECORDS_METRIC, "outcome" => "dropped").increment(1);
            if dropped == 0 {
                tracing::warn!(
                    "the store's queue is full or its writer has stopped; decisions go unrecorded and are counted"
                );
            }
        }
    }

    /// Waits until everything recorded before is written or has failed.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.ask(Message::Flush).await
    }

    /// As [`Recorder::flush`], and stops the writer: what is recorded afterwards counts as dropped.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ask(Message::Close).await
    }

    /// Rows in the database.
    pub fn written(&self) -> u64 {
        self.counts.written.load(Ordering::Relaxed)
    }

    /// Rows that found the queue full or the writer gone.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Rows that the database refused.
    pub fn failed(&self) -> u64 {
        self.counts.failed.load(Ordering::Relaxed)
    }

    async fn ask(&self, message: fn(oneshot::Sender<()>) -> Message) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(message(answer)).await.map_err(|_closed| StoreError::WriterStopped)?;
        answered.await.map_err(|_dropped| StoreError::WriterStopped)
    }
}

async fn write(store: Store, mut messages: mpsc::Receiver<Message>, counts: Arc<Counts>) {
    let Store { pool, keep } = store;
    let mut received = Vec::with_capacity(BATCH_LIMIT);
    let mut batch = Vec::with_capacity(BATCH_LIMIT);
    let mut failing = false;
    let mut closing = Vec::new();
    let mut upkeep = interval(PRUNE_EVERY);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut old_rows = false;
    loop {
        let taken = tokio::select! {
            taken = messages.recv_many(&mut received, BATCH_LIMIT) => Some(taken),
            _ = upkeep.tick(), if !old_rows => None,
            () = std::future::ready(()), if old_rows => None,
        };
        if taken == Some(0) {
            break;
        }
        if taken.is_none() {
            // One batch, and then rows that came in the meantime have their turn.
            old_rows = prune_some(&pool, keep).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the store cannot delete old decisions; it tries again in a day");
                false
            });
            continue;
        }
        for message in received.drain(..) {
            match message {
                Message::Row(record) => batch.push(*record),
                Message::Flush(answer) => {
                    write_batch(&pool, &mut batch, &counts, &mut failing).await;
                    // Whoever asked may have stopped waiting.
                    let _ = answer.send(());
                }
                Message::Close(answer) => {
                    messages.close();
                    closing.push(answer);
                }
            }
        }
        write_batch(&pool, &mut batch, &counts, &mut failing).await;
    }
    for answer in closing {
        let _ = answer.send(());
    }
}

async fn write_batch(pool: &SqlitePool, batch: &mut Vec<DecisionRecord>, counts: &Counts, failing: &mut bool) {
    if batch.is_empty() {
        return;
    }
    let rows = batch.len() as u64;
    match insert_all(pool, batch).await {
        Ok(()) => {
            counts.written.fetch_add(rows, Ordering::Relaxed);
            metrics::counter!(RECORDS_METRIC, "outcome" => "written").increment(rows);
            if std::mem::take(failing) {
                tracing::info!(failed = counts.failed.load(Ordering::Relaxed), "the store takes decisions again");
            }
        }
        Err(error) => {
            counts.failed.fetch_add(rows, Ordering::Relaxed);
            metrics::counter!(RECORDS_METRIC, "outcome" => "failed").increment(rows);
            // One line when it begins: a full disk must not fill the log too.
            if !std::mem::replace(failing, true) {
                tracing::warn!(%error, rows, "the store refuses decisions; requests go on, rows are lost and counted");
            }
        }
    }
    batch.clear();
}
