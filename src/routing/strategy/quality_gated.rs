//! `quality_gated`: up the price ladder until the predicted quality clears the gate; the best there is if none does. The gate is a promise
//! about quality, so that slowness does not count against it.

use super::{Choosing, Contender, Rules, cheapest_clearing};

pub(super) struct QualityGated;

impl Rules for QualityGated {
    fn name(&self) -> &'static str {
        "quality_gated"
    }

    fn weighs_quality_against_cost(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let gate = choosing.config.quality_gate;
        cheapest_clearing(contenders, |contender| contender.quality >= gate);
        match contenders.first() {
            Some(first) if first.quality >= gate => {
                format!("the cheapest whose predicted quality clears the gate of {gate:.2}")
            }
            _ => format!("the best there is, for no model clears the gate of {gate:.2}"),
        }
    }
}
