//! The task that writes rows: what queued while it was busy is the next batch, so a lone row never waits and a process that is killed loses the
//! rows of one transaction. Rows outlast a database that goes away; a row that the database refuses goes alone.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::failure::{Fault, fault_of, in_time};
use super::insert::{BATCH_LIMIT, insert_all};
use super::prune::keep_pruned;
use super::tally::{DropReason, Tally};
use super::{DecisionRecord, Store, StoreError};

/// A transaction that takes longer is given up with its connection and tried on another one.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Bringing a large log to the tables of a new version.
const MIGRATE_WITHIN: Duration = Duration::from_secs(600);
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How often an idle writer asks whether the database is still there.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Between two tries while it is gone.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Refused rows are all counted, and said this often.
const REFUSALS_SAID_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) enum Message {
    Row(Box<DecisionRecord>),
    /// Answered once everything before it is written or refused.
    Flush(oneshot::Sender<()>),
    /// As `Flush`, and nothing is taken any more.
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    store: Store,
    messages: mpsc::Receiver<Message>,
    tally: Arc<Tally>,
    batch: Vec<DecisionRecord>,
    connection: Option<AnyConnection>,
    pause: Duration,
    refusal_said: Option<Instant>,
}

/// Breaks off where nobody can record any more and the database is gone.
type GoesOn = ControlFlow<()>;

impl Writer {
    pub(super) fn new(store: Store, messages: mpsc::Receiver<Message>, tally: Arc<Tally>) -> Self {
        let batch = Vec::with_capacity(BATCH_LIMIT);
        Self { store, messages, tally, batch, connection: None, pause: SHORTEST_PAUSE, refusal_said: None }
    }

    pub(super) async fn run(mut self) {
        // Dropped with the writer, and ended by that.
        let mut upkeep = JoinSet::new();
        upkeep.spawn(keep_pruned(self.store.clone()));
        let mut closing = Vec::new();
        if self.take_messages(&mut closing).await.is_break() {
            self.tally.abandon(DropReason::WriterStopped);
        }
        upkeep.shutdown().await;
        if let Some(connection) = self.connection.take() {
            // The rows are safe; a server that does not say goodbye is left without one.
            let _said_goodbye = timeout(CLOSE_WITHIN, connection.close()).await;
        }
        for answer in closing {
            // Whoever asked may have stopped waiting.
            let _heard = answer.send(());
        }
    }

    async fn take_messages(&mut self, closing: &mut Vec<oneshot::Sender<()>>) -> GoesOn {
        let mut received = Vec::with_capacity(BATCH_LIMIT);
        let mut probes = interval(PROBE_EVERY);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.connect().await?;
            tokio::select! {
                taken = self.messages.recv_many(&mut received, BATCH_LIMIT) => {
                    if taken == 0 {
                        return ControlFlow::Continue(());
                    }
                }
                _ = probes.tick() => self.probe().await,
            }
            for message in received.drain(..) {
                match message {
                    Message::Row(record) => self.batch.push(*record),
                    Message::Flush(answer) => {
                        self.write_batch().await?;
                        let _heard = answer.send(());
                    }
                    Message::Close(answer) => {
                        self.messages.close();
                        closing.push(answer);
                    }
                }
            }
            self.write_batch().await?;
        }
    }

    /// Writes until no row of the batch is left. A refused batch is halved until the row stands alone that is to blame; what can be written is
    /// doubled again.
    async fn write_batch(&mut self) -> GoesOn {
        let engine = self.store.address.engine;
        self.make_fit_to_keep().await;
        let mut rows = self.batch.len();
        while !self.batch.is_empty() {
            self.connect().await?;
            let Some(connection) = &mut self.connection else { continue };
            rows = rows.clamp(1, self.batch.len());
            match in_time(WRITE_WITHIN, insert_all(connection, engine, &self.batch[..rows])).await {
                Ok(()) => {
                    self.batch.drain(..rows);
                    self.tally.write(rows as u64);
                    self.is_well();
                    rows *= 2;
                }
                Err(error) => match fault_of(&error, engine) {
                    Fault::Database => {
                        // What took too long may be done in smaller pieces.
                        rows = (rows / 2).max(1);
                        self.wait_for_it(&error.into()).await;
                    }
                    Fault::Rows if rows > 1 => rows /= 2,
                    Fault::Rows => {
                        self.batch.remove(0);
                        self.tally.refuse(1);
                        self.say_refused(&error);
                    }
                },
            }
        }
        ControlFlow::Continue(())
    }

    /// Strikes out of the words what may not be kept: some milliseconds for a long prompt, so not on a thread that serves.
    async fn make_fit_to_keep(&mut self) {
        if self.batch.iter().all(|record| record.words.is_none()) {
            self.batch.iter_mut().for_each(|record| self.store.prompts.apply(record));
            return;
        }
        let (mut batch, prompts) = (std::mem::take(&mut self.batch), self.store.prompts.clone());
        let rows = batch.len() as u64;
        let working = spawn_blocking(move || {
            batch.iter_mut().for_each(|record| prompts.apply(record));
            batch
        });
        match working.await {
            Ok(batch) => self.batch = batch,
            Err(error) => {
                self.tally.refuse(rows);
                tracing::error!(%error, rows, "decisions are lost, because their words cannot be redacted");
            }
        }
    }

    /// Sees to it that there is a connection, however long that takes.
    async fn connect(&mut self) -> GoesOn {
        while self.connection.is_none() {
            match try_connect(&self.store).await {
                Ok(connection) => {
                    self.connection = Some(connection);
                    // Where rows wait, only writing them shows that all is well.
                    if self.batch.is_empty() {
                        self.is_well();
                    }
                }
                Err(_) if self.messages.sender_strong_count() == 0 => return ControlFlow::Break(()),
                Err(error) => self.wait_for_it(&error).await,
            }
        }
        ControlFlow::Continue(())
    }

    async fn probe(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if let Err(error) = in_time(WRITE_WITHIN, connection.ping()).await {
            self.wait_for_it(&error.into()).await;
        }
    }

    /// The connection is no good any more. One line when it begins: an outage must not fill the log too.
    async fn wait_for_it(&mut self, error: &StoreError) {
        self.connection = None;
        if self.tally.set_up(false) {
            let database = &self.store.address.shown;
            tracing::warn!(
                database,
                %error,
                "the store is gone; requests go on, decisions wait for it in a queue, and those that find it full are dropped and counted"
            );
        } else {
            tracing::debug!(%error, pause = ?self.pause, "the store is still gone");
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn is_well(&mut self) {
        self.pause = SHORTEST_PAUSE;
        if !self.tally.set_up(true) {
            tracing::info!(waiting = self.tally.waiting(), dropped = self.tally.dropped(), "the store takes decisions");
        }
    }

    fn say_refused(&mut self, error: &sqlx::Error) {
        if self.refusal_said.is_none_or(|said| said.elapsed() > REFUSALS_SAID_EVERY) {
            self.refusal_said = Some(Instant::now());
            tracing::warn!(%error, refused = self.tally.refused(), "the store refuses a decision, which is lost and counted");
        }
    }
}

/// A connection with this version's tables behind it: what comes back may be another server with nothing in it.
async fn try_connect(store: &Store) -> Result<AnyConnection, StoreError> {
    let connection = store.address.connect().await?;
    let limit = if store.is_ready() { WRITE_WITHIN } else { MIGRATE_WITHIN };
    let prepared = timeout(limit, store.prepare()).await;
    prepared.unwrap_or(Err(StoreError::Unreachable))?;
    Ok(connection)
}
