//! How busy an endpoint is and how long it takes to begin an answer: requests under way and a peak-sensitive moving average. Decides
//! nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After so long an observation counts for a third of what it did.
const DECAY: Duration = Duration::from_secs(10);

/// An average below this is none, or has faded; what an endpoint is taken for that is being looked at meanwhile.
const LITTLE_KNOWN_S: f64 = 1e-3;
const PENALTY_S: f64 = 10.0;

/// The load of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Load {
    in_flight: AtomicUsize,
    average: Mutex<Option<Average>>,
}

#[derive(Debug, Clone, Copy)]
struct Average {
    seconds: f64,
    at: Instant,
}

impl Load {
    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A request waited so long for its answer to begin, or for its failure. A longer wait than usual counts at once, a shorter one slowly
    /// (the peak EWMA of Finagle's load balancers).
    pub(super) fn observe(&self, waited: Duration, now: Instant) {
        let mut average = self.lock();
        let seconds = waited.as_secs_f64();
        let smoothed = match *average {
            Some(before) if seconds < before.seconds => {
                let kept = weight(before, now);
                before.seconds * kept + seconds * (1.0 - kept)
            }
            _ => seconds,
        };
        *average = Some(Average { seconds: smoothed, at: now });
    }

    /// A request waited so long and got nothing: that may make the endpoint slower than it was thought to be, and never quicker.
    pub(super) fn observe_at_least(&self, waited: Duration, now: Instant) {
        let is_longer = self.lock().is_none_or(|average| waited.as_secs_f64() > average.seconds * weight(average, now));
        if is_longer {
            self.observe(waited, now);
        }
    }

    /// What one request more has to expect, in arbitrary units. An endpoint that nobody has asked for long is worth another look, so its
    /// average decays.
    pub(super) fn cost(&self, now: Instant) -> f64 {
        let known = self.lock().map_or(0.0, |average| average.seconds * weight(average, now));
        // One look is enough until it has come back: a crowd would find out the same.
        let is_being_looked_at = known < LITTLE_KNOWN_S && self.in_flight() > 0;
        let seconds = if is_being_looked_at { known.max(PENALTY_S) } else { known };
        (seconds + 1e-3) * (self.in_flight() + 1) as f64
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Average>> {
        self.average.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(average: Average, now: Instant) -> f64 {
    (-now.saturating_duration_since(average.at).as_secs_f64() / DECAY.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let (load, start) = (Load::default(), Instant::now());
        load.observe(ms(100), start);
        load.observe(ms(900), start);
        let peak = load.cost(start);
        assert!(peak > 0.9, "{peak}");
        load.observe(ms(100), start + ms(100));
        let after = load.cost(start + ms(100));
        assert!(after > 0.8 && after < peak, "one good answer does not undo it: {after}");
        assert!(load.cost(start + Duration::from_secs(60)) < 0.01, "an endpoint that is never asked gets its chance");
    }

    #[test]
    fn a_wait_for_nothing_makes_an_endpoint_slower_and_never_quicker() {
        let (load, now) = (Load::default(), Instant::now());
        load.observe(ms(100), now);
        let before = load.cost(now);
        load.observe_at_least(ms(1), now);
        assert!((load.cost(now) - before).abs() < 1e-9, "a quick failure is no quick answer");
        load.observe_at_least(ms(700), now);
        assert!(load.cost(now) > 0.7);
    }

    #[test]
    fn every_request_under_way_makes_the_next_dearer() {
        let (load, now) = (Load::default(), Instant::now());
        load.observe(ms(100), now);
        let idle = load.cost(now);
        load.begin();
        assert!((load.cost(now) / idle - 2.0).abs() < 1e-9);
        load.end();
        assert_eq!(load.in_flight(), 0);
    }
}
