//! The `[router]` and `[[models]]` tables of the configuration.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::Deserialize;

use crate::embedder::Precision;

use super::aliases::Aliases;
use super::registry::Capability;
use super::{AnswerGate, Balance, Bounds, Dial, EndpointConfig, Strategy};

/// `[router]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterConfig {
    /// `builtin`, or the folder of a trained artifact.
    pub artifact: String,
    /// How `auto` chooses, unless the request says otherwise.
    pub strategy: Strategy,
    /// `cascade` (whatever the artifact carries), `builtin`, a model name or a folder. Must match the artifact's fingerprint.
    pub embedder: String,
    /// What the transformer's weights are multiplied as; absent, as they are stored.
    pub precision: Option<Precision>,
    /// What happens to a model name that is not configured.
    pub unknown_model: UnknownModel,
    /// `[router.aliases]`
    pub aliases: Aliases,
    /// The share of the best candidate's predicted quality that `balanced` keeps, unless the dial is set.
    pub balanced_quality_share: f64,
    /// The predicted quality that `quality_gated` asks for.
    pub quality_gate: f64,
    /// The quality that `cost_weighted` gives up to save one USD on a request.
    pub cost_weight: f64,
    /// The dial of `balanced`: 0 the cheapest model, 1 the best one. Instead of `balanced_quality_share`.
    pub quality: Option<f64>,
    /// The other scale of the dial: the share of the best model's quality that may be lost. Instead of `quality`.
    pub max_quality_loss: Option<f64>,
    /// The quality that one second of expected time weighs; 0: time does not count.
    pub latency_weight: f64,
    /// Bounds that hold for every request that is routed.
    pub limits: Bounds,
    /// The most models one request may try.
    pub max_attempts: usize,
    /// `[router.cascade]`
    pub cascade: CascadeConfig,
    /// `[router.parallel]`
    pub parallel: ParallelConfig,
    /// `[router.sessions]`
    pub sessions: SessionConfig,
}

/// A year.
const MOST_IDLE_MINUTES: u64 = 366 * 24 * 60;

/// `[router.cascade]`
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CascadeConfig {
    /// The first model asked is the cheapest that keeps this share of the best predicted quality.
    pub first_quality_share: f64,
    /// What an answer has to pass.
    pub gate: AnswerGate,
}

impl Default for CascadeConfig {
    fn default() -> Self {
        Self { first_quality_share: 0.5, gate: AnswerGate::default() }
    }
}

/// `[router.parallel]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParallelConfig {
    /// How many models are asked at once; no more than `max_attempts`.
    pub at_once: usize,
    /// Whose answer counts.
    pub pick: PickKind,
    /// The model that picks, for `pick = "judge"`.
    pub judge: Option<String>,
    /// Where answers are compared, those that are not there by then are not waited for, unless none is. Unset: all are.
    pub timeout_ms: Option<NonZeroU64>,
}

impl Default for ParallelConfig {
    fn default() -> Self {
        Self { at_once: 2, pick: PickKind::First, judge: None, timeout_ms: None }
    }
}

/// `pick = "first" | "nearest" | "judge"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PickKind {
    /// The first answer that begins.
    First,
    /// The answer nearest to the centre of all.
    Nearest,
    /// The answer that a model calls the best.
    Judge,
}

/// `[router.sessions]`: which model each conversation has, in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Whether a conversation stays on its model while nothing speaks for another.
    pub stick: bool,
    /// A conversation is forgotten after this many minutes without a turn: providers keep their prompt caches for less.
    pub idle_minutes: u64,
    /// The most conversations remembered; the least recently used is forgotten first.
    pub most: u64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { stick: true, idle_minutes: 30, most: 10_000 }
    }
}

impl RouterConfig {
    /// The dial, where it is set.
    pub fn dial(&self) -> Option<Dial> {
        self.quality.map(Dial::Quality).or(self.max_quality_loss.map(Dial::MaxLoss))
    }

