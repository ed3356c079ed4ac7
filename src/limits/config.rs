//! The `[auth]` table of the configuration. Holds the *name* of the keys' variable, never a key.

use serde::Deserialize;

use super::jwt::JwtConfig;
use super::{Allowance, BudgetConfig, CallerLimits, Scopes};

/// `[auth]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Whether every call needs a key, but for the health endpoints. Any address but loopback asks for it.
    pub required: bool,
    /// The environment variable that holds the keys, separated by commas.
    pub keys_env: Option<String>,
    /// Keys with names, each in a variable of its own; rules may go by the name.
    pub keys: Vec<KeyConfig>,
    /// Tokens of an identity provider, taken in place of a key.
    pub jwt: Option<JwtConfig>,
}

/// One `[[auth.keys]]` table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// What rules and logs call it.
    pub name: String,
    /// The environment variable that holds it.
    pub key_env: String,
    /// Whether it may read what everybody did: the dashboard and what it shows.
    #[serde(default)]
    pub admin: bool,
    /// Models that it may ask for; unset: all, here and below.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Strategies that it may ask for.
    #[serde(default)]
    pub strategies: Option<Vec<String>>,
    /// Endpoints that it may ask for, by their paths.
    #[serde(default)]
    pub endpoints: Option<Vec<String>>,
    /// Requests that may begin within a minute; unset: any number, here and below.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers within a minute.
    #[serde(default)]
    pub tokens_per_minute: Option<u64>,
    /// Requests that may be under way at once, streams included.
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// USD in a day and in a month.
    #[serde(default)]
    pub budget: BudgetConfig,
}

impl KeyConfig {
    /// What it may do.
    pub fn allowance(&self) -> Allowance {
        Allowance { scopes: self.scopes(), limits: self.limits(), is_admin: self.admin }
    }

    /// What it may ask for.
    pub fn scopes(&self) -> Scopes {
        Scopes { models: self.models.clone(), strategies: self.strategies.clone(), endpoints: self.endpoints.clone() }
    }

    /// What makes no sense, as `KEY: what is wrong`.
    pub(super) fn check(&self) -> Result<(), String> {
        self.scopes().check()?;
        self.limits().check()
    }

    /// How much it may do.
    pub fn limits(&self) -> CallerLimits {
        CallerLimits {
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            concurrent: self.concurrent,
            budget: self.budget,
        }
    }
}
