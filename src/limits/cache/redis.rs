//! Answers in a Redis server, for all replicas. A server that cannot be reached holds nothing: it is left alone for a moment, and nobody waits
//! long for it. Its own `maxmemory` bounds what it holds.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{CacheKey, CachedAnswer, metric};

/// A model takes far longer than this, and a Redis nearby far less.
const ANSWERS_WITHIN: Duration = Duration::from_millis(250);

/// For so long a server is not asked again that did not answer.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(1);

/// Answers on their way to the server at once; what comes on top is not kept.
const MOST_WRITING: usize = 64;

/// Answers in Redis.
pub(super) struct RedisStore {
    client: Client,
    /// What its names begin with: servers that share nothing may share a Redis.
    prefix: String,
    /// Made by the first request, because a connection lives in the runtime that serves.
    connection: OnceLock<ConnectionManager>,
    failed: Mutex<Option<Instant>>,
    writing: Arc<Semaphore>,
}

impl RedisStore {
    /// A store in this server, which is not asked for anything yet.
    pub(super) fn new(client: Client, prefix: &str) -> Self {
        let writing = Arc::new(Semaphore::new(MOST_WRITING));
        Self { client, prefix: prefix.to_owned(), connection: OnceLock::new(), failed: Mutex::new(None), writing }
    }

    /// The answer by this name, if the server has it and says so in time.
    pub(super) async fn get(&self, key: &CacheKey) -> Option<CachedAnswer> {
        let json: Option<Vec<u8>> = self.ask(redis::cmd("GET").arg(self.name(key))).await?;
        CachedAnswer::from_json(&json?)
    }

    /// Has an answer kept; the caller does not wait for it.
    pub(super) fn put(self: &Arc<Self>, key: CacheKey, answer: &CachedAnswer) {
        let Ok(place) = Arc::clone(&self.writing).try_acquire_owned() else { return };
        // A server that is stopping may drop its last requests where nothing runs any more.
        let Ok(runtime) = Handle::try_current() else { return };
        let Some(json) = answer.to_json() else { return };
        let lives_ms = u64::try_from(answer.ttl.as_millis()).unwrap_or(u64::MAX);
        let store = Arc::clone(self);
        runtime.spawn(async move {
            let mut command = redis::cmd("SET");
            command.arg(store.name(&key)).arg(json).arg("PX").arg(lives_ms);
            let _kept: Option<()> = store.ask(&command).await;
            drop(place);
        });
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.failed().is_some_and(|failed| failed.elapsed() < LEFT_ALONE_FOR) {
            return None;
        }
        let mut connection = self.connection()?;
        match timeout(ANSWERS_WITHIN, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => self.note_failure(&error),
            Err(late) => self.note_failure(&late),
        }
    }

    fn connection(&self) -> Option<ConnectionManager> {
        if let Some(connection) = self.connection.get() {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWERS_WITHIN))
            .set_response_timeout(Some(ANSWERS_WITHIN))
            .set_number_of_retries(1);
        match ConnectionManager::new_lazy_with_config(self.client.clone(), config) {
            Ok(connection) => Some(self.connection.get_or_init(|| connection).clone()),
            Err(error) => self.note_failure(&error),
        }
    }

    fn failed(&self) -> Option<Instant> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_failure<T>(&self, error: &dyn std::fmt::Display) -> Option<T> {
        counter!(metric::STORE_FAILURES).increment(1);
        tracing::warn!(%error, "the cache's Redis cannot be asked; until it can, nothing is found there");
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        None
    }

    /// Without a cluster's braces, unlike the ledger's names: no script touches two answers at once, so they may lie in different slots.
    fn name(&self, key: &CacheKey) -> String {
        format!("{}:cache:{key}", self.prefix)
    }
}
