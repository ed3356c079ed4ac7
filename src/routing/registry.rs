//! The models that may be chosen, with what is known of them. Built once from the configuration; read-only afterwards.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::known_models::known_capabilities;
use super::token_estimate::Family;
use super::{Balance, Endpoint, ListedModel, ModelConfig, QualityTable, endpoints, fallbacks};
use crate::classifier::ByModel;

/// USD for a million tokens; finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct UsdPerMtok(f64);

impl UsdPerMtok {
    /// `None` unless finite and not negative.
    pub fn new(usd: f64) -> Option<Self> {
        (usd.is_finite() && usd >= 0.0).then_some(Self(usd))
    }

    /// The cost of this many tokens in USD.
    pub fn cost_usd(self, tokens: u64) -> f64 {
        self.0 * tokens as f64 / 1e6
    }

    /// The bare figure.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// What a model costs. A model whose price is unknown has no `Prices` at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// Prompt tokens.
    pub input: UsdPerMtok,
    /// Prompt tokens that the provider served from its cache.
    pub cached_input: UsdPerMtok,
    /// Prompt tokens that the provider wrote to its cache.
    pub cache_write: UsdPerMtok,
    /// Answer tokens, thoughts included.
    pub output: UsdPerMtok,
}

impl Prices {
    /// The cost of an answer in USD.
    pub fn cost_usd(&self, usage: crate::chat::Usage) -> f64 {
        self.input.cost_usd(usage.input)
            + self.cached_input.cost_usd(usage.cached_input)
            + self.cache_write.cost_usd(usage.cache_write)
            + self.output.cost_usd(usage.completion())
    }
}

/// What a model can do beside reading and writing text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Calls tools or functions.
    Tools,
    /// Reads images.
    Vision,
    /// Keeps to a JSON response format.
    Json,
    /// Hears audio.
    Audio,
    /// Thinks before it answers.
    Reasoning,
    /// Turns texts into vectors and does nothing else: it is chosen for no answer.
    Embeddings,
}

impl Capability {
    /// The name used in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Vision => "vision",
            Self::Json => "json",
            Self::Audio => "audio",
            Self::Reasoning => "reasoning",
            Self::Embeddings => "embeddings",
        }
    }
}

/// One model that may serve requests.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name clients use.
    pub name: String,
    /// The provider that serves it.
    pub provider: String,
    /// What the provider calls it.
    pub upstream_name: String,
    /// `None`: unknown.
    pub prices: Option<Prices>,
    /// Whether the prices are the provider's public ones, because the configuration states none.
    pub has_list_price: bool,
    /// Tokens of prompt and answer together; `None`: unknown.
    pub context_window: Option<u32>,
    /// What it can do beside text.
    pub capabilities: BTreeSet<Capability>,
    /// Tokens of a usual answer; `None`: nobody stated it.
    pub output_tokens: Option<u32>,
    /// How it cuts text into tokens.
    pub tokenizer: Family,
    /// Expected quality by task and complexity.
    pub quality: QualityTable,
    /// The name under which the artifact knows its outcomes.
    pub outcomes_name: String,
    /// Fields of the request's body that are set whenever it is asked.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where it is served, its own provider first.
    pub endpoints: Vec<Endpoint>,
    /// How requests are shared among its endpoints.
    pub balance: Balance,
    /// After so long without an answer a request is sent once more.
    pub hedge_after: Option<Duration>,
    /// Indices of the models to try, in order, when it was asked for by name and fails; their own fallbacks included.
    pub fallbacks: Vec<usize>,
}

/// All models, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    models: Vec<Model>,
    index: HashMap<String, usize>,
    /// Indices of the models by rising `outcomes_name`.
    by_outcomes_name: Vec<usize>,
}

