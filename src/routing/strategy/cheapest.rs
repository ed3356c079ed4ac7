//! `cheapest`: the lowest expected cost among the models that can serve.

use super::{Candidate, by_cost};

pub(super) fn rank(candidates: &mut [Candidate]) -> String {
    candidates.sort_by(by_cost);
    "the one with the lowest expected cost".into()
}
