//! How a model is chosen among those that can serve: one small file a strategy, one function shape for all.

mod balanced;
mod best;
mod cheapest;
mod quality_gated;

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Candidate, RouterConfig};

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
}

/// A strategy name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown strategy {0:?}; one of cheapest, balanced, best, quality_gated")]
pub struct UnknownStrategy(pub String);

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Cheapest, Self::Balanced, Self::Best, Self::QualityGated];

    /// The name used in the configuration and in decisions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cheapest => "cheapest",
            Self::Balanced => "balanced",
            Self::Best => "best",
            Self::QualityGated => "quality_gated",
        }
    }

    /// Puts the candidates in the order in which they should be tried and says why the first is first.
    /// `candidates` is not empty.
    pub(super) fn rank(self, candidates: &mut [Candidate], config: &RouterConfig) -> String {
        match self {
            Self::Cheapest => cheapest::rank(candidates),
            Self::Balanced => balanced::rank(candidates, config.balanced_quality_share),
            Self::Best => best::rank(candidates),
            Self::QualityGated => quality_gated::rank(candidates, config.quality_gate),
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
