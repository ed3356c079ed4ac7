//! `least_used`: the model that was chosen least often since the start; the cheaper one wins a tie.

use super::{Candidate, by_cost};

pub(super) fn rank(candidates: &mut [Candidate], times_chosen: impl Fn(&str) -> u64) -> String {
    candidates.sort_by(|a, b| times_chosen(&a.model).cmp(&times_chosen(&b.model)).then_with(|| by_cost(a, b)));
    let times = candidates.first().map_or(0, |first| times_chosen(&first.model));
    format!("the one chosen least often so far ({times} times)")
}
