//! The `[auth]` table of the configuration. Holds the *name* of the keys' variable, never a key.

use serde::Deserialize;

use super::jwt::JwtConfig;

/// `[auth]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// What rules and logs call it.
    pub name: String,
    /// The environment variable that holds it.
    pub key_env: String,
}