/// Why a `[[models]]` table was refused.
#[derive(Debug, Error, PartialEq)]
pub enum RegistryError {
    /// Two models with one name.
    #[error("models[{index}].name: {name:?} is already the name of another model")]
    DuplicateName {
        /// Position in the file.
        index: usize,
        /// The name.
        name: String,
    },
    /// A name that clients could not ask for.
    #[error("models[{index}].name: {name:?} is reserved: \"auto\" and \"auto:...\" mean routing")]
    ReservedName {
        /// Position in the file.
        index: usize,
        /// The name.
        name: String,
    },
    /// A number out of its range.
    #[error("models[{index}].{field}: {value} is not {expected}")]
    OutOfRange {
        /// Position in the file.
        index: usize,
        /// The field.
        field: String,
        /// What it held.
        value: f64,
        /// What it should hold.
        expected: &'static str,
    },
    /// A setting that is not the operator's to fix.
    #[error("models[{index}].settings.{field}: is the client's to say, not a setting of the model; leave it out")]
    ReservedSetting {
        /// Position in the file.
        index: usize,
        /// The field.
        field: String,
    },
    /// A setting that JSON cannot say.
    #[error("models[{index}].settings.{field}: holds a date, an infinity or NaN, which a request's body cannot carry")]
    SettingWithoutJson {
        /// Position in the file.
        index: usize,
        /// The field.
        field: String,
    },
    /// A fallback that is no model.
    #[error("models[{index}].fallbacks: {name:?} is not the name of a [[models]] entry")]
    UnknownFallback {
        /// Position in the file.
        index: usize,
        /// What was named.
        name: String,
    },
    /// Fallbacks that come back to where they began.
    #[error("models[{index}].fallbacks: the chain loops: {}", .chain.join(" -> "))]
    FallbackLoop {
        /// Position in the file.
        index: usize,
        /// Names, the first and the last the same.
        chain: Vec<String>,
    },
    /// One price without the other.
    #[error("models[{index}]: input_usd_per_mtok and output_usd_per_mtok must be given together")]
    HalfAPrice {
        /// Position in the file.
        index: usize,
    },
    /// An endpoint that cannot be.
    #[error("models[{index}].{field}: {problem}")]
    BadEndpoint {
        /// Position in the file.
        index: usize,
        /// The field.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

impl Registry {
    /// Checks the configured models and indexes them by name.
    pub fn from_config(configs: &[ModelConfig]) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for (index, config) in configs.iter().enumerate() {
            if config.name.is_empty() || config.name == "auto" || config.name.starts_with("auto:") {
                return Err(RegistryError::ReservedName { index, name: config.name.clone() });
            }
            if registry.index.insert(config.name.clone(), index).is_some() {
                return Err(RegistryError::DuplicateName { index, name: config.name.clone() });
            }
            registry.models.push(Model {
                name: config.name.clone(),
                provider: config.provider.clone(),
                upstream_name: config.upstream_name.clone().unwrap_or_else(|| config.name.clone()),
                prices: prices(config, index)?,
                has_list_price: false,
                context_window: config.context_window,
                capabilities: capabilities(config),
                output_tokens: config.output_tokens,
                tokenizer: Family::of_model(config.upstream_name.as_ref().unwrap_or(&config.name)),
                quality: QualityTable::from_config(&config.quality, index)?,
                outcomes_name: config.outcomes_as.clone().unwrap_or_else(|| config.name.clone()),
                settings: settings(config, index)?,
                endpoints: endpoints::read(config, index)?,
                balance: config.balance,
                hedge_after: config.hedge_after_ms.map(|ms| Duration::from_millis(ms.get())),
                fallbacks: Vec::new(),
            });
        }
        registry.by_outcomes_name = (0..configs.len()).collect();
        registry
            .by_outcomes_name
            .sort_by(|a, b| registry.models[*a].outcomes_name.cmp(&registry.models[*b].outcomes_name));
        for index in 0..configs.len() {
            registry.models[index].fallbacks = fallbacks::expand(configs, &registry.index, index)?;
        }
        Ok(registry)
    }

    /// Fills in the prices that the configuration leaves open from a list of public ones, and those models' context windows with them.
    pub fn fill_from_list(&mut self, listed: impl Fn(&Model) -> Option<ListedModel>) {
        // Opening the list takes a twentieth of a second and some megabytes: not where every price is stated.
        for model in self.models.iter_mut().filter(|model| model.prices.is_none()) {
            if let Some(found) = listed(model) {
                model.has_list_price = true;
                model.prices = Some(found.prices);
                model.context_window = model.context_window.or(found.context_window);
            }
        }
    }

    /// Fills in where the providers serve from.
    pub fn set_regions(&mut self, region_of: impl Fn(&str) -> Option<String>) {
        let endpoints = self.models.iter_mut().flat_map(|model| &mut model.endpoints);
        endpoints.for_each(|endpoint| endpoint.region = region_of(&endpoint.provider));
    }

    /// Each model's number, in the order of the configuration. Both sides are in order of their names, so that one walk along both is enough.
    pub(super) fn align(&self, numbers: &ByModel) -> Vec<Option<f64>> {
        let mut aligned = vec![None; self.models.len()];
        let mut numbers = numbers.iter().peekable();
        for &index in &self.by_outcomes_name {
            let name = self.models[index].outcomes_name.as_str();
            while numbers.next_if(|(model, _)| *model < name).is_some() {}
            aligned[index] = numbers.peek().filter(|(model, _)| *model == name).map(|(_, number)| *number);
        }
        aligned
    }

    /// The models, in the order of the configuration.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model with this name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.index.get(name).map(|&index| &self.models[index])
    }
}

