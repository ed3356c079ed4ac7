//! The `[[providers]]` tables of the configuration. Holds the *name* of a key's variable, never the key.

use std::num::NonZeroU32;

use serde::Deserialize;

/// One `[[providers]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The name that `[[models]]` entries refer to.
    pub name: String,
    /// The API it speaks.
    #[serde(default)]
    pub kind: ProviderKind,
    /// Where it answers, up to and without `/chat/completions` or `/messages`: `https://api.openai.com/v1`.
    pub base_url: String,
    /// Where it serves from, such as `eu`; requests may ask for regions by this name.
    #[serde(default)]
    pub region: Option<String>,
    /// The environment variable that holds its key; unset for a provider that asks for none.
    #[serde(default)]
    pub api_key_env: Option<String>,
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

/// The API a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// OpenAI's chat completions, as many providers and servers speak it.
    #[default]
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
}

impl ProviderConfig {
    /// A provider that speaks OpenAI's API, with the default timeouts and no key.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: ProviderKind::OpenAi,
            base_url: base_url.into(),
            region: None,
            api_key_env: None,
            connect_timeout_ms: default_connect_timeout_ms(),
            first_byte_timeout_ms: default_first_byte_timeout_ms(),
            between_chunks_timeout_ms: default_between_chunks_timeout_ms(),
            total_timeout_ms: default_total_timeout_ms(),
            max_answer_bytes: default_max_answer_bytes(),
            default_max_tokens: default_max_tokens(),
        }
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