    /// What is written wrongly, as `KEY: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("balanced_quality_share", Some(self.balanced_quality_share)),
            ("quality_gate", Some(self.quality_gate)),
            ("quality", self.quality),
            ("max_quality_loss", self.max_quality_loss),
            ("cascade.first_quality_share", Some(self.cascade.first_quality_share)),
        ];
        for (key, value) in shares {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return Err(format!("{key}: {value} is not between 0 and 1"));
            }
        }
        if self.quality.is_some() && self.max_quality_loss.is_some() {
            return Err(
                "quality: max_quality_loss is set too; they are two scales of one dial, so leave one out".into()
            );
        }
        for (key, value) in [("cost_weight", self.cost_weight), ("latency_weight", self.latency_weight)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(format!("{key}: {value} is not zero or more"));
            }
        }
        let gate = &self.cascade.gate;
        if gate.min_mean_logprob.is_some_and(|least| !(least.is_finite() && least < 0.0)) {
            return Err("cascade.gate.min_mean_logprob: a log-probability is below 0, such as -1.0".into());
        }
        let positive = [
            ("max_attempts", self.max_attempts as u64, "would try no model"),
            (
                "sessions.idle_minutes",
                self.sessions.idle_minutes,
                "would forget at once; set sessions.stick = false instead",
            ),
            ("sessions.most", self.sessions.most, "would remember none; set sessions.stick = false instead"),
            ("cascade.gate.timeout_ms", gate.timeout_ms.unwrap_or(1), "would leave every model at once"),
        ];
        if let Some((key, _, why)) = positive.into_iter().find(|(_, value, _)| *value == 0) {
            return Err(format!("{key}: 0 {why}; use 1 or more"));
        }
        if self.sessions.idle_minutes > MOST_IDLE_MINUTES {
            return Err(format!("sessions.idle_minutes: {} is more than a year", self.sessions.idle_minutes));
        }
        if self.parallel.at_once < 2 {
            return Err(format!("parallel.at_once: {} is not 2 or more", self.parallel.at_once));
        }
        if self.parallel.pick == PickKind::Judge && self.parallel.judge.is_none() {
            return Err("parallel.judge: name the model that picks, or set parallel.pick to \"nearest\"".into());
        }
        self.limits.check().map_err(|wrong| format!("limits.{wrong}"))
    }
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            artifact: "builtin".into(),
            strategy: Strategy::Balanced,
            embedder: "cascade".into(),
            precision: None,
            unknown_model: UnknownModel::Reject,
            aliases: Aliases::default(),
            balanced_quality_share: 0.8,
            quality_gate: 0.8,
            cost_weight: 20.0,
            quality: None,
            max_quality_loss: None,
            latency_weight: 0.0,
            limits: Bounds::default(),
            max_attempts: 4,
            cascade: CascadeConfig::default(),
            parallel: ParallelConfig::default(),
            sessions: SessionConfig::default(),
        }
    }
}

/// `unknown_model = "reject" | "auto" | "NAME"`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum UnknownModel {
    /// Answer 404 and name near matches.
    Reject,
    /// Route it as if `auto` had been asked for.
    Auto,
    /// Send it to this model.
    Fixed(String),
}

impl From<String> for UnknownModel {
    fn from(text: String) -> Self {
        match text.as_str() {
            "reject" => Self::Reject,
            "auto" => Self::Auto,
            _ => Self::Fixed(text),
        }
    }
}

/// One `[[models]]` table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The name clients use and decisions show.
    pub name: String,
    /// Name of a `[[providers]]` entry.
    pub provider: String,
    /// The provider's own name for the model, where it differs from `name`.
    #[serde(default)]
    pub upstream_name: Option<String>,
    /// USD for a million prompt tokens. Unset: unknown, never 0.
    #[serde(default)]
    pub input_usd_per_mtok: Option<f64>,
    /// USD for a million answer tokens. Unset: unknown, never 0.
    #[serde(default)]
    pub output_usd_per_mtok: Option<f64>,
    /// USD for a million cached prompt tokens. Unset: as `input_usd_per_mtok`.
    #[serde(default)]
    pub cached_input_usd_per_mtok: Option<f64>,
    /// USD for a million prompt tokens that are written to the provider's cache. Unset: as `input_usd_per_mtok`.
    #[serde(default)]
    pub cache_write_usd_per_mtok: Option<f64>,
    /// Tokens of prompt and answer together.
    #[serde(default)]
    pub context_window: Option<u32>,
    /// Tokens of a usual answer, thoughts included. Unset: what the artifact's outcomes tell, else 500.
    #[serde(default)]
    pub output_tokens: Option<u32>,
    /// What the model can do beside text. Unset: what is publicly known of the model, if anything is.
    #[serde(default)]
    pub capabilities: Option<Vec<Capability>>,
    /// Expected quality, 0..1: `default`, and by task, complexity, or `"task/complexity"`.
    #[serde(default)]
    pub quality: BTreeMap<String, f64>,
    /// The model whose outcomes in the artifact are taken for this one's, where they stand under another name.
    #[serde(default)]
    pub outcomes_as: Option<String>,
    /// Fields of the request's body that are set whenever this model is asked, such as `reasoning_effort = "high"`. One upstream model
    /// under two names with two settings is two models that compete.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Models to try, in this order, when this one was asked for by name and fails.
    #[serde(default)]
    pub fallbacks: Vec<String>,
    /// Further places that serve the same model at the same price.
    #[serde(default)]
    pub endpoints: Vec<EndpointConfig>,
    /// The share of the requests that its own provider gets beside its `endpoints`. Unset: 1.
    #[serde(default)]
    pub weight: Option<f64>,
    /// How requests are shared among its endpoints.
    #[serde(default)]
    pub balance: Balance,
    /// A request that has had no answer for so long is sent once more, to another endpoint where there is one; whichever begins first counts.
    #[serde(default)]
    pub hedge_after_ms: Option<NonZeroU64>,
}
