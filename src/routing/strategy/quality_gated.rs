//! `quality_gated`: up the price ladder until the predicted quality clears the gate; the best there is if none does.

use super::{Candidate, cheapest_clearing};

pub(super) fn rank(candidates: &mut [Candidate], gate: f64) -> String {
    cheapest_clearing(candidates, gate);
    match candidates.first() {
        Some(first) if first.quality() >= gate => {
            format!("the cheapest whose predicted quality clears the gate of {gate:.2}")
        }
        _ => format!("the best there is, for no model clears the gate of {gate:.2}"),
    }
}
