//! How long what waits for a model will take: its tokens, by what a token took of late. Knows nothing of texts, batches and threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// A pass moves the time of a token by this share of the difference: about the last eight passes count.
const SHARE: u64 = 8;

/// What waits or runs, and how fast it goes.
#[derive(Debug, Default)]
pub(super) struct QueueLoad {
    tokens: AtomicUsize,
    /// 0 before the first pass.
    nanos_a_token: AtomicU64,
}

/// A text's share of the load, until it is dropped.
pub(super) struct Counted {
    load: Arc<QueueLoad>,
    tokens: usize,
}

impl QueueLoad {
    /// Adds a text.
    pub(super) fn count(self: &Arc<Self>, tokens: usize) -> Counted {
        self.tokens.fetch_add(tokens, Ordering::Relaxed);
        Counted { load: Arc::clone(self), tokens }
    }

    /// Learns from a pass. Called by the one thread that runs them.
    pub(super) fn observe(&self, tokens: usize, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / tokens.max(1) as u64;
        let before = self.nanos_a_token.load(Ordering::Relaxed);
        let now = if before == 0 { took } else { before - before / SHARE + took / SHARE };
        self.nanos_a_token.store(now, Ordering::Relaxed);
    }

    /// How long a text that came now would wait at most; nothing before the first pass has told.
    pub(super) fn wait(&self) -> Duration {
        let tokens = self.tokens.load(Ordering::Relaxed) as u64;
        Duration::from_nanos(tokens.saturating_mul(self.nanos_a_token.load(Ordering::Relaxed)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.load.tokens.fetch_sub(self.tokens, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_tokens_by_what_one_takes() {
        let load = Arc::new(QueueLoad::default());
        let (first, _second) = (load.count(100), load.count(20));
        assert_eq!(load.wait(), Duration::ZERO, "nothing is known of the model yet");
        load.observe(10, Duration::from_millis(5));
        assert_eq!(load.wait(), Duration::from_millis(60));
        drop(first);
        assert_eq!(load.wait(), Duration::from_millis(10));
    }

    #[test]
    fn a_change_of_speed_is_followed() {
        let load = Arc::new(QueueLoad::default());
        let _text = load.count(1000);
        load.observe(1, Duration::from_micros(8));
        load.observe(1, Duration::from_micros(800));
        // An eighth of the way.
        assert_eq!(load.wait(), Duration::from_micros(107_000));
        for _ in 0..100 {
            load.observe(1, Duration::from_micros(800));
        }
        let wait = load.wait();
        assert!((Duration::from_millis(799)..=Duration::from_millis(800)).contains(&wait), "{wait:?}");
    }
}
