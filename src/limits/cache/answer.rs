//! An answer as it is kept: a whole chat completion, whoever asked for it and whether or not it came as a stream. Holds nothing of the question.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What every entry takes beside its texts, about.
const OVERHEAD_BYTES: usize = 256;

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedAnswer {
    /// The completion as JSON.
    pub completion: Bytes,
    /// The model that answered, by its name in the registry.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Fields of the request that the provider was not given.
    pub dropped: Vec<String>,
    /// When it was given, in milliseconds since 1970.
    pub stored_unix_ms: u64,
    /// How long it may be given again.
    pub ttl: Duration,
}

/// An answer as Redis holds it.
#[derive(Serialize, Deserialize)]
struct Written {
    model: String,
    provider: String,
    dropped: Vec<String>,
    stored_unix_ms: u64,
    ttl_ms: u64,
    completion: Box<RawValue>,
}

impl CachedAnswer {
    /// How old it is; none where clocks disagree.
    pub fn age(&self, now_unix_ms: u64) -> Duration {
        Duration::from_millis(now_unix_ms.saturating_sub(self.stored_unix_ms))
    }

    /// Whether its time is not over.
    pub(super) fn is_fresh(&self, now_unix_ms: u64) -> bool {
        self.age(now_unix_ms) < self.ttl
    }

    /// About what it takes in memory.
    pub(super) fn weight(&self) -> usize {
        let dropped: usize = self.dropped.iter().map(String::len).sum();
        self.completion.len() + self.model.len() + self.provider.len() + dropped + OVERHEAD_BYTES
    }

    /// As JSON; `None` where the completion is none.
    pub(super) fn to_json(&self) -> Option<Vec<u8>> {
        let completion = std::str::from_utf8(&self.completion).ok()?.to_owned();
        let written = Written {
            model: self.model.clone(),
            provider: self.provider.clone(),
            dropped: self.dropped.clone(),
            stored_unix_ms: self.stored_unix_ms,
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            completion: RawValue::from_string(completion).ok()?,
        };
        serde_json::to_vec(&written).ok()
    }

    /// From JSON; `None` where it is something else, as after a change of this program.
    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(json).ok()?;
        Some(Self {
            completion: Bytes::copy_from_slice(written.completion.get().as_bytes()),
            model: written.model,
            provider: written.provider,
            dropped: written.dropped,
            stored_unix_ms: written.stored_unix_ms,
            ttl: Duration::from_millis(written.ttl_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_survives_being_written_to_the_byte() {
        let answer = CachedAnswer {
            completion: Bytes::from_static(b"{\"choices\":[{\"logprob\": -0.50, \"n\": 1e2}]}"),
            model: "m".into(),
            provider: "p".into(),
            dropped: vec!["seed".into()],
            stored_unix_ms: 5,
            ttl: Duration::from_millis(10),
        };
        assert_eq!(CachedAnswer::from_json(&answer.to_json().unwrap()), Some(answer.clone()));
        assert_eq!(CachedAnswer::from_json(b"{}"), None);
        assert_eq!((answer.is_fresh(14), answer.is_fresh(15), answer.is_fresh(0)), (true, false, true));
    }
}