/// Whether a value of the configuration means the same in JSON: dates, infinities and NaN do not.
fn is_json(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::Array(values) => values.iter().all(is_json),
        serde_json::Value::Object(fields) => {
            fields.iter().all(|(name, value)| !name.starts_with("$__toml_private") && is_json(value))
        }
        _ => true,
    }
}

/// What is stated counts, even if it is nothing.
fn capabilities(config: &ModelConfig) -> BTreeSet<Capability> {
    match &config.capabilities {
        Some(stated) => stated.iter().copied().collect(),
        None => known_capabilities(config.upstream_name.as_ref().unwrap_or(&config.name)).iter().copied().collect(),
    }
}

/// Fields that say what is asked, not how.
const NO_SETTINGS: [&str; 5] = ["model", "messages", "stream", "stream_options", "n"];

fn settings(config: &ModelConfig, index: usize) -> Result<serde_json::Map<String, serde_json::Value>, RegistryError> {
    if let Some(field) = config.settings.keys().find(|field| NO_SETTINGS.contains(&field.as_str())) {
        return Err(RegistryError::ReservedSetting { index, field: field.clone() });
    }
    match config.settings.iter().find(|(_, value)| !is_json(value)) {
        Some((field, _)) => Err(RegistryError::SettingWithoutJson { index, field: field.clone() }),
        None => Ok(config.settings.clone()),
    }
}

fn prices(config: &ModelConfig, index: usize) -> Result<Option<Prices>, RegistryError> {
    let read = |field: &str, usd: f64| {
        UsdPerMtok::new(usd).ok_or_else(|| RegistryError::OutOfRange {
            index,
            field: field.into(),
            value: usd,
            expected: "a price in USD, zero or more",
        })
    };
    match (config.input_usd_per_mtok, config.output_usd_per_mtok) {
        (Some(input), Some(output)) => Ok(Some(Prices {
            input: read("input_usd_per_mtok", input)?,
            cached_input: read("cached_input_usd_per_mtok", config.cached_input_usd_per_mtok.unwrap_or(input))?,
            cache_write: read("cache_write_usd_per_mtok", config.cache_write_usd_per_mtok.unwrap_or(input))?,
            output: read("output_usd_per_mtok", output)?,
        })),
        (None, None) => Ok(None),
        _ => Err(RegistryError::HalfAPrice { index }),
    }
}
