//! The keys that callers may present. Only their BLAKE3 hashes are kept, and comparing takes the same time for every key.

use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use super::AuthConfig;

/// The accepted keys.
#[derive(Clone)]
pub struct KeyRing {
    required: bool,
    hashes: Vec<[u8; blake3::OUT_LEN]>,
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
}

impl KeyRing {
    /// Nobody is asked for a key.
    pub fn open() -> Self {
        Self { required: false, hashes: Vec::new() }
    }

    /// Reads the keys from `read_variable`, which is given the variable's name.
    pub fn build(config: &AuthConfig, read_variable: impl Fn(&str) -> Option<String>) -> Result<Self, AuthError> {
        let mut hashes = Vec::new();
        if let Some(variable) = &config.keys_env {
            let keys = read_variable(variable).unwrap_or_default();
            let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
            hashes.extend(keys.map(|key| *blake3::hash(key.as_bytes()).as_bytes()));
            if hashes.is_empty() {
                return Err(AuthError::EmptyVariable { variable: variable.clone() });
            }
        }
        if config.required && hashes.is_empty() {
            return Err(AuthError::NoKeys);
        }
        Ok(Self { required: config.required, hashes })
    }

    /// Whether every call needs a key.
    pub fn required(&self) -> bool {
        self.required
    }

    /// Whether a call that presents this key, or none, may pass.
    pub fn admits(&self, presented: Option<&[u8]>) -> bool {
        if !self.required {
            return true;
        }
        let Some(presented) = presented else { return false };
        let presented = blake3::hash(presented);
        // Every hash is compared, so that the time taken tells nothing of which one was near.
        let found = self.hashes.iter().fold(Choice::from(0), |found, hash| found | hash.ct_eq(presented.as_bytes()));
        bool::from(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(required: bool, keys: Option<&str>) -> Result<KeyRing, AuthError> {
        let config = AuthConfig { required, keys_env: keys.map(|_| "KEYS".into()) };
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
