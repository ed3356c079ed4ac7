//! The cache as a request meets it: looked into before anything is decided, and given the answer when that is whole. A changed configuration
//! begins anew, because what it would answer nobody knows.

use std::sync::Arc;
use std::time::Duration;

use super::likeness::Likeness;
use super::memory::MemoryStore;
use super::redis::RedisStore;
use super::{CacheConfig, CacheError, CacheKey, CacheStore, CachedAnswer, KeyWriter};
use crate::limits::shared::SharedConfig;

/// The cache. Cheap to clone.
#[derive(Clone)]
pub struct ResponseCache {
    config: CacheConfig,
    generation: Arc<str>,
    store: Store,
    likeness: Option<Arc<Likeness>>,
}

#[derive(Clone)]
enum Store {
    Memory(Arc<MemoryStore>),
    Redis(Arc<RedisStore>),
}

impl ResponseCache {
    /// A cache as it is configured. `read_variable` is given the name of the variable with the password of Redis; `generation` names everything
    /// beside the request that an answer depends on.
    pub fn build(
        config: &CacheConfig,
        shared: Option<&SharedConfig>,
        read_variable: impl Fn(&str) -> Option<String>,
        generation: &str,
    ) -> Result<Self, CacheError> {
        let store = match config.store {
            CacheStore::Memory => Store::Memory(Arc::new(MemoryStore::new(config.max_bytes()))),
            CacheStore::Redis => {
                let shared = shared.ok_or(CacheError::NoSharedUrl)?;
                Store::Redis(Arc::new(RedisStore::new(shared.client(read_variable)?, &shared.prefix)))
            }
        };
        Ok(Self { config: config.clone(), generation: generation.into(), store, likeness: None })
    }

    /// With answers given to prompts that say nearly the same, where a route asks for it.
    #[must_use]
    pub fn with_likeness(self, likeness: Likeness) -> Self {
        Self { likeness: Some(Arc::new(likeness)), ..self }
    }

    /// Goes on with the answers of another cache, where nothing that they depend on has changed.
    #[must_use]
    pub fn inheriting(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.config == self.config && before.generation == self.generation => before.clone(),
            _ => self,
        }
    }

    /// The `[cache]` table.
    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// What tells prompts that say nearly the same; `None` where no route asks.
    pub fn likeness(&self) -> Option<&Likeness> {
        self.likeness.as_deref()
    }

    /// Begins a key: by it, no caller is given what another one asked, and no configuration what another one answered.
    pub fn key(&self, kind: &str, caller: Option<&str>) -> KeyWriter {
        let mut key = KeyWriter::new(kind);
        key.text(&self.generation);
        key.optional(caller);
        key
    }

    /// The answer by this name, if its time is not over. Waits only for Redis, and not for long.
    pub async fn get(&self, key: &CacheKey, now_unix_ms: u64) -> Option<CachedAnswer> {
        let answer = match &self.store {
            Store::Memory(store) => store.get(key),
            Store::Redis(store) => store.get(key).await,
        };
        answer.filter(|answer| answer.is_fresh(now_unix_ms))
    }

    /// Keeps an answer, unless it is too long. Waits for nothing. Returns whether it is kept.
    pub fn put(&self, key: CacheKey, answer: CachedAnswer) -> bool {
        if answer.completion.len() > self.config.max_entry_bytes() || answer.ttl == Duration::ZERO {
            return false;
        }
        match &self.store {
            Store::Memory(store) => store.put(key, answer),
            Store::Redis(store) => store.put(key, &answer),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(toml: &str) -> ResponseCache {
        ResponseCache::build(&toml::from_str(toml).unwrap(), None, |_| None, "one").unwrap()
    }

    fn answer(text: &str, ttl_ms: u64) -> CachedAnswer {
        CachedAnswer {
            completion: text.to_owned().into(),
            model: "m".into(),
            provider: "p".into(),
            dropped: Vec::new(),
            stored_unix_ms: 1000,
            ttl: Duration::from_millis(ttl_ms),
        }
    }

    #[tokio::test]
    async fn an_answer_is_there_until_its_time_is_over() {
        let cache = cache("");
        let key = cache.key("test", None).finish();
        assert!(cache.put(key, answer("{}", 3_600_000)));
        assert_eq!(cache.get(&key, 1000 + 3_599_999).await, Some(answer("{}", 3_600_000)));
        assert_eq!(cache.get(&key, 1000 + 3_600_000).await, None);
        assert_eq!(cache.get(&cache.key("test", Some("a")).finish(), 1000).await, None);
    }

    #[tokio::test]
    async fn what_is_held_is_bounded_in_bytes_and_so_is_one_answer() {
        let cache = cache("max_mb = 1\nmax_entry_kb = 64");
        let long = "x".repeat(64 * 1024);
        for at in 0..100_u64 {
            let mut key = cache.key("test", None);
            key.bytes(&at.to_le_bytes());
            assert!(cache.put(key.finish(), answer(&long, 3_600_000)));
        }
        let Store::Memory(memory) = &cache.store else { panic!("not in memory") };
        assert!((1..=1024 * 1024).contains(&memory.held_bytes()), "{}", memory.held_bytes());
        let key = cache.key("longer", None).finish();
        assert!(!cache.put(key, answer(&(long + "x"), 3_600_000)));
        assert_eq!(cache.get(&key, 1000).await, None);
    }

    #[tokio::test]
    async fn only_an_unchanged_configuration_goes_on_with_the_answers() {
        let before = cache("");
        let put = |cache: &ResponseCache| cache.put(cache.key("test", None).finish(), answer("{}", 3_600_000));
        assert!(put(&before));
        let key_of = |cache: &ResponseCache| cache.key("test", None).finish();
        let same = cache("").inheriting(Some(&before));
        assert!(same.get(&key_of(&same), 1000).await.is_some());
        let other = ResponseCache { generation: "two".into(), ..cache("") }.inheriting(Some(&before));
        assert_eq!(other.get(&key_of(&other), 1000).await, None);
        assert_ne!(key_of(&other), key_of(&before));
        let smaller = cache("max_mb = 8").inheriting(Some(&before));
        assert_eq!(smaller.get(&key_of(&smaller), 1000).await, None);
    }

    #[test]
    fn redis_needs_an_address_and_its_password_and_never_repeats_them() {
        let config: CacheConfig = toml::from_str("store = \"redis\"").unwrap();
        let wrong = |shared: Option<&str>| {
            let shared = shared.map(|text| toml::from_str::<SharedConfig>(text).unwrap());
            ResponseCache::build(&config, shared.as_ref(), |_| None, "one").map(drop).unwrap_err().to_string()
        };
        assert!(wrong(None).contains("[shared] url"), "{}", wrong(None));
        let no_address = wrong(Some("url = \"http://:hunter2@host\""));
        assert!(no_address.starts_with("shared.url") && !no_address.contains("hunter2"), "{no_address}");
        let no_password = wrong(Some("url = \"redis://host\"\npassword_env = \"P\""));
        assert!(no_password.starts_with("shared.password_env: the environment variable P"), "{no_password}");
    }
}
