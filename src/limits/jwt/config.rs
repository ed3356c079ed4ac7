//! The `[auth.jwt]` table of the configuration: whose tokens are taken in place of a key, and what they must say. Fetches nothing.

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Deserializer};

use crate::limits::{CallerLimits, Scopes};

/// Tokens older than their end by more than this are not a matter of clocks.
const MOST_LEEWAY_SECONDS: u64 = 300;

/// `[auth.jwt]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// Who signs the tokens; their `iss`, to the letter.
    pub issuer: String,
    /// Whom they are for; one of these must be in their `aud`.
    #[serde(deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    /// Where the issuer's keys are. Unset: where `ISSUER/.well-known/openid-configuration` says.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The claim that names the caller.
    #[serde(default = "default_name_claim")]
    pub name_claim: String,
    /// How tokens may be signed. Shared secrets are not among the choices.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<SigningAlgorithm>,
    /// Scopes that must all be in `scope` or `scp`.
    #[serde(default)]
    pub required_scopes: Vec<String>,
    /// How far the issuer's clock may be off, in seconds.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
    /// How often the issuer's keys are fetched again, in minutes.
    #[serde(default = "default_refresh_minutes")]
    pub refresh_minutes: u64,
    /// What each caller may ask for.
    #[serde(default)]
    pub scopes: Scopes,
    /// How much each caller may do.
    #[serde(default)]
    pub limits: CallerLimits,
}

/// A way to sign with a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
pub enum SigningAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::RS256 => Self::RS256,
            SigningAlgorithm::RS384 => Self::RS384,
            SigningAlgorithm::RS512 => Self::RS512,
            SigningAlgorithm::PS256 => Self::PS256,
            SigningAlgorithm::PS384 => Self::PS384,
            SigningAlgorithm::PS512 => Self::PS512,
            SigningAlgorithm::ES256 => Self::ES256,
            SigningAlgorithm::ES384 => Self::ES384,
            SigningAlgorithm::EdDSA => Self::EdDSA,
        }
    }
}

impl JwtConfig {
    /// What would let no token through, or too many, as `KEY: what is wrong`.
    pub(in crate::limits) fn check(&self) -> Result<(), String> {
        let is_blank = |text: &String| text.trim().is_empty();
        if is_blank(&self.issuer) {
            return Err("issuer: is empty; give the iss of the tokens, such as https://login.example.com".into());
        }
        if self.audience.is_empty() || self.audience.iter().any(is_blank) {
            return Err("audience: is empty; without one, tokens for other services would be taken".into());
        }
        if is_blank(&self.name_claim) {
            return Err("name_claim: is empty; leave it out for sub".into());
        }
        if self.algorithms.is_empty() {
            return Err("algorithms: is empty; leave it out for RS256, ES256 and EdDSA".into());
        }
        if self.required_scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
            return Err("required_scopes: a scope is one word; list several as [\"a\", \"b\"]".into());
        }
        if self.leeway_seconds > MOST_LEEWAY_SECONDS {
            return Err(format!("leeway_seconds: {} is more than {MOST_LEEWAY_SECONDS}", self.leeway_seconds));
        }
        if !(1..=24 * 60).contains(&self.refresh_minutes) {
            return Err(format!("refresh_minutes: {} is not from 1 to 1440", self.refresh_minutes));
        }
        self.scopes.check().map_err(|wrong| format!("scopes.{wrong}"))?;
        self.limits.check().map_err(|wrong| format!("limits.{wrong}"))
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a string or a list of strings")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

fn default_name_claim() -> String {
    "sub".into()
}

fn default_algorithms() -> Vec<SigningAlgorithm> {
    vec![SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA]
}

fn default_leeway_seconds() -> u64 {
    30
}

fn default_refresh_minutes() -> u64 {
    60
}
