//! The `[[rules]]`, `[[routes]]` and `[[archetypes]]` tables of the configuration.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::Deserialize;

use crate::prompt::Language;
use crate::prompt::personal_data::PersonalData;
use crate::routing::{Bounds, Dial, Strategy};

/// One `[[rules]]` table. Every condition that it states must hold; of the values of one condition any will do. The first rule that
/// holds counts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    /// What decisions call it.
    pub name: String,
    /// Names of keys.
    pub key: Vec<String>,
    /// Values of request headers, exactly; `*` for any.
    pub header: BTreeMap<String, String>,
    /// Languages of the user's words, by their ISO 639-1 codes.
    pub language: Vec<Language>,
    /// Words or phrases among the user's words, whole and in any case.
    pub words: Vec<String>,
    /// Kinds of personal data anywhere in the conversation.
    pub personal_data: Vec<PersonalData>,
    /// Prompts of the kind that is meant.
    pub utterances: Vec<String>,
    /// The similarity to the nearest utterance from which a prompt is of that kind, 0..1. Unset: fitted.
    pub threshold: Option<f64>,
    /// Only these models may serve.
    pub models: Vec<String>,
    /// They are chosen among by this strategy.
    pub strategy: Option<Strategy>,
    /// This model serves, and nothing is classified. Alone.
    pub bypass: Option<String>,
}

/// One `[[routes]]` table: a name that a request's `model` may ask for, and what is then done.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// The name.
    pub name: String,
    /// Instead of `[router] strategy`.
    #[serde(default)]
    pub strategy: Option<Strategy>,
    /// Only these models may serve.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Instead of `[router] quality`.
    #[serde(default)]
    pub quality: Option<f64>,
    /// Instead of `[router] max_quality_loss`.
    #[serde(default)]
    pub max_quality_loss: Option<f64>,
    /// Beside `[router.limits]`.
    #[serde(default)]
    pub limits: Bounds,
    /// What the response cache does with its requests. Unset: as `[cache]` says.
    #[serde(default)]
    pub cache: Option<RouteCache>,
}

/// `cache = true | false | { semantic = true, ttl_seconds = 60 }` of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "true, false, or a table with semantic and ttl_seconds")]
pub enum RouteCache {
    /// Whether its answers are kept.
    Switch(bool),
    /// They are, in this way.
    Settings(RouteCacheSettings),
}

/// How a route's answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteCacheSettings {
    /// Whether a prompt that says nearly the same has the same answer.
    pub semantic: bool,
    /// How long an answer is kept, instead of `[cache] ttl_seconds`.
    pub ttl_seconds: Option<NonZeroU64>,
}

impl RouteCache {
    /// The settings; `None` where nothing is kept.
    pub fn settings(self) -> Option<RouteCacheSettings> {
        match self {
            Self::Switch(is_on) => is_on.then(RouteCacheSettings::default),
            Self::Settings(settings) => Some(settings),
        }
    }
}

impl RouteConfig {
    /// Its dial, where it is set.
    pub(in crate::routing) fn dial(&self) -> Option<Dial> {
        self.quality.map(Dial::Quality).or(self.max_quality_loss.map(Dial::MaxLoss))
    }
}

/// One `[[archetypes]]` table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchetypeConfig {
    /// What decisions call it.
    pub name: String,
    /// Prompts of its kind.
    pub utterances: Vec<String>,
    /// Its models, the preferred one first.
    pub models: Vec<String>,
    /// The similarity from which a prompt is of its kind, 0..1. Unset: fitted.
    #[serde(default)]
    pub threshold: Option<f64>,
}
