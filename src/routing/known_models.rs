//! What well-known models can do beside text, by the beginning of their names; used only where the configuration does not say. From the
//! providers' public model pages, read in 2026-10; a model that is not here has no capability until the configuration states it.

use super::registry::Capability;
use super::registry::Capability::{Audio, Embeddings, Json, Reasoning, Tools, Vision};

const TEXT: &[Capability] = &[Tools, Json];
const SEES: &[Capability] = &[Tools, Json, Vision];
const THINKS: &[Capability] = &[Tools, Json, Reasoning];
const SEES_AND_THINKS: &[Capability] = &[Tools, Json, Vision, Reasoning];
const SEES_AND_HEARS: &[Capability] = &[Tools, Json, Vision, Audio];
const ALL: &[Capability] = &[Tools, Json, Vision, Audio, Reasoning];
const EMBEDS: &[Capability] = &[Embeddings];
const NOTHING: &[Capability] = &[];

/// Beginnings of names with what such models can do. The longest beginning counts.
const KNOWN: &[(&str, &[Capability])] = &[
    // OpenAI
    ("gpt-3.5-turbo", TEXT),
    ("gpt-4-turbo", SEES),
    ("gpt-4.1", SEES),
    ("gpt-4o", SEES),
    ("gpt-4o-audio", &[Tools, Audio]),
    ("gpt-4o-mini-audio", &[Tools, Audio]),
    ("gpt-audio", &[Tools, Audio]),
    ("gpt-5", SEES_AND_THINKS),
    ("gpt-5-chat", SEES),
    ("gpt-oss", THINKS),
    ("o1", SEES_AND_THINKS),
    ("o1-mini", &[Reasoning]),
    ("o1-preview", &[Reasoning]),
    ("o3", SEES_AND_THINKS),
    ("o3-mini", THINKS),
    ("o4-mini", SEES_AND_THINKS),
    ("codex-mini", SEES_AND_THINKS),
    // Anthropic. JSON schemas are kept to by the newer ones alone.
    ("claude-3-haiku", &[Tools, Vision]),
    ("claude-3-opus", &[Tools, Vision]),
    ("claude-3-sonnet", &[Tools, Vision]),
    ("claude-3-5", &[Tools, Vision]),
    ("claude-3-7", &[Tools, Vision, Reasoning]),
    ("claude-sonnet-4", &[Tools, Vision, Reasoning]),
    ("claude-opus-4", &[Tools, Vision, Reasoning]),
    ("claude-opus-4-1", SEES_AND_THINKS),
    ("claude-opus-4-5", SEES_AND_THINKS),
    ("claude-sonnet-4-5", SEES_AND_THINKS),
    ("claude-haiku-4-5", SEES_AND_THINKS),
    // Google
    ("gemini-1.5", SEES_AND_HEARS),
    ("gemini-2.0", SEES_AND_HEARS),
    ("gemini-2.5", ALL),
    ("gemini-3", ALL),
    ("gemma-3", &[Json, Vision]),
    // Mistral
    ("mistral-large", TEXT),
    ("mistral-medium", SEES),
    ("mistral-small", SEES),
    ("ministral", TEXT),
    ("pixtral", SEES),
    ("codestral", TEXT),
    ("devstral", TEXT),
    ("magistral", SEES_AND_THINKS),
    ("voxtral", &[Tools, Json, Audio]),
    ("open-mistral-nemo", TEXT),
    ("open-mixtral", TEXT),
    ("mixtral", TEXT),
    // DeepSeek
    ("deepseek-chat", TEXT),
    ("deepseek-reasoner", THINKS),
    ("deepseek-r1", &[Reasoning]),
    ("deepseek-v3", TEXT),
    // Meta
    ("llama-3.1", TEXT),
    ("llama-3.2", TEXT),
    ("llama-3.3", TEXT),
    ("llama-4", SEES),
    ("llama3.1", TEXT),
    ("llama3.2", TEXT),
    ("llama3.3", TEXT),
    ("llama4", SEES),
    // Alibaba
    ("qwen2.5", TEXT),
    ("qwen2.5-vl", SEES),
    ("qwen2.5vl", SEES),
    ("qwen3", THINKS),
    ("qwen3-vl", SEES_AND_THINKS),
    ("qwen-max", TEXT),
    ("qwen-plus", THINKS),
    ("qwen-turbo", THINKS),
    ("qwq", &[Reasoning]),
    // Others
    ("grok-3", TEXT),
    ("grok-4", SEES_AND_THINKS),
    ("kimi-k2", TEXT),
    ("glm-4.5", THINKS),
    ("glm-4.6", THINKS),
    ("command-r", TEXT),
    ("command-a", TEXT),
    ("phi-4", TEXT),
    ("nova-micro", &[Tools]),
    ("nova-lite", &[Tools, Vision]),
    ("nova-pro", &[Tools, Vision]),
    // What gives vectors and no answers
    ("text-embedding", EMBEDS),
    ("text-multilingual-embedding", EMBEDS),
    ("gemini-embedding", EMBEDS),
    ("embeddinggemma", EMBEDS),
    ("mistral-embed", EMBEDS),
    ("codestral-embed", EMBEDS),
    ("qwen3-embedding", EMBEDS),
    ("embed-english", EMBEDS),
    ("embed-multilingual", EMBEDS),
    ("embed-v4", EMBEDS),
    ("titan-embed", EMBEDS),
    ("voyage-", EMBEDS),
    ("nomic-embed", EMBEDS),
    ("mxbai-embed", EMBEDS),
    ("all-minilm", EMBEDS),
    ("bge-", EMBEDS),
];

/// What a model of this name can do; nothing where the name is not known. Hosts write an owner before the name
/// (`meta-llama/Llama-3.3-70B-Instruct`, `us.anthropic.claude-sonnet-4-5-v1:0`), which does not count.
pub fn known_capabilities(upstream_name: &str) -> &'static [Capability] {
    let lower = upstream_name.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    // An owner before a dot is a word; a version before a dot ends in a digit.
    let name =
        ["us.", "eu.", "apac.", "global."].iter().fold(name, |name, region| name.strip_prefix(region).unwrap_or(name));
    let name = ["anthropic.", "meta.", "mistral.", "amazon.", "deepseek.", "openai.", "qwen."]
        .iter()
        .fold(name, |name, owner| name.strip_prefix(owner).unwrap_or(name));
    let name = name.strip_prefix("meta-").unwrap_or(name);
    let begins = KNOWN.iter().filter(|(beginning, _)| name.starts_with(beginning));
    begins.max_by_key(|(beginning, _)| beginning.len()).map_or(NOTHING, |(_, capabilities)| capabilities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts_and_owners_do_not() {
        for (name, expected) in [
            ("gpt-4o-2024-11-20", SEES),
            ("gpt-4o-audio-preview", &[Tools, Audio][..]),
            ("gpt-5-mini", SEES_AND_THINKS),
            ("o3-mini", THINKS),
            ("meta-llama/Llama-3.3-70B-Instruct", TEXT),
            ("Qwen/Qwen2.5-VL-72B-Instruct", SEES),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", SEES_AND_THINKS),
            ("accounts/fireworks/models/deepseek-r1", &[Reasoning]),
            ("llama3.1:8b", TEXT),
            ("qwen3-embedding:0.6b", EMBEDS),
            ("text-embedding-3-small", EMBEDS),
            ("my-own-model", NOTHING),
        ] {
            assert_eq!(known_capabilities(name), expected, "{name}");
        }
    }
}
