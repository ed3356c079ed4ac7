//! The configuration file as a whole: one TOML file, composed of the tables that each room defines for itself. Unknown keys
//! and wrong types are errors that name their path. Reads no environment and opens nothing but the file.

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

use crate::gateway::ProviderConfig;
use crate::http::ServerConfig;
use crate::limits::AuthConfig;
use crate::routing::{ModelConfig, Registry, RouterConfig, UnknownModel, listed_model};
use crate::store::StoreConfig;

/// A configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[router]`
    pub router: RouterConfig,
    /// `[[providers]]`
    pub providers: Vec<ProviderConfig>,
    /// `[[models]]`
    pub models: Vec<ModelConfig>,
    /// `[auth]`
    pub auth: AuthConfig,
    /// `[store]`
    pub store: Option<StoreConfig>,
}

/// Why a configuration was refused. The message holds the file, the path of the key and what was expected.
#[derive(Debug, Error)]
#[error("{origin}: {message}")]
pub struct ConfigError {
    /// The file.
    pub origin: String,
    /// What is wrong and where.
    pub message: String,
}

impl Config {
    /// Reads a file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let origin = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&text, &origin),
            Err(error) => Err(ConfigError { origin, message: error.to_string() }),
        }
    }

    /// Reads TOML. `origin` is named in errors.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let error = |message: String| ConfigError { origin: origin.to_owned(), message };
        let deserializer =
            toml::Deserializer::parse(text).map_err(|syntax| error(syntax.to_string().trim_end().to_owned()))?;
        let config: Self = serde_path_to_error::deserialize(deserializer).map_err(|wrong| {
            let path = wrong.path().to_string();
            let place = wrong.inner().span().map_or(String::new(), |span| {
                format!(" (line {})", text[..span.start.min(text.len())].matches('\n').count() + 1)
            });
            error(format!("{path}{place}: {}", wrong.inner().message()))
        })?;
        config.check().map_err(error)?;
        Ok(config)
    }

    /// The models, checked and indexed; a price that is not stated is the provider's public one, if that is known.
    pub fn build_registry(&self, origin: &str) -> Result<Registry, ConfigError> {
        let mut registry = Registry::from_config(&self.models)
            .map_err(|wrong| ConfigError { origin: origin.to_owned(), message: wrong.to_string() })?;
        registry.fill_from_list(|model| {
            let provider = self.providers.iter().find(|provider| provider.name == model.provider)?;
            listed_model(&provider.base_url, &model.upstream_name)
        });
        Ok(registry)
    }

    /// What no single table can see by itself.
    fn check(&self) -> Result<(), String> {
        for (index, provider) in self.providers.iter().enumerate() {
            if self.providers[..index].iter().any(|earlier| earlier.name == provider.name) {
                return Err(format!("providers[{index}].name: {:?} is already the name of another", provider.name));
            }
        }
        for (index, model) in self.models.iter().enumerate() {
            if !self.providers.iter().any(|provider| provider.name == model.provider) {
                let known: Vec<&str> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
                return Err(format!(
                    "models[{index}].provider: {:?} is not the name of a [[providers]] entry (there are: {})",
                    model.provider,
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                ));
            }
        }
        if let UnknownModel::Fixed(name) = &self.router.unknown_model
            && !self.models.iter().any(|model| model.name == *name)
        {
            return Err(format!(
                "router.unknown_model: {name:?} is not \"reject\", \"auto\" or the name of a [[models]] entry"
            ));
        }
        for (key, value) in [
            ("router.balanced_quality_share", self.router.balanced_quality_share),
            ("router.quality_gate", self.router.quality_gate),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("{key}: {value} is not between 0 and 1"));
            }
        }
        if !(self.router.cost_weight.is_finite() && self.router.cost_weight >= 0.0) {
            return Err(format!("router.cost_weight: {} is not zero or more", self.router.cost_weight));
        }
        if self.router.max_attempts == 0 {
            return Err("router.max_attempts: 0 would try no model; use 1 or more".into());
        }
        Registry::from_config(&self.models).map(drop).map_err(|wrong| wrong.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        Config::from_toml(text, "semroute.toml").map(drop).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_path_and_what_was_expected() {
        let cases = [
            ("[router]\nstrategy = \"fast\"\n", "semroute.toml: router.strategy (line 2)"),
            ("[router]\nstrateg = \"best\"\n", "router"),
            ("[[models]]\nname = \"a\"\n", "provider"),
            ("[[models]]\nname = \"a\"\nprovider = \"p\"\n", "models[0].provider: \"p\" is not the name"),
            ("[router]\nquality_gate = 7.0\n", "router.quality_gate: 7 is not between 0 and 1"),
            ("[router]\nunknown_model = \"gpt\"\n", "router.unknown_model: \"gpt\""),
            (
                "[[models]]\nname = \"auto\"\nprovider = \"p\"\n[[providers]]\nname = \"p\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\n",
                "reserved",
            ),
        ];
        for (text, expected) in cases {
            let error = error_of(text);
            assert!(error.contains(expected), "{text:?} gave {error:?}, which should contain {expected:?}");
        }
    }
}
