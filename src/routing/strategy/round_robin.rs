//! `round_robin`: every model that can serve, one after the other.

use super::Candidate;

pub(super) fn rank(candidates: &mut [Candidate], turn: u64) -> String {
    let models = candidates.len().max(1);
    let first = usize::try_from(turn % models as u64).unwrap_or(0);
    // By name, so that the order of the configuration does not matter.
    candidates.sort_by(|a, b| a.model.cmp(&b.model));
    candidates.rotate_left(first);
    format!("number {} of the {models} that take turns", first + 1)
}
