//! What callers may present: keys of the configuration and of the store, of which only BLAKE3 hashes are kept and which are compared in the
//! same time whichever it is, and tokens, which `jwt` verifies.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use subtle::{ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use super::issued_key;
use super::jwt::{TOKEN_NAME_PREFIX, TokenError, TokenVerifier};
use super::{Allowance, AuthConfig, BudgetedCaller, StoredKeys};

/// The accepted keys and tokens.
#[derive(Clone)]
pub struct KeyRing {
    required: bool,
    keys: Vec<Key>,
    stored: Option<Arc<StoredKeys>>,
    tokens: Option<Arc<TokenVerifier>>,
}

/// A caller whose key or token is good.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownCaller {
    /// What rules and logs call the caller, if the key has a name; every token has one.
    pub name: Option<Arc<str>>,
    /// Tells the caller from others without telling the key.
    pub identity: String,
    /// What it may do.
    pub allowance: Arc<Allowance>,
}

/// Why a call may not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It presented nothing.
    NothingPresented,
    /// It presented what is not one of the keys.
    UnknownKey,
    /// It presented a key that has ended.
    ExpiredKey,
    /// It presented a key that was revoked.
    RevokedKey,
    /// It presented what may be a key of the store, which could not be read yet.
    KeysUnread,
    /// It presented a token that does not hold.
    Token(TokenError),
}

#[derive(Clone)]
struct Key {
    hash: [u8; blake3::OUT_LEN],
    name: Option<Arc<str>>,
    allowance: Arc<Allowance>,
}

/// Why `[auth]` cannot be honoured.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AuthError {
    /// Keys are asked for, and there are none.
    #[error(
        "auth.required: true, but there is no key; add a [store] and make one with semroute keys create, name a variable that holds \
         keys, separated by commas, with auth.keys_env, or take tokens with [auth.jwt]"
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
    /// A key with the name of a token's caller.
    #[error(
        "auth.keys[{index}].name: {name:?} begins with {TOKEN_NAME_PREFIX:?}, which is for the callers of tokens; choose another"
    )]
    NameOfToken {
        /// Position in the file.
        index: usize,
        /// The name.
        name: String,
    },
    /// What a key may do makes no sense.
    #[error("auth.keys[{index}].{problem}")]
    BadAllowance {
        /// Position in the file.
        index: usize,
        /// The field, and what is wrong.
        problem: String,
    },
    /// Tokens that could not be verified, or none that could.
    #[error("auth.jwt.{0}")]
    BadJwt(String),
}

impl KeyRing {
    /// Nobody is asked for a key.
    pub fn open() -> Self {
        Self { required: false, keys: Vec::new(), stored: None, tokens: None }
    }

