//! `best`: the highest predicted quality; cost only breaks ties.

use super::{Candidate, by_quality};

pub(super) fn rank(candidates: &mut [Candidate]) -> String {
    candidates.sort_by(by_quality);
    "the one with the highest predicted quality".into()
}
