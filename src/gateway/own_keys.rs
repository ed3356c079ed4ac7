//! Callers' own keys at a provider (`own_keys`): read from variables and files when the gateway is built, never from a store and never from
//! a request. Which of a provider's keys a request may go by is `upstream`'s.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{GatewayError, ProviderConfig};

/// Keys are a few hundred bytes; what is longer is another file.
const MOST_FILE_BYTES: u64 = 16 * 1024;

/// One entry of a provider's `own_keys`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnKeyConfig {
    /// The caller, by the name of its key or, after `jwt:`, of its token.
    pub caller: String,
    /// The environment variable that holds its key at this provider.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Or the file.
    #[serde(default)]
    pub api_key_file: Option<PathBuf>,
}

/// A caller's key at a provider.
pub(super) struct OwnKey {
    pub(super) caller: String,
    pub(super) key: SecretString,
}

/// Reads the keys of a `[[providers]]` table; `read_variable` is given the names of variables.
pub(super) fn read(
    config: &ProviderConfig,
    index: usize,
    read_variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<OwnKey>, GatewayError> {
    check_alone(config, index)?;
    let mut keys: Vec<OwnKey> = Vec::with_capacity(config.own_keys.len());
    for (place, own) in config.own_keys.iter().enumerate() {
        let refuse = |problem: String| GatewayError::OwnKey { index, place, problem };
        let caller = own.caller.trim();
        if caller.is_empty() {
            return Err(refuse("caller: is empty; name the caller by the name of its key".into()));
        }
        if keys.iter().any(|earlier| earlier.caller == caller) {
            return Err(refuse(format!("caller: {caller:?} has a key here already")));
        }
        let (field, key) = match (&own.api_key_env, &own.api_key_file) {
            (Some(variable), None) => {
                let unset = || {
                    refuse(format!(
                        "api_key_env: the environment variable {variable} is unset or empty; set it to the key of {caller:?}"
                    ))
                };
                ("api_key_env", read_variable(variable).map(SecretString::from).ok_or_else(unset)?)
            }
            (None, Some(file)) => {
                let unreadable = |cause: String| {
                    refuse(format!(
                        "api_key_file: {} cannot be read: {cause}; it holds the key of {caller:?}, and nothing else",
                        file.display()
                    ))
                };
                ("api_key_file", read_file(file).map_err(unreadable)?)
            }
            (Some(_), Some(_)) => {
                return Err(refuse("api_key_file: api_key_env is given too; keep one of the two".into()));
            }
            (None, None) => {
                return Err(refuse(
                    "api_key_env: missing; name the variable that holds the key, or a file with api_key_file".into(),
                ));
            }
        };
        // A key that was written by a shell often ends with a line break that is not part of it.
        let key = SecretString::from(key.expose_secret().trim().to_owned());
        if key.expose_secret().is_empty() {
            return Err(refuse(format!("{field}: holds no key; it should hold that of {caller:?}")));
        }
        if HeaderValue::from_str(key.expose_secret()).is_err() {
            return Err(refuse(format!("{field}: holds characters that a key cannot have, such as a line break")));
        }
        keys.push(OwnKey { caller: caller.to_owned(), key });
    }
    Ok(keys)
}

/// A provider for those with keys of their own has no key for others.
fn check_alone(config: &ProviderConfig, index: usize) -> Result<(), GatewayError> {
    let refuse = |field, reason: &str| Err(GatewayError::UnusableField { index, field, reason: reason.into() });
    if !config.own_keys_only {
        return Ok(());
    }
    if config.own_keys.is_empty() {
        return refuse(
            "own_keys_only",
            "there are no own_keys, so that nobody could be served; add some, or leave it out",
        );
    }
    if !config.api_key_env.names().is_empty() {
        return refuse(
            "api_key_env",
            "beside own_keys_only = true nobody's requests would go by it; leave one of the two out",
        );
    }
    if config.access_key_id_env.is_some()
        || config.secret_access_key_env.is_some()
        || config.session_token_env.is_some()
    {
        return refuse(
            "access_key_id_env",
            "beside own_keys_only = true nothing would be signed with it; leave one of the two out",
        );
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<SecretString, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MOST_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let text = SecretString::from(text);
    if text.expose_secret().len() as u64 > MOST_FILE_BYTES {
        return Err(format!("it has more than {MOST_FILE_BYTES} bytes"));
    }
    Ok(text)
}
