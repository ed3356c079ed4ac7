//! Answers in this process, bounded in bytes: the least wanted make room. Counts what it holds.

use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use moka::Expiry;
use moka::notification::RemovalCause;
use moka::sync::Cache;

use super::{CacheKey, CachedAnswer, metric};

/// Answers in memory.
pub(super) struct MemoryStore(Cache<CacheKey, CachedAnswer>);

/// Every answer leaves when its own time is over.
struct OwnTime;

impl Expiry<CacheKey, CachedAnswer> for OwnTime {
    fn expire_after_create(&self, _key: &CacheKey, answer: &CachedAnswer, _now: Instant) -> Option<Duration> {
        Some(answer.ttl)
    }

    fn expire_after_update(
        &self,
        _key: &CacheKey,
        answer: &CachedAnswer,
        _now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.ttl)
    }
}

impl MemoryStore {
    /// Room for so many bytes.
    pub(super) fn new(max_bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_key, answer: &CachedAnswer| u32::try_from(answer.weight()).unwrap_or(u32::MAX))
            .expire_after(OwnTime)
            .eviction_listener(|_key, _answer, cause| match cause {
                RemovalCause::Size => counter!(metric::EVICTIONS, "cause" => "size").increment(1),
                RemovalCause::Expired => counter!(metric::EVICTIONS, "cause" => "expired").increment(1),
                RemovalCause::Explicit | RemovalCause::Replaced => {}
            })
            .build();
        Self(cache)
    }

    /// The answer by this name.
    pub(super) fn get(&self, key: &CacheKey) -> Option<CachedAnswer> {
        self.0.get(key)
    }

    /// Keeps an answer.
    pub(super) fn put(&self, key: CacheKey, answer: CachedAnswer) {
        self.0.insert(key, answer);
        // Room is made at once rather than some time later, so that the bound holds and what is told of it is true.
        self.0.run_pending_tasks();
        gauge!(metric::BYTES).set(self.0.weighted_size() as f64);
        gauge!(metric::ENTRIES).set(self.0.entry_count() as f64);
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> u64 {
        self.0.weighted_size()
    }
}
