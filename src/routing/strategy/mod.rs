//! How a model is chosen among those that can serve: one small file a strategy, all behind one trait.

mod balanced;
mod best;
mod cascade;
mod cheapest;
mod cost_weighted;
mod least_used;
mod parallel;
mod quality_gated;
mod round_robin;
mod semantic;

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::contender::Contender;
use super::select::Choosing;
use super::{Candidate, Plan};

/// How `auto` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// The models of the archetype that the prompt is nearest to.
    Semantic,
    /// Every model that can serve, one after the other.
    RoundRobin,
    /// The model that strategies which spread the load chose least often since the start.
    LeastUsed,
    /// A cheap model first, better ones where its answer does not convince.
    Cascade,
    /// Several models at once.
    Parallel,
}

/// A strategy name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown strategy {0:?}; one of {names}", names = Strategy::ALL.map(Strategy::name).join(", "))]
pub struct UnknownStrategy(pub String);

/// What a strategy is made of.
pub(super) trait Rules: Sync {
    /// The name used in the configuration and in decisions.
    fn name(&self) -> &'static str;

    /// Puts the contenders in the order in which they should be tried and says why the first is first. There is at least one.
    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String;

    /// Whether it weighs quality at all: if not, a prompt unlike anything seen is no reason to choose otherwise.
    fn weighs_quality(&self) -> bool {
        true
    }

    /// Whether more quality is always worth something, or only up to a gate.
    fn values_every_quality(&self) -> bool {
        false
    }

    /// Whether it weighs what a request costs.
    fn weighs_cost(&self) -> bool {
        true
    }

    /// Whether its first model is the one that predicted quality and cost speak for together.
    fn weighs_quality_against_cost(&self) -> bool {
        false
    }

    /// Whether it looks at what was chosen before, and a conversation is therefore not held to its model.
    fn spreads_load(&self) -> bool {
        false
    }

    /// The contenders that the plan names, best-ranked first: at most `most` of them, changing provider as early as they can.
    fn shorten<'a>(&self, ranked: Vec<Contender<'a>>, most: usize) -> Vec<Contender<'a>> {
        let mut chain = alternate_providers(ranked);
        chain.truncate(most);
        chain
    }

    /// What the gateway is asked to do with them.
    fn plan(&self, candidates: Vec<Candidate>, _choosing: &Choosing<'_>) -> Plan {
        Plan::Chain(candidates)
    }
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 10] = [
        Self::Cheapest,
        Self::Balanced,
        Self::Best,
        Self::QualityGated,
        Self::CostWeighted,
        Self::Semantic,
        Self::RoundRobin,
        Self::LeastUsed,
        Self::Cascade,
        Self::Parallel,
    ];

    /// The name used in the configuration and in decisions.
    pub fn name(self) -> &'static str {
        self.rules().name()
    }

    /// Whether it gives every model that can serve its turn.
    pub fn spreads_load(self) -> bool {
        self.rules().spreads_load()
    }

    pub(super) fn rules(self) -> &'static dyn Rules {
        match self {
            Self::Cheapest => &cheapest::Cheapest,
            Self::Balanced => &balanced::Balanced,
            Self::Best => &best::Best,
            Self::QualityGated => &quality_gated::QualityGated,
            Self::CostWeighted => &cost_weighted::CostWeighted,
            Self::Semantic => &semantic::Semantic,
            Self::RoundRobin => &round_robin::RoundRobin,
            Self::LeastUsed => &least_used::LeastUsed,
            Self::Cascade => &cascade::Cascade,
            Self::Parallel => &parallel::Parallel,
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
fn by_cost(a: &Contender<'_>, b: &Contender<'_>) -> Ordering {
    let tie = || b.value.total_cmp(&a.value).then_with(|| a.model.name.cmp(&b.model.name));
    a.cost().total_cmp(&b.cost()).then_with(tie)
}

/// Best first; the cheaper model wins a tie.
fn by_value(a: &Contender<'_>, b: &Contender<'_>) -> Ordering {
    b.value.total_cmp(&a.value).then_with(|| by_cost(a, b))
}

/// The value that keeps this share of the best one.
fn share_of_best(contenders: &[Contender<'_>], share: f64) -> f64 {
    let best = contenders.iter().map(|contender| contender.value).fold(f64::NEG_INFINITY, f64::max);
    best - (1.0 - share) * best.abs()
}

/// The cheapest that clears `gate` first, the other clearing ones after it by cost, then the rest, best first.
fn cheapest_clearing(contenders: &mut [Contender<'_>], clears: impl Fn(&Contender<'_>) -> bool) {
    contenders.sort_by(|a, b| match (clears(a), clears(b)) {
        (true, true) => by_cost(a, b),
        (false, false) => by_value(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    });
}

/// Keeps the first, then takes the best-ranked model of each provider not yet in the chain, then the rest in rank order.
fn alternate_providers(ranked: Vec<Contender<'_>>) -> Vec<Contender<'_>> {
    let mut chain: Vec<Contender<'_>> = Vec::with_capacity(ranked.len());
    let mut later = Vec::new();
    let mut providers: Vec<&str> = Vec::new();
    for contender in ranked {
        if providers.contains(&contender.model.provider.as_str()) {
            later.push(contender);
        } else {
            providers.push(&contender.model.provider);
            chain.push(contender);
        }
    }
    chain.extend(later);
    chain
}
