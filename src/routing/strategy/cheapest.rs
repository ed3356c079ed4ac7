//! `cheapest`: the lowest expected cost among the models that can serve.

use super::{Choosing, Contender, Rules, by_cost};

pub(super) struct Cheapest;

impl Rules for Cheapest {
    fn name(&self) -> &'static str {
        "cheapest"
    }

    fn weighs_quality(&self) -> bool {
        false
    }

    fn rank(&self, contenders: &mut [Contender<'_>], _choosing: &Choosing<'_>) -> String {
        contenders.sort_by(by_cost);
        "the one with the lowest expected cost".into()
    }
}
