//! `balanced`: the cheapest model that keeps a stated share of the best candidate's predicted quality.

use super::{Candidate, cheapest_clearing};

pub(super) fn rank(candidates: &mut [Candidate], quality_share: f64) -> String {
    let best = candidates.iter().map(|candidate| candidate.quality()).fold(0.0, f64::max);
    cheapest_clearing(candidates, best * quality_share);
    format!("the cheapest that keeps {:.0}% of the best predicted quality ({best:.2})", quality_share * 100.0)
}
