//! `least_used`: the model that was chosen least often since the start; the cheaper one wins a tie.

use super::{Choosing, Contender, Rules, by_cost};

pub(super) struct LeastUsed;

impl Rules for LeastUsed {
    fn name(&self) -> &'static str {
        "least_used"
    }

    fn weighs_quality(&self) -> bool {
        false
    }

    fn spreads_load(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let times = |contender: &Contender<'_>| choosing.live.history.times_chosen(&contender.model.name);
        contenders.sort_by(|a, b| times(a).cmp(&times(b)).then_with(|| by_cost(a, b)));
        format!("the one chosen least often so far ({} times)", contenders.first().map_or(0, times))
    }
}
