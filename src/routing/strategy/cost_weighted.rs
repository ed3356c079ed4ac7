//! `cost_weighted`: the best predicted quality after a stated weight of the expected cost is taken off.

use super::{Choosing, Contender, Rules, by_cost};

pub(super) struct CostWeighted;

impl Rules for CostWeighted {
    fn name(&self) -> &'static str {
        "cost_weighted"
    }

    fn values_every_quality(&self) -> bool {
        true
    }

    fn weighs_quality_against_cost(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let cost_weight = choosing.config.cost_weight;
        // An unknown cost comes last, for it could be any; unless cost does not count.
        let worth = |contender: &Contender<'_>| match contender.cost_usd {
            Some(cost) => contender.value - cost_weight * cost,
            None if cost_weight == 0.0 => contender.value,
            None => f64::NEG_INFINITY,
        };
        contenders.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| by_cost(a, b)));
        format!("the one with the most quality less cost, a cent counting as {:.2} of quality", cost_weight / 100.0)
    }
}
