//! The configuration file as a whole: one TOML file, composed of the tables that each room defines for itself. Unknown keys
//! and wrong types are errors that name their path. Reads no environment and opens nothing but the file.

mod scopes;

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

use crate::gateway::{ProviderConfig, RetryConfig};
use crate::http::ServerConfig;
use crate::limits::cache::CacheStore;
use crate::limits::jwt::TOKEN_NAME_PREFIX;
use crate::limits::{AuthConfig, BudgetConfig, CacheConfig, SharedConfig};
use crate::routing::{
    ArchetypeConfig, Bounds, ModelConfig, Registry, RouteConfig, RouterConfig, RuleConfig, Strategy, UnknownModel,
    listed_model,
};
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
    /// `[[rules]]`
    pub rules: Vec<RuleConfig>,
    /// `[[routes]]`
    pub routes: Vec<RouteConfig>,
    /// `[[archetypes]]`
    pub archetypes: Vec<ArchetypeConfig>,
    /// `[auth]`
    pub auth: AuthConfig,
    /// `[budget]`
    pub budget: BudgetConfig,
    /// `[shared]`
    pub shared: Option<SharedConfig>,
    /// `[retry]`
    pub retry: RetryConfig,
    /// `[store]`
    pub store: Option<StoreConfig>,
    /// `[cache]`
    pub cache: Option<CacheConfig>,
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
        let region_of = |name: &str| self.providers.iter().find(|provider| provider.name == name)?.region.clone();
        registry.set_regions(region_of);
        Ok(registry)
    }

    /// The same for rows of a file, of which none may change what is decided of another.
    #[must_use]
    pub fn without_sessions(mut self) -> Self {
        self.router.sessions.stick = false;
        self
    }

    /// What no single table can see by itself.
    fn check(&self) -> Result<(), String> {
        for (index, provider) in self.providers.iter().enumerate() {
            if self.providers[..index].iter().any(|earlier| earlier.name == provider.name) {
                return Err(format!("providers[{index}].name: {:?} is already the name of another", provider.name));
            }
        }
        for (index, model) in self.models.iter().enumerate() {
            let further =
                model.endpoints.iter().enumerate().map(|(at, other)| (format!("endpoints[{at}]."), &other.provider));
            for (field, name) in std::iter::once((String::new(), &model.provider)).chain(further) {
                if !self.providers.iter().any(|provider| provider.name == *name) {
                    let known: Vec<&str> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    return Err(format!(
                        "models[{index}].{field}provider: {name:?} is not the name of a [[providers]] entry (there are: {known})"
                    ));
                }
            }
        }
        if let UnknownModel::Fixed(name) = &self.router.unknown_model
            && !self.models.iter().any(|model| model.name == *name)
        {
            return Err(format!(
                "router.unknown_model: {name:?} is not \"reject\", \"auto\" or the name of a [[models]] entry"
            ));
        }
        self.budget.check()?;
        self.retry.check().map_err(|wrong| format!("retry.{wrong}"))?;
        if self.budget.limits_anything() && self.store.is_none() {
            return Err("budget: needs a [store], which remembers over a restart what was spent".into());
        }
        if self.budget.month_usd.is_some() && self.store.as_ref().is_some_and(|store| store.keep_days < 31) {
            return Err("store.keep_days: a month's budget needs the rows of 31 days".into());
        }
        self.check_cache()?;
        self.check_keys()?;
        self.router.check().map_err(|wrong| format!("router.{wrong}"))?;
        self.check_aliases().map_err(|wrong| format!("router.aliases.{wrong}"))?;
        let known = |name: &String| self.models.iter().any(|model| model.name == *name);
        let limits = &self.router.limits;
        let mut named = vec![
            ("router.parallel.judge".to_owned(), self.router.parallel.judge.as_slice()),
            ("router.limits.models".to_owned(), limits.models.as_deref().unwrap_or_default()),
        ];
        for (index, route) in self.routes.iter().enumerate() {
            named.push((format!("routes[{index}].limits.models"), route.limits.models.as_deref().unwrap_or_default()));
        }
        for (key, models) in named {
            if let Some(unknown) = models.iter().find(|name| !known(name)) {
                return Err(format!("{key}: {unknown:?} is not the name of a [[models]] entry"));
            }
        }
        let of_routes =
            self.routes.iter().enumerate().map(|(index, route)| (format!("routes[{index}]"), &route.limits));
        for (table, limits) in of_routes.chain([("router".to_owned(), limits)]) {
            self.check_places(limits).map_err(|wrong| format!("{table}.limits.{wrong}"))?;
        }
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(unknown) = rule.key.iter().find(|name| !self.may_be_caller(name)) {
                let of_token = unknown.starts_with(TOKEN_NAME_PREFIX);
                let remedy = if of_token { ", and there is no [auth.jwt]" } else { "" };
                return Err(format!(
                    "rules[{index}].key: {unknown:?} is not the name of an [[auth.keys]] entry{remedy}"
                ));
            }
        }
        self.check_callers()?;
        Registry::from_config(&self.models).map(drop).map_err(|wrong| wrong.to_string())
    }

    /// What keys may do, and where it is counted.
    fn check_keys(&self) -> Result<(), String> {
        self.shared.as_ref().map_or(Ok(()), |shared| shared.check().map_err(|wrong| wrong.to_string()))?;
        for (index, key) in self.auth.keys.iter().enumerate() {
            let wrong = |wrong: String| format!("auth.keys[{index}].{wrong}");
            key.limits().check().map_err(wrong)?;
            if key.budget.limits_anything() && self.store.is_none() {
                return Err(wrong("budget: needs a [store], which remembers over a restart what was spent".into()));
            }
            if key.budget.month_usd.is_some() && self.store.as_ref().is_some_and(|store| store.keep_days < 31) {
                return Err("store.keep_days: a month's budget needs the rows of 31 days".into());
            }
        }
        Ok(())
    }

    /// Whether somebody may call by this name. Whom an issuer gives tokens to is not known here, nor which keys a store holds.
    fn may_be_caller(&self, name: &str) -> bool {
        let of_token = name.strip_prefix(TOKEN_NAME_PREFIX).is_some_and(|name| !name.is_empty());
        let of_store = self.store.is_some() && !name.trim().is_empty() && !name.starts_with(TOKEN_NAME_PREFIX);
        (of_token && self.auth.jwt.is_some()) || of_store || self.auth.keys.iter().any(|key| key.name.trim() == name)
    }

    fn check_cache(&self) -> Result<(), String> {
        let Some(cache) = &self.cache else {
            let kept = self.routes.iter().position(|route| route.cache.is_some_and(|cache| cache.settings().is_some()));
            return kept
                .map_or(Ok(()), |at| Err(format!("routes[{at}].cache: needs a [cache] table, which may be empty")));
        };
        if cache.store == CacheStore::Redis && self.shared.is_none() {
            return Err("cache.store: \"redis\" needs a [shared] table with the server's url".into());
        }
        cache.check().map_err(|wrong| format!("cache.{wrong}"))
    }

    /// An alias leads somewhere and hides nothing.
    fn check_aliases(&self) -> Result<(), String> {
        let is_model = |name: &str| self.models.iter().any(|model| model.name == name);
        let is_route = |name: &str| self.routes.iter().any(|route| route.name == name);
        let what_is = |name: &str| match (is_model(name), is_route(name)) {
            (true, _) => Some("model"),
            (false, true) => Some("route"),
            (false, false) => None,
        };
        let is_strategy = |name: &str| name.strip_prefix("auto:").is_some_and(|name| name.parse::<Strategy>().is_ok());
        let is_target = |name: &str| name == "auto" || is_strategy(name) || what_is(name).is_some();
        self.router.aliases.check(what_is, is_target)
    }

    /// A bound on a place that does not exist is a slip.
    fn check_places(&self, limits: &Bounds) -> Result<(), String> {
        let is_provider = |name: &&str| self.providers.iter().any(|provider| provider.name == **name);
        if let Some(unknown) = limits.providers.names().find(|name| !is_provider(name)) {
            return Err(format!("providers: {unknown:?} is not the name of a [[providers]] entry"));
        }
        let is_region = |name: &&str| self.providers.iter().any(|provider| provider.region.as_deref() == Some(*name));
        match limits.regions.names().find(|name| !is_region(name)) {
            Some(unknown) => Err(format!("regions: {unknown:?} is not the region of any [[providers]] entry")),
            None => Ok(()),
        }
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
            ("[router.aliases]\n\"gpt-4o\" = \"gpt-4\"\n", "router.aliases.\"gpt-4o\": stands for \"gpt-4\""),
            ("[router.aliases]\n\"gpt-4o\" = 4\n", "router.aliases.gpt-4o"),
            (
                "[[models]]\nname = \"auto\"\nprovider = \"p\"\n[[providers]]\nname = \"p\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\n",
                "reserved",
            ),
            (
                "[[rules]]\nname = \"a\"\nkey = [\"jwt:alice\"]\nstrategy = \"best\"\n",
                "rules[0].key: \"jwt:alice\" is not the name of an [[auth.keys]] entry, and there is no [auth.jwt]",
            ),
            (
                "[auth.jwt]\nissuer = \"https://i\"\naudience = \"a\"\n[[rules]]\nname = \"a\"\nkey = [\"jwt:\"]\nstrategy = \"best\"\n",
                "rules[0].key: \"jwt:\" is not the name",
            ),
            ("[auth.jwt]\nissuer = \"https://i\"\n", "audience"),
            ("[auth.jwt]\nissuer = \"https://i\"\naudience = 3\n", "a string or a list of strings"),
            (
                "[auth.jwt]\nissuer = \"https://i\"\naudience = \"a\"\nalgorithms = [\"HS256\"]\n",
                "auth.jwt.algorithms[0] (line 4): unknown variant `HS256`",
            ),
        ];
        for (text, expected) in cases {
            let error = error_of(text);
            assert!(error.contains(expected), "{text:?} gave {error:?}, which should contain {expected:?}");
        }
    }
}
