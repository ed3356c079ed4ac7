//! `balanced`: the cheapest model that keeps a stated share of the best contender's predicted quality.

use super::{Choosing, Contender, Rules, cheapest_clearing, share_of_best};

pub(super) struct Balanced;

impl Rules for Balanced {
    fn name(&self) -> &'static str {
        "balanced"
    }

    fn weighs_quality_against_cost(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let share = choosing.terms.quality_share;
        let best = contenders.iter().map(|contender| contender.quality).fold(0.0, f64::max);
        let gate = share_of_best(contenders, share);
        cheapest_clearing(contenders, |contender| contender.value >= gate);
        format!("the cheapest that keeps {:.0}% of the best predicted quality ({best:.2})", share * 100.0)
    }
}
