//! What became of the rows, in numbers: those that wait, were written, refused or dropped and why, and whether the database takes rows at all.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{counter, gauge};
use tokio::sync::watch;

/// Names of the store's metrics.
pub mod metric {
    /// Rows by outcome: `written`, `dropped` (never tried), `failed` (the database refused the row).
    pub const RECORDS: &str = "semroute_store_records_total";
    /// Dropped rows by reason: `queue_full`, `shutdown`, `writer_stopped`.
    pub const DROPPED: &str = "semroute_store_dropped_total";
    /// Rows that wait to be written.
    pub const QUEUE_ROWS: &str = "semroute_store_queue_rows";
    /// 1 while the database takes rows, 0 while it is gone.
    pub const UP: &str = "semroute_store_up";
}

/// Why a row was dropped.
#[derive(Debug, Clone, Copy)]
pub(super) enum DropReason {
    QueueFull,
    Shutdown,
    WriterStopped,
}

#[derive(Debug)]
pub(super) struct Tally {
    taken: AtomicU64,
    written: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    /// Of the dropped ones, those that had been taken before.
    abandoned: AtomicU64,
    is_up: watch::Sender<bool>,
}

impl Tally {
    pub(super) fn new(is_up: bool) -> Self {
        Self {
            taken: AtomicU64::new(0),
            written: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            is_up: watch::Sender::new(is_up),
        }
    }

    pub(super) fn take(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn write(&self, rows: u64) {
        self.written.fetch_add(rows, Ordering::Relaxed);
        counter!(metric::RECORDS, "outcome" => "written").increment(rows);
    }

    pub(super) fn refuse(&self, rows: u64) {
        self.refused.fetch_add(rows, Ordering::Relaxed);
        counter!(metric::RECORDS, "outcome" => "failed").increment(rows);
    }

    /// Returns how many had been dropped before.
    pub(super) fn drop_rows(&self, rows: u64, reason: DropReason) -> u64 {
        let reason = match reason {
            DropReason::QueueFull => "queue_full",
            DropReason::Shutdown => "shutdown",
            DropReason::WriterStopped => "writer_stopped",
        };
        counter!(metric::RECORDS, "outcome" => "dropped").increment(rows);
        counter!(metric::DROPPED, "reason" => reason).increment(rows);
        self.dropped.fetch_add(rows, Ordering::Relaxed)
    }

    /// Drops every row that waits; returns how many.
    pub(super) fn abandon(&self, reason: DropReason) -> u64 {
        let rows = self.waiting();
        self.abandoned.fetch_add(rows, Ordering::Relaxed);
        self.drop_rows(rows, reason);
        rows
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Taken and neither written nor refused yet.
    pub(super) fn waiting(&self) -> u64 {
        let settled = self.written() + self.refused() + self.abandoned.load(Ordering::Relaxed);
        // The writer may be done with a row before whoever brought it has counted it.
        self.taken.load(Ordering::Relaxed).saturating_sub(settled)
    }

    /// Says whether the database takes rows; returns what was said before.
    pub(super) fn set_up(&self, is_up: bool) -> bool {
        self.is_up.send_replace(is_up)
    }

    pub(super) fn is_up(&self) -> bool {
        *self.is_up.borrow()
    }

    pub(super) fn watch_up(&self) -> watch::Receiver<bool> {
        self.is_up.subscribe()
    }

    pub(super) fn publish(&self) {
        gauge!(metric::UP).set(if self.is_up() { 1.0 } else { 0.0 });
        gauge!(metric::QUEUE_ROWS).set(self.waiting() as f64);
    }
}
