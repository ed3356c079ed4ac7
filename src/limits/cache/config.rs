//! The `[cache]` table of the configuration. Without it nothing is kept.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// Redis keeps no larger values, and nobody wants to hold larger answers in memory.
const MOST_ENTRY_KB: u64 = 512 * 1024;

/// What is remembered of prompts, for those that say nearly the same, takes at most this share of `max_mb`, and never more than so many bytes.
const LIKENESS_SHARE: u64 = 8;
const MOST_LIKENESS_BYTES: u64 = 32 * 1024 * 1024;

/// A year: what is kept longer is no cache.
const MOST_TTL_SECONDS: u64 = 366 * 24 * 3600;

/// `[cache]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Where answers are kept.
    pub store: CacheStore,
    /// Whose answers are kept.
    pub scope: CacheScope,
    /// The most that answers in memory may take, in MiB. Redis has limits of its own.
    pub max_mb: NonZeroU64,
    /// A longer answer is not kept, in KiB.
    pub max_entry_kb: NonZeroU64,
    /// How long an answer is kept.
    pub ttl_seconds: NonZeroU64,
    /// Pairs of prompts that the threshold of `semantic` is fitted on. Unset: those that come with semroute.
    pub pairs: Option<PathBuf>,
}

/// `store = "memory" | "redis"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheStore {
    /// In this process alone.
    #[default]
    Memory,
    /// In the Redis of `[shared]`, for all replicas.
    Redis,
}

/// `scope = "all" | "routes"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Every request's, but for routes that say `cache = false`.
    #[default]
    All,
    /// Those of routes that say `cache = true`.
    Routes,
}

impl Default for CacheConfig {
    fn default() -> Self {
        const fn positive(number: u64) -> NonZeroU64 {
            match NonZeroU64::new(number) {
                Some(number) => number,
                None => NonZeroU64::MIN,
            }
        }
        Self {
            store: CacheStore::default(),
            scope: CacheScope::default(),
            max_mb: positive(256),
            max_entry_kb: positive(1024),
            ttl_seconds: positive(3600),
            pairs: None,
        }
    }
}

impl CacheConfig {
    /// What is written wrongly, as `KEY: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        let (entry_kb, mb) = (self.max_entry_kb.get(), self.max_mb.get());
        if entry_kb > MOST_ENTRY_KB {
            return Err(format!("max_entry_kb: {entry_kb} is more than {MOST_ENTRY_KB}"));
        }
        if self.store == CacheStore::Memory && entry_kb > mb.saturating_mul(1024) {
            return Err(format!("max_entry_kb: {entry_kb} is more than the {mb} MiB of max_mb hold"));
        }
        if self.ttl_seconds.get() > MOST_TTL_SECONDS {
            return Err(format!("ttl_seconds: {} is more than a year", self.ttl_seconds));
        }
        Ok(())
    }

    /// How long an answer is kept.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_seconds.get())
    }

    /// A longer answer is not kept.
    pub fn max_entry_bytes(&self) -> usize {
        usize::try_from(self.max_entry_kb.get().saturating_mul(1024)).unwrap_or(usize::MAX)
    }

    /// The most that what is remembered of prompts may take, beside the answers and also where those are in Redis.
    pub fn max_likeness_bytes(&self) -> u64 {
        (self.max_bytes() / LIKENESS_SHARE).min(MOST_LIKENESS_BYTES)
    }

    /// The most that answers in memory may take.
    pub fn max_bytes(&self) -> u64 {
        self.max_mb.get().saturating_mul(1024 * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_work_is_refused_by_its_name() {
        let read = |text: &str| toml::from_str::<CacheConfig>(text).map_err(|error| error.to_string());
        for (text, expected) in [
            ("max_mb = 1\nmax_entry_kb = 1025", "max_entry_kb: 1025 is more than the 1 MiB"),
            ("max_entry_kb = 10000000", "max_entry_kb: 10000000 is more than"),
            ("ttl_seconds = 99999999999", "ttl_seconds: 99999999999 is more than a year"),
        ] {
            let wrong = read(text).unwrap().check().unwrap_err();
            assert!(wrong.contains(expected), "{text}: {wrong}");
        }
        for text in ["ttl_seconds = 0", "max_mb = 0", "store = \"disk\"", "size = 1"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("").unwrap().check(), Ok(()));
    }
}
