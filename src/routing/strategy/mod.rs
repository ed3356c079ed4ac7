//! How a model is chosen among those that can serve: one small file a strategy, one function shape for all.

mod balanced;
mod best;
mod cheapest;
mod cost_weighted;
mod least_used;
mod quality_gated;
mod round_robin;

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Candidate, History, RouterConfig};

/// How `auto` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The lowest expected cost, whatever the quality.
    Cheapest,
    /// The cheapest that keeps a stated share of the best candidate's predicted quality.
    Balanced,
    /// The highest predicted quality.
    Best,
    /// The cheapest whose predicted quality clears the gate.
    QualityGated,
    /// The best predicted quality less a stated weight of the expected cost.
    CostWeighted,
    /// Every model that can serve, one after the other.
    RoundRobin,
    /// The model that strategies which spread the load chose least often since the start.
    LeastUsed,
}

/// A strategy name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "unknown strategy {0:?}; one of cheapest, balanced, best, quality_gated, cost_weighted, round_robin, least_used"
)]
pub struct UnknownStrategy(pub String);

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 7] = [
        Self::Cheapest,
        Self::Balanced,
        Self::Best,
        Self::QualityGated,
        Self::CostWeighted,
        Self::RoundRobin,
        Self::LeastUsed,
    ];

    /// The name used in the configuration and in decisions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cheapest => "cheapest",
            Self::Balanced => "balanced",
            Self::Best => "best",
            Self::QualityGated => "quality_gated",
            Self::CostWeighted => "cost_weighted",
            Self::RoundRobin => "round_robin",
            Self::LeastUsed => "least_used",
        }
    }

    /// Whether it weighs quality at all: if not, a prompt unlike anything seen is no reason to choose otherwise.
    pub(super) fn weighs_quality(self) -> bool {
        self != Self::Cheapest && !self.spreads_load()
    }

    /// Whether it looks at what was chosen before.
    pub(super) fn spreads_load(self) -> bool {
        matches!(self, Self::RoundRobin | Self::LeastUsed)
    }

    /// Puts the candidates in the order in which they should be tried and says why the first is first.
    /// `candidates` is not empty.
    pub(super) fn rank(self, candidates: &mut [Candidate], config: &RouterConfig, history: &History) -> String {
        match self {
            Self::Cheapest => cheapest::rank(candidates),
            Self::Balanced => balanced::rank(candidates, config.balanced_quality_share),
            Self::Best => best::rank(candidates),
            Self::QualityGated => quality_gated::rank(candidates, config.quality_gate),
            Self::CostWeighted => cost_weighted::rank(candidates, config.cost_weight),
            Self::RoundRobin => round_robin::rank(candidates, history.turn),
            Self::LeastUsed => least_used::rank(candidates, |model| history.times_chosen(model)),
        }
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.name() == text)
            .ok_or_else(|| UnknownStrategy(text.chars().take(60).collect()))
    }
}

/// Cheapest first; an unknown price comes after every known one; the better model wins a tie, then the name.
fn by_cost(a: &Candidate, b: &Candidate) -> Ordering {
    let cost = |candidate: &Candidate| candidate.expected_cost_usd.unwrap_or(f64::INFINITY);
    cost(a).total_cmp(&cost(b)).then(b.quality().total_cmp(&a.quality())).then_with(|| a.model.cmp(&b.model))
}

/// Best first; the cheaper model wins a tie.
fn by_quality(a: &Candidate, b: &Candidate) -> Ordering {
    b.quality().total_cmp(&a.quality()).then_with(|| by_cost(a, b))
}

/// The cheapest that clears `gate` first, the other clearing ones after it by cost, then the rest, best first.
fn cheapest_clearing(candidates: &mut [Candidate], gate: f64) {
    candidates.sort_by(|a, b| {
        let clears = |candidate: &Candidate| candidate.quality() >= gate;
        match (clears(a), clears(b)) {
            (true, true) => by_cost(a, b),
            (false, false) => by_quality(a, b),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    });
}
