//! A model that may be chosen, with what is expected of it for one prompt. Light, for there may be hundreds; the few that stand in the plan
//! become [`Candidate`]s.

use super::{Candidate, Model};

/// A model as the strategies see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contender<'a> {
    pub(super) model: &'a Model,
    /// Expected quality of its answer, 0..1.
    pub(super) quality: f64,
    /// The same less what its slowness weighs. May be negative.
    pub(super) value: f64,
    /// Expected cost of the request; `None`: its price is unknown.
    pub(super) cost_usd: Option<f64>,
    /// Expected time until its answer is complete; `None`: nothing was measured yet.
    pub(super) seconds: Option<f64>,
}

impl Contender<'_> {
    /// For comparing: an unknown price could be any, so it comes after every known one.
    pub(super) fn cost(&self) -> f64 {
        self.cost_usd.unwrap_or(f64::INFINITY)
    }

    pub(super) fn candidate(&self, reason: String, by_prediction: bool) -> Candidate {
        Candidate {
            model: self.model.name.clone(),
            provider: self.model.provider.clone(),
            predicted_quality: Some(self.quality),
            expected_cost_usd: self.cost_usd,
            reason,
            by_prediction,
        }
    }
}

/// Takes off what slowness weighs. A model that nothing is known of counts as slow as the mean of the others.
pub(super) fn weigh_slowness(contenders: &mut [Contender<'_>], latency_weight: f64) {
    if latency_weight <= 0.0 {
        return;
    }
    let known: Vec<f64> = contenders.iter().filter_map(|contender| contender.seconds).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    for contender in contenders {
        contender.value = contender.quality - latency_weight * contender.seconds.unwrap_or(mean);
    }
}
