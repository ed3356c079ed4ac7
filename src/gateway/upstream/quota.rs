//! What a key may still ask of an endpoint: until when it has to wait, and what the provider says is left. Only a provider's own words and
//! statuses count; nothing is guessed from the number of requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::rate_headers::RateHeaders;
use crate::gateway::attempt::Shut;

/// The pause after a rate limit that names none; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A longer pause is somebody's mistake, or a quota of a day: it is looked at again after this.
const LONGEST_NAMED_PAUSE: Duration = Duration::from_secs(3600);

/// One key's quota.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Quota(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    until: Option<Instant>,
    /// It waits because the provider is not well and asked for a pause, and not for its rate limit.
    is_unwell: bool,
    /// Rate limits in a row.
    strikes: u32,
    /// The smaller of the shares of requests and tokens that are left, where the provider tells.
    left_share: Option<f64>,
}

impl Quota {
    /// Until when it has to wait; `None` where it need not.
    pub(super) fn shut_until(&self, now: Instant) -> Option<Instant> {
        self.lock().until.filter(|until| *until > now)
    }

    /// Why it has to wait, where it has.
    pub(super) fn why_shut(&self) -> Shut {
        if self.lock().is_unwell { Shut::Breaker } else { Shut::RateLimit }
    }

    /// The provider is not well and asked for this pause.
    pub(super) fn rest(&self, pause: Duration, now: Instant) {
        let mut state = self.lock();
        state.is_unwell = state.until.is_none_or(|until| until <= now);
        state.until = state.until.max(Some(now + pause.min(LONGEST_NAMED_PAUSE)));
    }

    /// Another replica was asked for this pause.
    pub(super) fn wait_as_told(&self, pause: Duration, now: Instant) {
        let mut state = self.lock();
        state.until = state.until.max(Some(now + pause.min(LONGEST_NAMED_PAUSE)));
    }

    /// The share that is left of what the provider grants; 1 where nothing is known.
    pub(super) fn left_share(&self) -> f64 {
        self.lock().left_share.unwrap_or(1.0)
    }

    /// The provider refused because of its rate limit, and asked for this pause or for none.
    pub(super) fn strike(&self, named: Option<Duration>, now: Instant) {
        let mut state = self.lock();
        // Requests that were under way together meet one limit, not one each.
        let is_known = state.until.is_some_and(|until| until > now);
        if is_known && named.is_none() {
            return;
        }
        let usual = FIRST_PAUSE.saturating_mul(1 << state.strikes.min(10)).min(LONGEST_PAUSE);
        let pause = named.unwrap_or(usual).min(LONGEST_NAMED_PAUSE);
        state.strikes = state.strikes.saturating_add(u32::from(!is_known));
        state.until = state.until.max(Some(now + pause));
        state.is_unwell = false;
    }

    /// An answer came: the next rate limit is the first one again. What the same answer's headers said stays.
    pub(super) fn clear_strikes(&self) {
        self.lock().strikes = 0;
    }

    /// The key was accepted after all.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.strikes = 0;
        state.until = None;
    }

    /// What the headers of an answer say is left. Where nothing is, the next request waits until there is.
    pub(super) fn read(&self, headers: &RateHeaders, now: Instant) {
        let mut state = self.lock();
        if headers.left_share.is_some() {
            state.left_share = headers.left_share;
        }
        if let Some(pause) = headers.used_up_for {
            state.until = state.until.max(Some(now + pause.min(LONGEST_NAMED_PAUSE)));
            state.is_unwell = false;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_named_pause_is_kept_and_an_unnamed_one_doubles() {
        let (quota, now) = (Quota::default(), Instant::now());
        quota.strike(Some(seconds(7)), now);
        assert_eq!(quota.shut_until(now), Some(now + seconds(7)));
        quota.strike(Some(seconds(2)), now);
        assert_eq!(quota.shut_until(now), Some(now + seconds(7)), "a shorter one does not shorten it");
        assert_eq!(quota.shut_until(now + seconds(8)), None);

        let (quota, mut at) = (Quota::default(), now);
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            (0..20).for_each(|_| quota.strike(None, at));
            assert_eq!(quota.shut_until(at), Some(at + seconds(pause)), "a crowd that meets one limit is one strike");
            at += seconds(pause);
        }
        quota.clear();
        quota.strike(None, now);
        assert_eq!(quota.shut_until(now), Some(now + seconds(1)));
        quota.strike(Some(seconds(1_000_000)), now);
        assert_eq!(quota.shut_until(now), Some(now + LONGEST_NAMED_PAUSE));
    }
}
