//! The ledger that several replicas count in, kept in Redis: the same accounts as `book.rs` has, changed by scripts that run there as one step each
//! and by that server's clock. Names of keys are hashed, and nothing of a prompt is sent there.

mod account_keys;
mod bulletin;
mod config;
mod lease;
mod rests;
mod scripts;
mod worker;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::book::{Book, Told, Verdict, Why};
use super::terms::Asked;
use account_keys::AccountKeys;
pub use bulletin::BoardReader;
pub use config::{OnFailure, SharedConfig, SharedError};
pub(super) use lease::SharedLease;
use lease::{LiveLeases, Settlement};
use scripts::Scripts;

/// 1 while the shared state can be reached.
pub const SHARED_UP: &str = "semroute_shared_state_up";
/// Ends of requests that the shared state could not be told of; they count there as they were expected, once their lease has ended.
pub const UNTOLD: &str = "semroute_shared_state_untold_total";

/// Ends of requests that wait to be told while Redis cannot be reached.
const MOST_WAITING: usize = 65_536;

/// Redis tells a connection that is being made, or is down.
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);

/// The shared ledger. Clones share it.
#[derive(Clone)]
pub struct SharedBook(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    scripts: Scripts,
    keys: AccountKeys,
    timeout: Duration,
    lease: Duration,
    on_failure: OnFailure,
    is_up: AtomicBool,
    /// Somebody found it down: look at once whether it is.
    went_down: Notify,
    /// This replica, whatever it is called elsewhere.
    replica: String,
    leases_made: AtomicU64,
    live: LiveLeases,
    waiting: mpsc::Sender<Settlement>,
    /// Ends that wait, those that are being told included.
    ends_untold: AtomicUsize,
    to_be_told: Mutex<Option<mpsc::Receiver<Settlement>>>,
}

/// Redis did not answer in time, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreachable;

impl SharedBook {
    /// Opens it, whether or not Redis can be reached just now. Must be called in a runtime.
    pub fn open(config: &SharedConfig, read_variable: impl Fn(&str) -> Option<String>) -> Result<Self, SharedError> {
        let client = config.client(read_variable)?;
        let manager = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECTS_WITHIN))
            .set_response_timeout(Some(CONNECTS_WITHIN))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_millis(200));
        let connection = ConnectionManager::new_lazy_with_config(client, manager).map_err(|_| SharedError::BadUrl)?;
        let (waiting, to_be_told) = mpsc::channel(MOST_WAITING);
        gauge!(SHARED_UP).set(0.0);
        Ok(Self(Arc::new(Inner {
            connection,
            scripts: Scripts::new(),
            keys: AccountKeys::new(&config.prefix),
            timeout: Duration::from_millis(config.timeout_ms),
            lease: Duration::from_secs(config.lease_seconds),
            on_failure: config.on_failure,
            is_up: AtomicBool::new(false),
            went_down: Notify::new(),
            replica: uuid::Uuid::now_v7().simple().to_string(),
            leases_made: AtomicU64::new(0),
            live: LiveLeases::default(),
            waiting,
            ends_untold: AtomicUsize::new(0),
            to_be_told: Mutex::new(Some(to_be_told)),
        })))
    }

    /// What is done while it cannot be reached.
    pub(super) fn on_failure(&self) -> OnFailure {
        self.0.on_failure
    }

    /// Tells the other replicas what this one spends by itself, for as long as the book is used. Called once; must be called in a runtime.
    pub(super) fn keep_in_step(&self, book: &Arc<Mutex<Book>>) {
        let to_be_told = self.0.to_be_told.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(to_be_told) = to_be_told {
            tokio::spawn(worker::work(self.clone(), Arc::downgrade(book), to_be_told));
        }
    }

    /// Waits until it can be reached, or has been looked for and cannot.
    pub async fn connect(&self) {
        let _looked_for = timeout(CONNECTS_WITHIN, async {
            while !self.is_up() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Reserves for all replicas what a request asks, or nothing, in one call. What it may have reserved without telling is given back.
    pub(super) async fn reserve(
        &self,
        asked: &Asked,
    ) -> Result<(Verdict, [Told; 2], Option<SharedLease>), Unreachable> {
        if !self.is_up() {
            return Err(Unreachable);
        }
        let lease = SharedLease::new(self, asked);
        let invoking = self.0.scripts.reserve(self.0.connection.clone(), &self.0.keys, &lease, asked, self.0.lease);
        let reply = match timeout(self.0.timeout, invoking).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(self.note_down(&error)),
            Err(_elapsed) => return Err(self.note_down(&"no answer in time")),
        };
        let [why, number, now_ms, requests, tokens, day, month, all_day, all_month] = reply;
        let number = if number < 0 { i64::MAX } else { number };
        let short = why_of(why).map(|why| (why, number));
        let levels = super::book::Levels { requests, tokens };
        let lease = if short.is_some() {
            lease.forget();
            None
        } else {
            lease.keep_alive();
            Some(lease)
        };
        let told = [Told { day, month }, Told { day: all_day, month: all_month }];
        Ok((Verdict { short, levels, now_ms }, told, lease))
    }

    /// Waits until all has been told, as long as Redis can be reached. For the end of the program.
    pub(super) async fn flush(&self, book: &Mutex<Book>) {
        let is_told = || self.0.ends_untold.load(Ordering::SeqCst) == 0 && !has_news(book);
        while self.is_up() && !is_told() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn is_up(&self) -> bool {
        self.0.is_up.load(Ordering::Relaxed)
    }

    fn note_up(&self) {
        if !self.0.is_up.swap(true, Ordering::Relaxed) {
            gauge!(SHARED_UP).set(1.0);
            tracing::info!("the shared state is reached");
        }
    }

    /// Warns once, however many requests find out.
    fn note_down(&self, why: &dyn std::fmt::Display) -> Unreachable {
        if self.0.is_up.swap(false, Ordering::Relaxed) {
            gauge!(SHARED_UP).set(0.0);
            tracing::warn!(policy = ?self.0.on_failure, "the shared state cannot be reached: {why}");
            self.0.went_down.notify_one();
        }
        Unreachable
    }

    /// Hands on the end of a request. Waits for nobody.
    fn settle(&self, settlement: Settlement) {
        self.0.ends_untold.fetch_add(1, Ordering::SeqCst);
        if self.0.waiting.try_send(settlement).is_err() {
            self.0.ends_untold.fetch_sub(1, Ordering::SeqCst);
            counter!(UNTOLD).increment(1);
        }
    }
}

fn has_news(book: &Mutex<Book>) -> bool {
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    book.accounts()
        .any(|(_, account)| [account.day, account.month].iter().any(|period| period.untold > 0 || period.must_tell))
}

/// As `reserve.lua` numbers them.
fn why_of(number: i64) -> Option<Why> {
    match number {
        1 => Some(Why::Concurrent),
        2 => Some(Why::Requests),
        3 => Some(Why::Tokens),
        4 => Some(Why::CallersDay),
        5 => Some(Why::CallersMonth),
        6 => Some(Why::Day),
        7 => Some(Why::Month),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
