//! The `[router]` and `[[models]]` tables of the configuration.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Strategy;
use super::registry::Capability;

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
    /// What happens to a model name that is not configured.
    pub unknown_model: UnknownModel,
    /// The share of the best candidate's predicted quality that `balanced` keeps.
    pub balanced_quality_share: f64,
    /// The predicted quality that `quality_gated` asks for.
    pub quality_gate: f64,
    /// The quality that `cost_weighted` gives up to save one USD on a request.
    pub cost_weight: f64,
    /// The most models one request may try.
    pub max_attempts: usize,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            artifact: "builtin".into(),
            strategy: Strategy::Balanced,
            embedder: "cascade".into(),
            unknown_model: UnknownModel::Reject,
            balanced_quality_share: 0.8,
            quality_gate: 0.8,
            cost_weight: 20.0,
            max_attempts: 4,
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
#[derive(Debug, Clone, Deserialize)]
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
    /// Tokens of prompt and answer together.
    #[serde(default)]
    pub context_window: Option<u32>,
    /// What the model can do beside text.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Expected quality, 0..1: `default`, and by task, complexity, or `"task/complexity"`.
    #[serde(default)]
    pub quality: BTreeMap<String, f64>,
}
