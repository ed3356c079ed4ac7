//! `best`: the highest predicted quality; cost only breaks ties.

use super::{Choosing, Contender, Rules, by_value};

pub(super) struct Best;

impl Rules for Best {
    fn name(&self) -> &'static str {
        "best"
    }

    fn weighs_cost(&self) -> bool {
        false
    }

    fn values_every_quality(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], _choosing: &Choosing<'_>) -> String {
        contenders.sort_by(by_value);
        "the one with the highest predicted quality".into()
    }
}
