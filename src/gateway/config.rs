//! The `[[providers]]` tables of the configuration. Holds the *name* of a key's variable, never the key.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::Deserialize;

use super::health::HealthConfig;
use super::own_keys::OwnKeyConfig;
use super::upstream::{BreakerConfig, QuotaScope};

/// One `[[providers]]` table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The name that `[[models]]` entries refer to.
    pub name: String,
    /// The API it speaks.
    #[serde(default)]
    pub kind: ProviderKind,
    /// Where it answers, up to and without `/chat/completions`, `/messages`, `/models` or `/model`: `https://api.openai.com/v1`.
    pub base_url: String,
    /// Where it serves from, such as `eu`; requests may ask for regions by this name.
    #[serde(default)]
    pub region: Option<String>,
    /// The environment variable that holds its key, or several, whose keys take turns; unset for a provider that asks for none.
    #[serde(default)]
    pub api_key_env: KeyVariables,
    /// Keys of callers' own: such a caller's requests go by its key alone, and nobody else's do.
    #[serde(default)]
    pub own_keys: Vec<OwnKeyConfig>,
    /// Whether it serves only callers that have a key of their own here.
    #[serde(default)]
    pub own_keys_only: bool,
    /// Kind `openai`: the header that brings the key; unset, the bearer token, or `api-key` beside an `api_version`.
    #[serde(default)]
    pub auth: Option<KeyHeader>,
    /// Kind `openai`: the version of Azure OpenAI's API, where deployments are asked by their paths: `2024-10-21`.
    #[serde(default)]
    pub api_version: Option<String>,
    /// Kind `bedrock`: the region that requests are signed for; unset, the one in the host of `base_url`.
    #[serde(default)]
    pub aws_region: Option<String>,
    /// Kind `bedrock` without `api_key_env`: the environment variable that holds the access key's id; unset, `AWS_ACCESS_KEY_ID`.
    #[serde(default)]
    pub access_key_id_env: Option<String>,
    /// The same for the secret access key; unset, `AWS_SECRET_ACCESS_KEY`. Named together with `access_key_id_env`.
    #[serde(default)]
    pub secret_access_key_env: Option<String>,
    /// The same for the token of temporary credentials; unset, `AWS_SESSION_TOKEN`, where the other two are unset as well.
    #[serde(default)]
    pub session_token_env: Option<String>,
    /// What its rate limit is of.
    #[serde(default)]
    pub quota: QuotaScope,
    /// The most requests that may be under way there at once; one more goes elsewhere. Unset: no bound but the server's.
    #[serde(default)]
    pub max_in_flight: Option<NonZeroUsize>,
    /// When its endpoints are left alone for a while.
    #[serde(default)]
    pub breaker: BreakerConfig,
    /// How it is asked whether it is well, beside the requests that it gets. Unset: it is not.
    #[serde(default)]
    pub health: Option<HealthConfig>,
    /// Whether it may be asked for the token counts of streams; one that refuses to be is noticed, too.
    #[serde(default = "yes")]
    pub stream_usage: bool,
    /// Whether it is told by `traceparent` which trace a request belongs to, where traces are sent.
    #[serde(default)]
    pub send_traceparent: bool,
    /// Until the connection stands, TLS included.
    #[serde(default = "default_connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// Until the first byte of a whole answer, or the first event of a stream.
    #[serde(default = "default_first_byte_timeout_ms")]
    pub first_byte_timeout_ms: u64,
    /// Between two pieces of an answer that has begun.
    #[serde(default = "default_between_chunks_timeout_ms")]
    pub between_chunks_timeout_ms: u64,
    /// For one attempt from beginning to end, streams included.
    #[serde(default = "default_total_timeout_ms")]
    pub total_timeout_ms: u64,
    /// A whole answer that is larger counts as a failed attempt. Streams are not held in memory and have no such cap.
    #[serde(default = "default_max_answer_bytes")]
    pub max_answer_bytes: usize,
    /// The cap on an answer, in tokens, where the client sets none and the API demands one. Thinking that the client asks for comes on top.
    #[serde(default = "default_max_tokens")]
    pub default_max_tokens: NonZeroU32,
}

/// Names of environment variables: one, or a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct KeyVariables(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "the name of an environment variable, or a list of such names")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for KeyVariables {
    fn from(names: OneOrMany) -> Self {
        Self(match names {
            OneOrMany::One(name) => vec![name],
            OneOrMany::Many(names) => names,
        })
    }
}

impl From<&str> for KeyVariables {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl KeyVariables {
    /// The names, in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

fn yes() -> bool {
    true
}

/// The API a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// OpenAI's chat completions, as many providers and servers speak it.
    #[default]
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Amazon Bedrock's Converse API.
    Bedrock,
}

impl ProviderKind {
    /// As the configuration has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
        }
    }
}

/// The header that brings the key to a provider of kind `openai`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyHeader {
    /// `authorization: Bearer KEY`
    #[default]
    Bearer,
    /// `api-key: KEY`, as Azure has it.
    ApiKey,
}

impl ProviderConfig {
    /// A provider that speaks OpenAI's API, with the default timeouts and no key.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: ProviderKind::OpenAi,
            base_url: base_url.into(),
            region: None,
            api_key_env: KeyVariables::default(),
            own_keys: Vec::new(),
            own_keys_only: false,
            auth: None,
            api_version: None,
            aws_region: None,
            access_key_id_env: None,
            secret_access_key_env: None,
            session_token_env: None,
            quota: QuotaScope::default(),
            max_in_flight: None,
            breaker: BreakerConfig::default(),
            health: None,
            stream_usage: true,
            send_traceparent: false,
            connect_timeout_ms: default_connect_timeout_ms(),
            first_byte_timeout_ms: default_first_byte_timeout_ms(),
            between_chunks_timeout_ms: default_between_chunks_timeout_ms(),
            total_timeout_ms: default_total_timeout_ms(),
            max_answer_bytes: default_max_answer_bytes(),
            default_max_tokens: default_max_tokens(),
        }
    }

    /// A field that is set and that only another kind of provider has, and that kind.
    pub(super) fn misplaced_field(&self) -> Option<(&'static str, ProviderKind)> {
        let fields = [
            ("auth", self.auth.is_some(), ProviderKind::OpenAi),
            ("api_version", self.api_version.is_some(), ProviderKind::OpenAi),
            ("aws_region", self.aws_region.is_some(), ProviderKind::Bedrock),
            ("access_key_id_env", self.access_key_id_env.is_some(), ProviderKind::Bedrock),
            ("secret_access_key_env", self.secret_access_key_env.is_some(), ProviderKind::Bedrock),
            ("session_token_env", self.session_token_env.is_some(), ProviderKind::Bedrock),
        ];
        let misplaced = fields.into_iter().find(|(_, is_set, kind)| *is_set && *kind != self.kind);
        misplaced.map(|(field, _, kind)| (field, kind))
    }
}

fn default_connect_timeout_ms() -> u64 {
    5_000
}

/// A model that reasons before it answers may be silent for minutes, so this only catches the ones that hang.
fn default_first_byte_timeout_ms() -> u64 {
    180_000
}

fn default_between_chunks_timeout_ms() -> u64 {
    60_000
}

/// OpenAI's own SDK gives up after this time.
fn default_total_timeout_ms() -> u64 {
    600_000
}

fn default_max_answer_bytes() -> usize {
    32 * 1024 * 1024
}

/// Every model that is still served can write as much, and a cap that is not reached costs nothing.
fn default_max_tokens() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(8191)
}
