//! When a plan in which nobody answered is gone through once more, and how long is waited before. Sends nothing.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::Deserialize;

use super::attempt::{Attempt, Failure};

/// `[retry]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// How often a plan in which nobody answered is gone through again, where a later try may do better.
    pub rounds: u32,
    /// The pause before the first of them; twice as long each time, and longer by chance by up to as much again.
    pub backoff_ms: u64,
    /// The longest pause.
    pub max_backoff_ms: u64,
    /// A provider that asks for a longer pause is not waited for.
    pub max_wait_ms: u64,
    /// For a request as a whole, until its answer begins.
    pub deadline_ms: u64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { rounds: 1, backoff_ms: 250, max_backoff_ms: 4_000, max_wait_ms: 10_000, deadline_ms: 600_000 }
    }
}

impl RetryConfig {
    /// What would make no sense, as `FIELD: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        if self.deadline_ms == 0 {
            return Err("deadline_ms: 0 would fail every request; give milliseconds or leave it out".into());
        }
        if self.rounds > 10 {
            return Err(format!("rounds: {} is above 10, and a client will not wait for so long", self.rounds));
        }
        if self.backoff_ms > self.max_backoff_ms {
            return Err("backoff_ms: must be at most max_backoff_ms".into());
        }
        Ok(())
    }

    /// The pauses between the rounds, one after the other.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> {
        ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(self.backoff_ms))
            .with_max_delay(Duration::from_millis(self.max_backoff_ms))
            .with_max_times(self.rounds as usize)
            .with_jitter()
            .build()
    }

    /// How long to wait after these tries, where the next pause would be `pause`; `None` where it is not worth it. Whoever named no time
    /// may be back after the pause; where all did, nobody is before the soonest of them.
    pub(super) fn wait_after(&self, tries: &[Attempt], pause: Duration) -> Option<Duration> {
        let mut passing =
            tries.iter().filter_map(|attempt| attempt.outcome.failure()).filter(|f| f.is_passing()).peekable();
        passing.peek()?;
        let named: Option<Vec<Duration>> = passing.map(Failure::wait).collect();
        let soonest = named.and_then(|named| named.into_iter().min()).unwrap_or_default();
        (soonest <= Duration::from_millis(self.max_wait_ms)).then(|| soonest.max(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::{Outcome, Shut, TimeoutKind};
    use super::*;

    const PAUSE: Duration = Duration::from_millis(300);

    fn wait_after(failures: Vec<Failure>) -> Option<Duration> {
        let attempt = |failure| Attempt {
            model: "m".into(),
            provider: "p".into(),
            outcome: Outcome::Failed(failure),
            elapsed: Duration::ZERO,
        };
        RetryConfig::default().wait_after(&failures.into_iter().map(attempt).collect::<Vec<_>>(), PAUSE)
    }

    fn status(status: u16, seconds: Option<u64>) -> Failure {
        Failure::Status { status, retry_after: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn a_provider_is_waited_for_as_long_as_it_asks_and_no_longer_than_is_worth_it() {
        assert_eq!(wait_after(vec![status(500, None)]), Some(PAUSE));
        assert_eq!(wait_after(vec![status(429, Some(3)), status(429, Some(60))]), Some(Duration::from_secs(3)));
        assert_eq!(wait_after(vec![status(429, Some(60)), status(503, None)]), Some(PAUSE), "the other may be back");
        assert_eq!(wait_after(vec![status(429, Some(60))]), None);
        assert_eq!(wait_after(vec![status(429, Some(0))]), Some(PAUSE));
        let shut = Failure::Shut { why: Shut::Breaker, wait: Some(Duration::from_secs(2)) };
        assert_eq!(wait_after(vec![shut]), Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_will_not_pass_is_not_tried_again() {
        for failure in [
            status(401, None),
            status(404, None),
            status(302, None),
            Failure::Unsupported("sound"),
            Failure::Timeout(TimeoutKind::FirstByte),
            Failure::NotConfigured,
        ] {
            assert_eq!(wait_after(vec![failure.clone()]), None, "{failure}");
        }
        assert_eq!(wait_after(vec![status(401, None), Failure::Connect("refused".into())]), Some(PAUSE));
    }

    #[test]
    fn pauses_double_with_chance_and_end() {
        let config = RetryConfig { rounds: 4, backoff_ms: 100, max_backoff_ms: 300, ..RetryConfig::default() };
        for _ in 0..50 {
            let pauses: Vec<u128> = config.pauses().map(|pause| pause.as_millis()).collect();
            assert_eq!(pauses.len(), 4);
            for (pause, least) in pauses.iter().zip([100, 200, 300, 300]) {
                assert!((least..=2 * least + 1).contains(pause), "{pauses:?}");
            }
        }
        assert_eq!(RetryConfig { rounds: 0, ..config }.pauses().count(), 0);
    }
}