    /// Reads the keys from `read_variable`, which is given the variable's name. `has_store`: there may be further keys in a store.
    pub fn build(
        config: &AuthConfig,
        has_store: bool,
        read_variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, AuthError> {
        let hashed = |key: &str, name: Option<&str>, allowance: Allowance| Key {
            hash: *issued_key::hash(key.as_bytes()).as_bytes(),
            name: name.map(Arc::from),
            allowance: Arc::new(allowance),
        };
        let mut keys = Vec::new();
        if let Some(variable) = &config.keys_env {
            let found = read_variable(variable).unwrap_or_default();
            let found = found.split(',').map(str::trim).filter(|key| !key.is_empty());
            keys.extend(found.map(|key| hashed(key, None, Allowance::default())));
            if keys.is_empty() {
                return Err(AuthError::EmptyVariable { variable: variable.clone() });
            }
        }
        for (index, named) in config.keys.iter().enumerate() {
            let name = named.name.trim();
            if name.is_empty() || config.keys[..index].iter().any(|earlier| earlier.name.trim() == name) {
                return Err(AuthError::BadName { index, name: named.name.clone() });
            }
            if name.starts_with(TOKEN_NAME_PREFIX) {
                return Err(AuthError::NameOfToken { index, name: named.name.clone() });
            }
            let key = read_variable(&named.key_env).unwrap_or_default();
            if key.trim().is_empty() {
                return Err(AuthError::EmptyKey { index, variable: named.key_env.clone() });
            }
            named.check().map_err(|problem| AuthError::BadAllowance { index, problem })?;
            keys.push(hashed(key.trim(), Some(name), named.allowance()));
        }
        if let Some(jwt) = &config.jwt {
            jwt.check().map_err(AuthError::BadJwt)?;
        } else if config.required && keys.is_empty() && !has_store {
            return Err(AuthError::NoKeys);
        }
        Ok(Self { required: config.required, keys, stored: None, tokens: None })
    }

    /// With tokens taken beside the keys.
    #[must_use]
    pub fn with_tokens(mut self, tokens: TokenVerifier) -> Self {
        self.tokens = Some(Arc::new(tokens));
        self
    }

    /// With the keys of a store beside these.
    #[must_use]
    pub fn with_stored(mut self, stored: Arc<StoredKeys>) -> Self {
        self.stored = Some(stored);
        self
    }

    /// Whether nobody could present anything that is accepted, as far as is known.
    pub fn is_empty(&self) -> bool {
        let stored = self.stored.as_ref().is_none_or(|stored| stored.usable() == Some(0));
        self.keys.is_empty() && self.tokens.is_none() && stored
    }

    /// Goes on with what another ring knows: the store's keys, and those of the same token issuer, which may not be there to be fetched just
    /// now.
    #[must_use]
    pub fn inheriting(mut self, before: &Self) -> Self {
        if let (Some(tokens), Some(known)) = (&mut self.tokens, &before.tokens)
            && tokens.config() == known.config()
        {
            *tokens = Arc::clone(known);
        }
        self.stored = self.stored.or_else(|| before.stored.clone());
        self
    }

    /// Those that have a budget of their own.
    pub fn budgeted(&self) -> Vec<BudgetedCaller> {
        let budgeted = |key: &Key| {
            let budget = key.allowance.limits.budget;
            let identity = blake3::Hash::from_bytes(key.hash).to_hex()[..16].to_owned();
            let name = key.name.as_ref()?.to_string();
            budget.limits_anything().then_some(BudgetedCaller { name, identity, budget })
        };
        let stored = self.stored.iter().flat_map(|stored| stored.budgeted());
        self.keys.iter().filter_map(budgeted).chain(stored).collect()
    }

    /// Whether every call needs a key.
    pub fn required(&self) -> bool {
        self.required
    }

    /// Who presents this; `None` is a stranger who may pass all the same. Waits for the issuer where a token names a key that is new.
    pub async fn recognise(&self, presented: Option<&[u8]>) -> Result<Option<KnownCaller>, Refusal> {
        let refusal = match presented {
            None => Refusal::NothingPresented,
            Some(presented) => match self.caller_of(presented).await {
                Ok(caller) => return Ok(Some(caller)),
                Err(refusal) => refusal,
            },
        };
        if self.required { Err(refusal) } else { Ok(None) }
    }

    /// Keeps the keys of the store and of the token issuer fresh, without end.
    pub async fn keep_fresh(&self) -> Infallible {
        let of_issuer = async {
            match &self.tokens {
                Some(tokens) => tokens.keep_fresh().await,
                None => pending().await,
            }
        };
        let of_store = async {
            match &self.stored {
                Some(stored) => stored.keep_fresh().await,
                None => pending().await,
            }
        };
        tokio::select! {
            never = of_issuer => match never {},
            never = of_store => match never {},
        }
    }

    async fn caller_of(&self, presented: &[u8]) -> Result<KnownCaller, Refusal> {
        let hash = issued_key::hash(presented);
        if let Some(key) = self.find(&hash) {
            let identity = blake3::Hash::from_bytes(key.hash).to_hex()[..16].to_owned();
            return Ok(KnownCaller { name: key.name.clone(), identity, allowance: Arc::clone(&key.allowance) });
        }
        match &self.tokens {
            Some(tokens) if TokenVerifier::is_token(presented) => {
                tokens.verify(presented).await.map_err(Refusal::Token)
            }
            _ => self.stored.as_ref().map_or(Err(Refusal::UnknownKey), |stored| stored.recognise(presented, &hash)),
        }
    }

    fn find(&self, presented: &blake3::Hash) -> Option<&Key> {
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
        let config = AuthConfig { required, keys_env: keys.map(|_| "KEYS".into()), ..AuthConfig::default() };
        KeyRing::build(&config, false, |variable| (variable == "KEYS").then(|| keys.unwrap_or_default().to_owned()))
    }

    #[tokio::test]
    async fn only_a_listed_key_passes() {
        let ring = ring(true, Some("first, second ,,")).unwrap();
        for (key, passes) in [
            ("first", true),
            ("second", true),
            ("", false),
            ("secon", false),
            ("first, second", false),
            ("a.b.c", false),
        ] {
            let expected = if passes { None } else { Some(Refusal::UnknownKey) };
            assert_eq!(ring.recognise(Some(key.as_bytes())).await.err(), expected, "{key:?}");
        }
        assert_eq!(ring.recognise(None).await, Err(Refusal::NothingPresented));
    }

    #[tokio::test]
    async fn a_door_that_should_be_locked_is_never_left_open() {
        assert_eq!(ring(true, None).err(), Some(AuthError::NoKeys));
        let locked = AuthConfig { required: true, ..AuthConfig::default() };
        let ring_of_store = KeyRing::build(&locked, true, |_| None).unwrap();
        assert_eq!(
            ring_of_store.recognise(Some(b"sk-sr-a-b")).await,
            Err(Refusal::UnknownKey),
            "a store may hold keys"
        );
        assert_eq!(ring(true, Some(" , ")).err(), Some(AuthError::EmptyVariable { variable: "KEYS".into() }));
        assert_eq!(ring(false, None).unwrap().recognise(None).await, Ok(None));
    }

    #[test]
    fn what_would_take_any_token_or_none_is_refused_by_its_path() {
        let refusal = |table: &str| {
            let config: AuthConfig = toml::from_str(table).unwrap();
            KeyRing::build(&config, false, |_| Some("key".into())).err().unwrap().to_string()
        };
        let jwt = |more: &str| format!("required = true\n[jwt]\nissuer = \"https://i\"\naudience = \"a\"\n{more}");
        assert!(KeyRing::build(&toml::from_str(&jwt("")).unwrap(), false, |_| None).is_ok(), "tokens alone are enough");
        for (table, expected) in [
            ("[jwt]\nissuer = \"\"\naudience = \"a\"".to_owned(), "auth.jwt.issuer: is empty"),
            ("[jwt]\nissuer = \"https://i\"\naudience = []".to_owned(), "auth.jwt.audience: is empty"),
            ("[jwt]\nissuer = \"https://i\"\naudience = [\"a\", \"\"]".to_owned(), "auth.jwt.audience: is empty"),
            (jwt("algorithms = []"), "auth.jwt.algorithms: is empty"),
            (jwt("leeway_seconds = 301"), "auth.jwt.leeway_seconds: 301 is more than 300"),
            (jwt("refresh_minutes = 0"), "auth.jwt.refresh_minutes: 0 is not"),
            (jwt("required_scopes = [\"a b\"]"), "auth.jwt.required_scopes: a scope is one word"),
            (
                "[[keys]]\nname = \"jwt:alice\"\nkey_env = \"K\"".to_owned(),
                "auth.keys[0].name: \"jwt:alice\" begins with",
            ),
            ("[[keys]]\nname = \"a\"\nkey_env = \"K\"\nmodels = []".to_owned(), "auth.keys[0].models: names nothing"),
            (
                "[[keys]]\nname = \"a\"\nkey_env = \"K\"\nconcurrent = 0".to_owned(),
                "auth.keys[0].concurrent: 0 would refuse every request",
            ),
            (
                "[[keys]]\nname = \"a\"\nkey_env = \"K\"\nbudget = { day_usd = -1.0 }".to_owned(),
                "auth.keys[0].budget.day_usd: -1 is not",
            ),
            (jwt("limits = { tokens_per_minute = 0 }"), "auth.jwt.limits.tokens_per_minute: 0 would"),
            (jwt("scopes = { endpoints = [] }"), "auth.jwt.scopes.endpoints: names nothing"),
        ] {
            let said = refusal(&table);
            assert!(said.contains(expected), "{table}: {said}");
        }
        for secret in ["HS256", "none"] {
            let text = jwt(&format!("algorithms = [\"{secret}\"]"));
            assert!(toml::from_str::<AuthConfig>(&text).is_err(), "{secret}");
        }
    }
}
