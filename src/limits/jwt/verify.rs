//! Verifies a token and remembers that it did: a client sends the same one with every request. What is remembered is keyed by a hash
//! of the whole token and counts only while the issuer's keys are the same.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::sync::Cache;
use serde_json::{Map, Value};

use super::issuer::{FetchDocument, Issuer};
use super::key_set::{Found, KeySet};
use super::{JwtConfig, TokenError, claims, signature};
use crate::limits::KnownCaller;

/// Tokens with many groups in them have a few kilobytes.
const MOST_TOKEN_BYTES: usize = 16 * 1024;
const MOST_REMEMBERED: u64 = 10_000;
/// Longer than clients pause between requests; what they no longer send goes.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// What verifies the tokens of one issuer.
pub struct TokenVerifier {
    config: JwtConfig,
    algorithms: Vec<Algorithm>,
    validation: Validation,
    issuer: Arc<Issuer>,
    verified: Cache<blake3::Hash, Verified>,
}

/// A token that held.
#[derive(Clone)]
struct Verified {
    caller: KnownCaller,
    ends_unix_s: u64,
    generation: u64,
}

impl TokenVerifier {
    /// What it goes by.
    pub(in crate::limits) fn config(&self) -> &JwtConfig {
        &self.config
    }

    /// Verifies as `config` says; `fetch` is lent to it for the issuer's documents. Fetches nothing yet.
    pub fn new(config: JwtConfig, fetch: FetchDocument) -> Self {
        signature::install();
        let algorithms: Vec<Algorithm> = config.algorithms.iter().copied().map(Algorithm::from).collect();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&config.audience);
        validation.leeway = config.leeway_seconds;
        validation.validate_nbf = true;
        Self {
            issuer: Arc::new(Issuer::new(&config, fetch)),
            verified: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED_FOR).build(),
            algorithms,
            validation,
            config,
        }
    }

    /// Whether this has the shape of a token rather than of a key.
    pub(in crate::limits) fn is_token(presented: &[u8]) -> bool {
        presented.iter().filter(|byte| **byte == b'.').count() == 2
    }

    /// Fetches the issuer's keys now and then, without end.
    pub async fn keep_fresh(&self) -> Infallible {
        self.issuer.keep_fresh().await
    }

    /// The caller that this token speaks of.
    pub async fn verify(&self, token: &[u8]) -> Result<KnownCaller, TokenError> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let hash = blake3::hash(token);
        if let Some(verified) = self.verified.get(&hash)
            && self.still_holds(&verified)
        {
            return Ok(verified.caller);
        }
        let header = jsonwebtoken::decode_header(token)?;
        // What is critical and not understood must not be ignored (RFC 7515, section 4.1.11); nothing is understood.
        if header.crit.is_some() || !self.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        let keys = self.keys_for(header.kid.as_deref(), header.alg).await?;
        let key = match keys.find(header.kid.as_deref(), header.alg) {
            Found::Key(key) => key,
            Found::OtherAlgorithm => return Err(TokenError::Algorithm),
            Found::Nothing => return Err(TokenError::UnknownKey),
        };
        let claims = self.claims(token, key, header.alg)?;
        let caller = claims::caller(&claims, &self.config)?;
        let ends_unix_s = claims.get("exp").and_then(Value::as_u64).unwrap_or(0);
        self.verified.insert(hash, Verified { caller: caller.clone(), ends_unix_s, generation: keys.generation });
        Ok(caller)
    }

    fn still_holds(&self, verified: &Verified) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |elapsed| elapsed.as_secs());
        let ends = verified.ends_unix_s.saturating_add(self.config.leeway_seconds);
        ends >= now && self.issuer.keys().is_some_and(|keys| keys.generation == verified.generation)
    }

    /// Keys in which to look for this one; fetched again where it is not among those at hand.
    async fn keys_for(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<KeySet>, TokenError> {
        let known = self.issuer.keys();
        let seen = known.as_ref().map_or(0, |keys| keys.generation);
        match known {
            Some(keys) if !matches!(keys.find(id, algorithm), Found::Nothing) => Ok(keys),
            _ => {
                self.issuer.look_again(seen).await;
                self.issuer.keys().ok_or(TokenError::KeysUnavailable)
            }
        }
    }

    fn claims(&self, token: &[u8], key: &DecodingKey, algorithm: Algorithm) -> Result<Map<String, Value>, TokenError> {
        // The way of signing is the key's and the configuration's, and the token's word for it must be the same.
        let validation = Validation { algorithms: vec![algorithm], ..self.validation.clone() };
        Ok(jsonwebtoken::decode(token, key, &validation)?.claims)
    }
}
