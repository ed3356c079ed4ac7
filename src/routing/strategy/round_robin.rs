//! `round_robin`: every model that can serve, one after the other.

use super::{Choosing, Contender, Rules};

pub(super) struct RoundRobin;

impl Rules for RoundRobin {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn weighs_quality(&self) -> bool {
        false
    }

    fn spreads_load(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let models = contenders.len().max(1);
        let first = usize::try_from(choosing.live.history.turn % models as u64).unwrap_or(0);
        // By name, so that the order of the configuration does not matter.
        contenders.sort_by(|a, b| a.model.name.cmp(&b.model.name));
        contenders.rotate_left(first);
        format!("number {} of the {models} that take turns", first + 1)
    }
}
