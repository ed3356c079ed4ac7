//! `parallel`: several models at once. Where the first answer counts, those that `balanced` would try first are asked; where the best one
//! counts, the ones of the highest predicted quality.

use std::time::Duration;

use super::balanced::Balanced;
use super::best::Best;
use super::{Candidate, Choosing, Contender, Plan, Rules};
use crate::routing::config::PickKind;
use crate::routing::plan::Pick;

pub(super) struct Parallel;

impl Rules for Parallel {
    fn name(&self) -> &'static str {
        "parallel"
    }

    fn weighs_cost(&self) -> bool {
        false
    }

    fn values_every_quality(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let parallel = &choosing.config.parallel;
        let first = match parallel.pick {
            PickKind::First => Balanced.rank(contenders, choosing),
            PickKind::Nearest | PickKind::Judge => Best.rank(contenders, choosing),
        };
        let counts = match parallel.pick {
            PickKind::First => "the first answer counts",
            PickKind::Nearest => "the answer nearest to the others' centre counts",
            PickKind::Judge => "a judge picks the answer",
        };
        format!("{first}; {} are asked at once and {counts}", parallel.at_once.min(contenders.len()))
    }

    fn plan(&self, candidates: Vec<Candidate>, choosing: &Choosing<'_>) -> Plan {
        let parallel = &choosing.config.parallel;
        let pick = match (parallel.pick, choosing.judge) {
            (PickKind::First, _) => Pick::First,
            (PickKind::Judge, Some(judge)) => Pick::Judge(judge.to_owned()),
            // A judge that may not see the request judges nothing.
            (PickKind::Nearest | PickKind::Judge, _) => Pick::Nearest,
        };
        let at_once = parallel.at_once.clamp(1, candidates.len().max(1));
        let patience = parallel.timeout_ms.map(|ms| Duration::from_millis(ms.get()));
        Plan::Race { candidates, at_once, pick, patience }
    }
}
