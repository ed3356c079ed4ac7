//! A circuit breaker: after too many failures an endpoint is left alone for a while, then one request at a time is let through to see
//! whether it is back. Knows nothing of what is sent.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// The latest outcomes that the share of failures is taken of.
const WINDOW: usize = 20;

/// When a breaker opens, and for how long: the `breaker` table of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// It opens after so many failures in a row. 0: never.
    pub failures: u32,
    /// It also opens when this share of the last 20 requests failed.
    pub failure_share: f64,
    /// How long it stays open at first; twice as long each time that the endpoint is not back.
    pub open_ms: u64,
    /// The longest that it stays open.
    pub max_open_ms: u64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, failure_share: 0.5, open_ms: 5_000, max_open_ms: 120_000 }
    }
}

impl BreakerConfig {
    /// What would make no sense, as `FIELD: what is wrong`.
    pub(in crate::gateway) fn check(&self) -> Result<(), String> {
        if !(self.failure_share > 0.0 && self.failure_share <= 1.0) {
            return Err(format!("failure_share: {} is not above 0 and at most 1", self.failure_share));
        }
        if self.open_ms == 0 || self.max_open_ms < self.open_ms {
            return Err("open_ms: must be above 0 and at most max_open_ms".into());
        }
        Ok(())
    }
}

/// One endpoint's breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Everything passes. The latest outcomes, `true` for a failure, and the failures in a row.
    Closed { recent: VecDeque<bool>, in_a_row: u32 },
    /// Nothing passes before `until`. It has opened `times` in a row.
    Open { until: Instant, times: u32, by_check: bool },
    /// One request is on its way to see, until `until`: then another one may, too.
    Probing { until: Instant, times: u32 },
}

/// How a request passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// As all do.
    Usual,
    /// To see whether the endpoint is back; its outcome decides, and it must be told.
    Probe,
    /// It is no request: somebody asked the endpoint how it is.
    Check,
}

impl Breaker {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self { config, state: Mutex::new(State::closed()) }
    }

    /// Until when nothing passes; `None` where something does.
    pub(super) fn shut_until(&self, now: Instant) -> Option<Instant> {
        match &*self.lock() {
            State::Closed { .. } => None,
            State::Open { until, .. } => (*until > now).then_some(*until),
            State::Probing { until, .. } => (*until > now).then_some(*until),
        }
    }

    /// Until when it is open, requests that go and see left out.
    pub(super) fn open_until(&self, now: Instant) -> Option<Instant> {
        match &*self.lock() {
            State::Open { until, .. } => (*until > now).then_some(*until),
            State::Closed { .. } | State::Probing { .. } => None,
        }
    }

    /// Another replica's breaker is open until then. One that is open here, or sees for itself, goes its own way.
    pub(super) fn open_as_told(&self, until: Instant) {
        let mut state = self.lock();
        if self.config.failures > 0 && matches!(&*state, State::Closed { .. }) {
            *state = State::Open { until, times: 0, by_check: false };
        }
    }

    /// Lets a request through, or not.
    pub(super) fn pass(&self, now: Instant) -> Option<Passage> {
        let mut state = self.lock();
        match &*state {
            State::Closed { .. } => Some(Passage::Usual),
            State::Open { until, times, .. } | State::Probing { until, times } if *until <= now => {
                *state = State::Probing { until: now + self.pause(*times), times: *times };
                Some(Passage::Probe)
            }
            State::Open { .. } | State::Probing { .. } => None,
        }
    }

    /// A request succeeded, or a check did.
    pub(super) fn note_success(&self, passage: Passage, now: Instant) {
        let mut state = self.lock();
        match (&mut *state, passage) {
            // Who answers checks may fail requests still, so what those counted stands.
            (State::Closed { .. }, Passage::Check) => {}
            (State::Closed { recent, in_a_row }, _) => {
                *in_a_row = 0;
                push(recent, false);
            }
            (_, Passage::Probe) | (State::Open { by_check: true, .. }, Passage::Check) => *state = State::closed(),
            // What opened it were requests, and who answers checks may fail them still: one may go and see.
            (State::Open { until, .. }, Passage::Check) => *until = (*until).min(now),
            // Sent before the breaker opened: an endpoint that fails every other request is not back by that.
            (State::Open { .. }, Passage::Usual) | (State::Probing { .. }, _) => {}
        }
    }

    /// A request failed by the endpoint's fault. Returns whether the breaker opened by it.
    pub(super) fn note_failure(&self, passage: Passage, now: Instant) -> bool {
        let mut state = self.lock();
        let times = match &mut *state {
            State::Closed { recent, in_a_row } => {
                *in_a_row += 1;
                push(recent, true);
                let failed = recent.iter().filter(|failed| **failed).count() as f64;
                let too_many = recent.len() == WINDOW && failed / WINDOW as f64 >= self.config.failure_share;
                if self.config.failures == 0 || !(*in_a_row >= self.config.failures || too_many) {
                    return false;
                }
                0
            }
            State::Probing { times, .. } if passage == Passage::Probe => *times + 1,
            // Sent before the breaker opened; it is known already.
            State::Open { .. } | State::Probing { .. } => return false,
        };
        *state = State::Open { until: now + self.pause(times), times, by_check: passage == Passage::Check };
        true
    }

    /// A probe came to no end of its own, as when its client left: another may try.
    pub(super) fn give_up_probe(&self, now: Instant) {
        let mut state = self.lock();
        if let State::Probing { times, .. } = *state {
            *state = State::Open { until: now, times, by_check: false };
        }
    }

    fn pause(&self, times: u32) -> Duration {
        let doubled = self.config.open_ms.saturating_mul(1 << times.min(20));
        Duration::from_millis(doubled.min(self.config.max_open_ms))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn closed() -> Self {
        Self::Closed { recent: VecDeque::with_capacity(WINDOW), in_a_row: 0 }
    }
}

