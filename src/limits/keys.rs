//! The keys that callers may present. Only their BLAKE3 hashes are kept, and comparing takes the same time for every key.

use std::sync::Arc;

use subtle::{ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use super::AuthConfig;

/// The accepted keys.
#[derive(Clone)]
pub struct KeyRing {
    required: bool,
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    hash: [u8; blake3::OUT_LEN],
    name: Option<Arc<str>>,
}

/// Why `[auth]` cannot be honoured.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AuthError {
    /// Keys are asked for, and there are none.
    #[error(
        "auth.required: true, but there is no key; name a variable that holds keys, separated by commas, with auth.keys_env"
    )]
    NoKeys,
    /// The variable is unset or empty.
    #[error(
        "auth.keys_env: the environment variable {variable} is unset or holds no key; set it to one or more keys, separated by commas"
    )]
    EmptyVariable {
        /// Its name.
        variable: String,
    },
    /// The variable of a named key is unset or empty.
    #[error("auth.keys[{index}].key_env: the environment variable {variable} is unset or empty; set it to the key")]
    EmptyKey {
        /// Position in the file.
        index: usize,
        /// The variable.
        variable: String,
    },
    /// Two keys with one name, or none.
    #[error("auth.keys[{index}].name: {name:?} is empty or already the name of another key")]
    BadName {
        /// Position in the file.
        index: usize,
        /// The name.
        name: String,
    },
}

impl KeyRing {
    /// Nobody is asked for a key.
    pub fn open() -> Self {
        Self { required: false, keys: Vec::new() }
    }

    /// Reads the keys from `read_variable`, which is given the variable's name.
    pub fn build(config: &AuthConfig, read_variable: impl Fn(&str) -> Option<String>) -> Result<Self, AuthError> {
        let hashed = |key: &str, name: Option<&str>| Key {
            hash: *blake3::hash(key.as_bytes()).as_bytes(),
            name: name.map(Arc::from),
        };
        let mut keys = Vec::new();
        if let Some(variable) = &config.keys_env {
            let found = read_variable(variable).unwrap_or_default();
            keys.extend(found.split(',').map(str::trim).filter(|key| !key.is_empty()).map(|key| hashed(key, None)));
            if keys.is_empty() {
                return Err(AuthError::EmptyVariable { variable: variable.clone() });
            }
        }
        for (index, named) in config.keys.iter().enumerate() {
            let name = named.name.trim();
            if name.is_empty() || config.keys[..index].iter().any(|earlier| earlier.name.trim() == name) {
                return Err(AuthError::BadName { index, name: named.name.clone() });
            }
            let key = read_variable(&named.key_env).unwrap_or_default();
            if key.trim().is_empty() {
                return Err(AuthError::EmptyKey { index, variable: named.key_env.clone() });
            }
            keys.push(hashed(key.trim(), Some(name)));
        }
        if config.required && keys.is_empty() {
            return Err(AuthError::NoKeys);
        }
        Ok(Self { required: config.required, keys })
    }

    /// Whether every call needs a key.
    pub fn required(&self) -> bool {
        self.required
    }

    /// Whether a call that presents this key, or none, may pass.
    pub fn admits(&self, presented: Option<&[u8]>) -> bool {
        !self.required || presented.is_some_and(|presented| self.find(presented).is_some())
    }

    /// The key presented, if it is one of ours: its name, if it has one, and a mark that tells it from others without telling it.
    pub fn identify(&self, presented: Option<&[u8]>) -> Option<(Option<Arc<str>>, String)> {
        let key = self.find(presented?)?;
        Some((key.name.clone(), blake3::Hash::from_bytes(key.hash).to_hex()[..16].to_owned()))
    }

    fn find(&self, presented: &[u8]) -> Option<&Key> {
        if self.keys.is_empty() {
            return None;
        }
        let presented = blake3::hash(presented);
        // Every hash is compared, so that the time taken tells nothing of which one was near.
        let none = self.keys.len() as u64;
        let found =
            self.keys.iter().zip(0u64..).fold(none, |found, (key, at)| {
                u64::conditional_select(&found, &at, key.hash.ct_eq(presented.as_bytes()))
            });
        usize::try_from(found).ok().and_then(|at| self.keys.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(required: bool, keys: Option<&str>) -> Result<KeyRing, AuthError> {
        let config = AuthConfig { required, keys_env: keys.map(|_| "KEYS".into()), keys: Vec::new() };
        KeyRing::build(&config, |variable| (variable == "KEYS").then(|| keys.unwrap_or_default().to_owned()))
    }

    #[test]
    fn only_a_listed_key_passes() {
        let ring = ring(true, Some("first, second ,,")).unwrap();
        for (key, passes) in
            [("first", true), ("second", true), ("", false), ("secon", false), ("first, second", false)]
        {
            assert_eq!(ring.admits(Some(key.as_bytes())), passes, "{key:?}");
        }
        assert!(!ring.admits(None));
    }

    #[test]
    fn a_door_that_should_be_locked_is_never_left_open() {
        assert_eq!(ring(true, None).err(), Some(AuthError::NoKeys));
        assert_eq!(ring(true, Some(" , ")).err(), Some(AuthError::EmptyVariable { variable: "KEYS".into() }));
        assert!(ring(false, None).unwrap().admits(None));
    }
}
