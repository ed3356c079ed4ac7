//! What one request has under way in Redis. It is renewed while it lasts, told of when it is dropped, and given up by Redis itself when its replica
//! dies.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::SharedBook;
use crate::limits::terms::Asked;

/// A reservation in Redis. Dropped, it is settled: at nothing, unless it was told otherwise.
pub(in crate::limits) struct SharedLease {
    book: SharedBook,
    /// `None` once there is nothing to be told.
    settlement: Option<Settlement>,
}

/// The end of a request.
#[derive(Debug, Clone)]
pub(super) struct Settlement {
    pub(super) identity: Option<String>,
    pub(super) lease: String,
    pub(super) counts_tokens: bool,
    pub(super) reserved_tokens: i64,
    pub(super) reserved_nanos: i64,
    pub(super) tokens: i64,
    pub(super) nanos: i64,
}

/// The leases of this replica that have to be renewed, and whose they are.
#[derive(Debug, Default)]
pub(super) struct LiveLeases(Mutex<HashMap<String, Option<String>>>);

impl LiveLeases {
    /// All of them.
    pub(super) fn all(&self) -> Vec<(String, Option<String>)> {
        self.lock().iter().map(|(lease, identity)| (lease.clone(), identity.clone())).collect()
    }

    /// It need not be renewed any longer.
    pub(super) fn forget(&self, lease: &str) {
        self.lock().remove(lease);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedLease {
    /// A lease that nobody knows of yet. Should its request be left while Redis is being asked, Redis is told to forget it.
    pub(super) fn new(book: &SharedBook, asked: &Asked) -> Self {
        let number = book.0.leases_made.fetch_add(1, Ordering::Relaxed);
        // What it has reserved stands in its name, so that a set of names is enough to give it up by.
        let lease = format!("{}-{number}:{}", book.0.replica, asked.nanos);
        let settlement = Settlement {
            identity: asked.identity.clone(),
            lease,
            counts_tokens: asked.caller.tokens_per_minute.is_some(),
            reserved_tokens: asked.tokens,
            reserved_nanos: asked.nanos,
            tokens: 0,
            nanos: 0,
        };
        Self { book: book.clone(), settlement: Some(settlement) }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.settlement.as_ref().map_or("", |settlement| &settlement.lease)
    }

    /// It was granted.
    pub(super) fn keep_alive(&self) {
        if let Some(settlement) = &self.settlement {
            self.book.0.live.lock().insert(settlement.lease.clone(), settlement.identity.clone());
        }
    }

    /// It was refused, so that nothing has to be given back.
    pub(super) fn forget(mut self) {
        self.settlement = None;
    }

    /// The request is over.
    pub(in crate::limits) fn settle(mut self, tokens: i64, nanos: i64) {
        if let Some(settlement) = &mut self.settlement {
            (settlement.tokens, settlement.nanos) = (tokens, nanos);
        }
    }
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        if let Some(settlement) = self.settlement.take() {
            self.book.0.live.forget(&settlement.lease);
            self.book.settle(settlement);
        }
    }
}