fn push(recent: &mut VecDeque<bool>, failed: bool) {
    if recent.len() == WINDOW {
        recent.pop_front();
    }
    recent.push_back(failed);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: BreakerConfig = BreakerConfig { failures: 3, failure_share: 0.5, open_ms: 1_000, max_open_ms: 3_000 };

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn fail(breaker: &Breaker, times: usize, now: Instant) -> bool {
        (0..times).map(|_| breaker.note_failure(Passage::Usual, now)).fold(false, |opened, one| opened | one)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_success_begins_the_count_anew() {
        let (breaker, now) = (Breaker::new(CONFIG), Instant::now());
        assert!(!fail(&breaker, 2, now));
        breaker.note_success(Passage::Usual, now);
        assert!(!fail(&breaker, 2, now) && breaker.pass(now) == Some(Passage::Usual));
        assert!(fail(&breaker, 1, now));
        assert_eq!((breaker.pass(now), breaker.shut_until(now)), (None, Some(after(now, 1_000))));
    }

    #[test]
    fn it_opens_when_half_of_the_latest_fail() {
        let (breaker, now) = (Breaker::new(CONFIG), Instant::now());
        let mut opened = 0;
        for _ in 0..WINDOW {
            breaker.note_success(Passage::Usual, now);
            opened += usize::from(fail(&breaker, 1, now));
        }
        assert!(opened == 1 && breaker.pass(now).is_none());
    }

    #[test]
    fn one_probe_at_a_time_decides_and_the_pause_doubles_up_to_its_bound() {
        let (breaker, start) = (Breaker::new(CONFIG), Instant::now());
        fail(&breaker, 3, start);
        let mut now = start;
        for pause in [1_000, 2_000, 3_000, 3_000] {
            assert_eq!(breaker.pass(after(now, pause - 1)), None, "{pause}");
            now = after(now, pause);
            assert_eq!((breaker.shut_until(now), breaker.pass(now)), (None, Some(Passage::Probe)));
            assert_eq!(breaker.pass(now), None, "a second probe");
            assert!(!breaker.note_failure(Passage::Usual, now), "a straggler decides nothing");
            assert!(breaker.note_failure(Passage::Probe, now));
        }
        now = after(now, 3_000);
        assert_eq!(breaker.pass(now), Some(Passage::Probe));
        breaker.give_up_probe(now);
        assert_eq!(breaker.pass(now), Some(Passage::Probe), "a probe that was given up lets another try");
        breaker.note_success(Passage::Usual, now);
        assert_eq!(breaker.pass(now), None, "a straggler's success decides nothing either");
        breaker.note_success(Passage::Probe, now);
        assert_eq!(breaker.pass(now), Some(Passage::Usual));
    }

    #[test]
    fn a_check_closes_what_checks_opened_and_lets_one_request_see_about_the_rest() {
        let (breaker, now) = (Breaker::new(CONFIG), Instant::now());
        for _ in 0..3 {
            breaker.note_failure(Passage::Check, now);
        }
        assert_eq!(breaker.pass(now), None);
        breaker.note_success(Passage::Check, now);
        assert_eq!(breaker.pass(now), Some(Passage::Usual));
        fail(&breaker, 3, now);
        breaker.note_success(Passage::Check, now);
        assert_eq!((breaker.pass(now), breaker.pass(now)), (Some(Passage::Probe), None));
        breaker.note_success(Passage::Check, now);
        assert!(breaker.note_failure(Passage::Probe, now), "the request decides");
        assert_eq!(breaker.shut_until(now), Some(after(now, 2_000)));
    }

    #[test]
    fn it_can_be_switched_off() {
        let breaker = Breaker::new(BreakerConfig { failures: 0, ..CONFIG });
        assert!(!fail(&breaker, 100, Instant::now()) && breaker.pass(Instant::now()).is_some());
    }
}
