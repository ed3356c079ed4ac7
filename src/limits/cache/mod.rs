//! The response cache: answers that were given, kept for whoever asks the same again. In memory or in Redis, bounded in bytes and time, never
//! across callers. Knows nothing of HTTP and asks no model; what cannot be reached counts as not there.

mod answer;
mod canonical;
mod config;
mod error;
mod key;
pub mod likeness;
mod memory;
mod redis;
mod response_cache;

pub use answer::CachedAnswer;
pub use config::{CacheConfig, CacheScope, CacheStore};
pub use error::CacheError;
pub use key::{CacheKey, KeyWriter};
pub use response_cache::ResponseCache;

/// The names of the cache's metrics.
pub mod metric {
    /// Requests by what the cache did for them: `hit`, `semantic`, `miss` or `bypass`.
    pub const REQUESTS: &str = "semroute_cache_requests_total";
    /// Bytes of the answers in memory.
    pub const BYTES: &str = "semroute_cache_bytes";
    /// Answers in memory.
    pub const ENTRIES: &str = "semroute_cache_entries";
    /// Answers that left memory, because there was no room (`size`) or their time was over (`expired`).
    pub const EVICTIONS: &str = "semroute_cache_evictions_total";
    /// Times that Redis could not be asked or told.
    pub const STORE_FAILURES: &str = "semroute_cache_store_failures_total";
}
