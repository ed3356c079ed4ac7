//! `cost_weighted`: the best predicted quality after a stated weight of the expected cost is taken off.

use super::{Candidate, by_cost};

pub(super) fn rank(candidates: &mut [Candidate], cost_weight: f64) -> String {
    // An unknown cost comes last, for it could be any; unless cost does not count.
    let worth = |candidate: &Candidate| match candidate.expected_cost_usd {
        Some(cost) => candidate.quality() - cost_weight * cost,
        None if cost_weight == 0.0 => candidate.quality(),
        None => f64::NEG_INFINITY,
    };
    candidates.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| by_cost(a, b)));
    format!("the one with the most quality less cost, a cent counting as {:.2} of quality", cost_weight / 100.0)
}
