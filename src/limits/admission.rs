//! How many requests may be under way at once. Those beyond are turned away at once, never queued, so that load cannot pile up.

use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests under way.
pub const IN_FLIGHT: &str = "semroute_requests_in_flight";
/// Requests turned away because too many were under way.
pub const REJECTIONS: &str = "semroute_admission_rejections_total";

/// The places for requests.
#[derive(Clone)]
pub struct Admission {
    places: Arc<Semaphore>,
    max_in_flight: usize,
}

/// One place; free again when dropped. A stream keeps its place until its end.
pub struct Permit {
    _place: OwnedSemaphorePermit,
}

impl Admission {
    /// Places for this many requests.
    pub fn new(max_in_flight: usize) -> Self {
        let max_in_flight = max_in_flight.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(max_in_flight)), max_in_flight }
    }

    /// A place, or `None` when all are taken.
    pub fn admit(&self) -> Option<Permit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            gauge!(IN_FLIGHT).increment(1);
            return Some(Permit { _place: place });
        }
        counter!(REJECTIONS).increment(1);
        None
    }

    /// The requests under way.
    pub fn in_flight(&self) -> usize {
        self.max_in_flight - self.places.available_permits()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_permit_is_dropped() {
        let admission = Admission::new(1);
        let first = admission.admit().unwrap();
        assert!(admission.admit().is_none());
        assert_eq!(admission.in_flight(), 1);
        drop(first);
        assert!(admission.admit().is_some());
    }
}
