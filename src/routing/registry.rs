//! The models that may be chosen, with what is known of them. Built once from the configuration; read-only afterwards.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ListedModel, ModelConfig, QualityTable};

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
    /// Answer tokens.
    pub output: UsdPerMtok,
}

impl Prices {
    /// The cost of an answer in USD.
    pub fn cost_usd(&self, usage: crate::chat::Usage) -> f64 {
        self.input.cost_usd(usage.input)
            + self.cached_input.cost_usd(usage.cached_input)
            + self.output.cost_usd(usage.output)
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
    /// Expected quality by task and complexity.
    pub quality: QualityTable,
}

/// All models, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    models: Vec<Model>,
    index: HashMap<String, usize>,
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
    /// One price without the other.
    #[error("models[{index}]: input_usd_per_mtok and output_usd_per_mtok must be given together")]
    HalfAPrice {
        /// Position in the file.
        index: usize,
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
                capabilities: config.capabilities.iter().copied().collect(),
                quality: QualityTable::from_config(&config.quality, index)?,
            });
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

    /// The models, in the order of the configuration.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model with this name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.index.get(name).map(|&index| &self.models[index])
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
            output: read("output_usd_per_mtok", output)?,
        })),
        (None, None) => Ok(None),
        _ => Err(RegistryError::HalfAPrice { index }),
    }
}
