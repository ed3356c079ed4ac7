//! `[shared]`: where replicas share what they count, and what is done while it cannot be reached. The password is never shown.

use redis::{Client, ConnectionInfo, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

/// `[shared]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedConfig {
    /// `redis://HOST:PORT/DATABASE` or `rediss://...`; may hold a name and a password.
    pub url: SecretString,
    /// The environment variable that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// What its keys begin with: servers that share nothing may share a Redis.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// The longest that a request waits for it.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// What a replica that died had under way counts as over, and as spent, after this time.
    #[serde(default = "lease_seconds")]
    pub lease_seconds: u64,
    /// What is done while it cannot be reached.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What is done while the shared state cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Every replica goes on by its own counters, and tells the others afterwards what was spent.
    #[default]
    Local,
    /// Requests that a limit holds for are refused.
    Refuse,
}

/// What is wrong with `[shared]`.
#[derive(Debug, Error)]
pub enum SharedError {
    /// No address. What was written is not repeated: it may hold a password.
    #[error("shared.url: is not an address of Redis; write redis://HOST:PORT or rediss://HOST:PORT")]
    BadUrl,
    /// The variable is unset or empty.
    #[error("shared.password_env: the environment variable {0} is unset or empty; set it to the password of Redis")]
    NoPassword(String),
    /// A number or a name that makes no sense.
    #[error("shared.{0}")]
    Wrong(&'static str),
}

fn prefix() -> String {
    "semroute".into()
}

const fn timeout_ms() -> u64 {
    50
}

const fn lease_seconds() -> u64 {
    60
}

impl PartialEq for SharedConfig {
    fn eq(&self, other: &Self) -> bool {
        let rest = |config: &Self| {
            (
                config.password_env.clone(),
                config.prefix.clone(),
                config.timeout_ms,
                config.lease_seconds,
                config.on_failure,
            )
        };
        self.url.expose_secret() == other.url.expose_secret() && rest(self) == rest(other)
    }
}

impl SharedConfig {
    /// What is written wrongly.
    pub fn check(&self) -> Result<(), SharedError> {
        self.connection_info()?;
        if self.timeout_ms == 0 {
            return Err(SharedError::Wrong("timeout_ms: 0 leaves no time to answer; give some milliseconds"));
        }
        if !(3..=3600).contains(&self.lease_seconds) {
            return Err(SharedError::Wrong("lease_seconds: is not from 3 to 3600"));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(is_plain) {
            return Err(SharedError::Wrong("prefix: is not 1 to 64 letters, digits or any of - _ : ."));
        }
        Ok(())
    }

    /// The server, with its password.
    pub(in crate::limits) fn client(
        &self,
        read_variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Client, SharedError> {
        self.check()?;
        let mut info = self.connection_info()?;
        if let Some(variable) = &self.password_env {
            let password = read_variable(variable).filter(|password| !password.is_empty());
            let password = password.ok_or_else(|| SharedError::NoPassword(variable.clone()))?;
            let settings = info.redis_settings().clone().set_password(password);
            info = info.set_redis_settings(settings);
        }
        Client::open(info).map_err(|_| SharedError::BadUrl)
    }

    fn connection_info(&self) -> Result<ConnectionInfo, SharedError> {
        let url = self.url.expose_secret();
        let is_redis = url.starts_with("redis://") || url.starts_with("rediss://");
        let info = is_redis.then(|| url.into_connection_info());
        info.and_then(Result::ok).ok_or(SharedError::BadUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> SharedConfig {
        toml::from_str(&format!("url = \"redis://:hunter2@127.0.0.1:1/3\"\n{more}")).unwrap()
    }

    #[test]
    fn the_password_is_never_shown() {
        assert!(!format!("{:?}", config("")).contains("hunter2"));
        let bad: SharedConfig = toml::from_str("url = \"http://:hunter2@127.0.0.1\"").unwrap();
        assert!(!bad.check().unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        for (more, field) in [
            ("timeout_ms = 0", "shared.timeout_ms"),
            ("lease_seconds = 1", "shared.lease_seconds"),
            ("prefix = \"a{b\"", "shared.prefix"),
        ] {
            assert!(config(more).check().unwrap_err().to_string().starts_with(field), "{more}");
        }
        let missing = config("password_env = \"P\"").client(|_| None).unwrap_err().to_string();
        assert!(missing.starts_with("shared.password_env: the environment variable P"), "{missing}");
        assert!(config("password_env = \"P\"").client(|_| Some("x".into())).is_ok());
        assert!(config("") == config("") && config("") != config("timeout_ms = 60"));
    }
}
