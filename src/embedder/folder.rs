//! A transformer's folder as sentence-transformers lays it out: reads configuration and finds files. Loads no weights.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::encoder::EncoderConfig;
use super::pooling::Pooling;
use super::prefix::{PROMPTS_FILE, prefix_from_json};
use super::text_tokenizer::Cut;

/// What fine-tuning writes beside an encoder.
pub(super) const TUNED_FILE: &str = "semroute_encoder.json";

/// Why a folder is not a usable model.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file is missing or unreadable.
    #[error("{path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// What the file system said.
        cause: std::io::Error,
    },
    /// A file says something that cannot be used.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl FolderError {
    pub(super) fn invalid(path: &Path, message: impl Into<String>) -> Self {
        Self::Invalid { path: path.display().to_string(), message: message.into() }
    }
}

/// The parts of a model folder.
pub struct TransformerFolder {
    pub(super) encoder: EncoderConfig,
    pub(super) pooling: Pooling,
    /// What stands before every text; mostly empty.
    pub(super) prefix: String,
    /// The most tokens read of one text, prefix and special tokens included.
    pub(super) max_tokens: usize,
    /// What is left out of a longer text.
    pub(super) cut: Cut,
    pub(super) tokenizer_path: PathBuf,
    pub(super) weights_path: PathBuf,
    /// Bytes of the small files that decide the vectors beside the weights.
    pub(super) small_files: Vec<u8>,
}

#[derive(Deserialize)]
struct SentenceBertConfig {
    max_seq_length: Option<usize>,
}

/// `semroute_encoder.json`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TunedConfig {
    cut: Cut,
}

/// A line of `modules.json`: one step from text to vector.
#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    class: String,
}

impl TransformerFolder {
    /// Reads `config.json` and what else there is of `modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json`,
    /// `config_sentence_transformers.json` and `semroute_encoder.json`. Without them: mean pooling, over all positions, no prefix, longer texts cut at their end. Vectors are always
    /// scaled to unit length, with `2_Normalize` or without: the router compares directions only.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let config_path = folder.join("config.json");
        let config_text = read(&config_path)?;
        let encoder =
            EncoderConfig::from_json(&config_text).map_err(|message| FolderError::invalid(&config_path, message))?;
        let prefix = match read_optional(&folder.join(PROMPTS_FILE))? {
            Some(text) => {
                prefix_from_json(&text).map_err(|message| FolderError::invalid(&folder.join(PROMPTS_FILE), message))?
            }
            None => String::new(),
        };
        let (pooling, pooling_text) = read_pooling(folder, !prefix.is_empty())?;
        let (max_tokens, length_text) = read_length(folder, encoder.positions)?;
        let mut small_files = vec![config_text, pooling_text, length_text];
        let tuned_path = folder.join(TUNED_FILE);
        let mut cut = Cut::Front;
        if let Some(text) = read_optional(&tuned_path)? {
            let tuned: TunedConfig = parse_json(&text).map_err(|message| FolderError::invalid(&tuned_path, message))?;
            cut = tuned.cut;
            small_files.push(text);
        }
        Ok(Self {
            cut,
            encoder,
            pooling,
            prefix,
            max_tokens,
            tokenizer_path: folder.join("tokenizer.json"),
            weights_path: folder.join("model.safetensors"),
            small_files: small_files.join("\0").into_bytes(),
        })
    }
}

/// The pooling, and the text of its file. A step of `modules.json` that is not computed here would change every vector, so
/// it is refused.
fn read_pooling(folder: &Path, has_prefix: bool) -> Result<(Pooling, String), FolderError> {
    let modules_path = folder.join("modules.json");
    let modules: Vec<Module> = match read_optional(&modules_path)? {
        Some(text) => parse_json(&text).map_err(|message| FolderError::invalid(&modules_path, message))?,
        None => Vec::new(),
    };
    let mut named = None;
    for module in modules {
        match module.class.rsplit('.').next() {
            Some("Transformer" | "Normalize") => {}
            Some("Pooling") => named = Some(module.path),
            _ => {
                let message =
                    format!("type {:?} is not supported; only Transformer, Pooling and Normalize are", module.class);
                return Err(FolderError::invalid(&modules_path, message));
            }
        }
    }
    let path = folder.join(named.as_deref().unwrap_or("1_Pooling")).join("config.json");
    let text = if named.is_some() { Some(read(&path)?) } else { read_optional(&path)? };
    let Some(text) = text else { return Ok((Pooling::Mean, String::new())) };
    let pooling = Pooling::from_json(&text, has_prefix).map_err(|message| FolderError::invalid(&path, message))?;
    Ok((pooling, text))
}

/// The most tokens of one text, and the text of the file that says so.
fn read_length(folder: &Path, positions: usize) -> Result<(usize, String), FolderError> {
    let path = folder.join("sentence_bert_config.json");
    let text = read_optional(&path)?.unwrap_or_default();
    let configured = match text.as_str() {
        "" => None,
        text => {
            let config: SentenceBertConfig =
                parse_json(text).map_err(|message| FolderError::invalid(&path, message))?;
            config.max_seq_length
        }
    };
    if positions < 3 {
        let message = format!("max_position_embeddings leaves {positions} tokens; at least 3 are needed");
        return Err(FolderError::invalid(&folder.join("config.json"), message));
    }
    match configured.unwrap_or(positions).min(positions) {
        max_tokens @ ..3 => {
            let message = format!("max_seq_length is {max_tokens}; at least 3 tokens are needed");
            Err(FolderError::invalid(&path, message))
        }
        max_tokens => Ok((max_tokens, text)),
    }
}

/// Reads JSON. The error names the field by its path.
pub(super) fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().to_string() {
        path if path == "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(value)
}

fn read(path: &Path) -> Result<String, FolderError> {
    std::fs::read_to_string(path).map_err(|cause| FolderError::Read { path: path.display().to_string(), cause })
}

fn read_optional(path: &Path) -> Result<Option<String>, FolderError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(FolderError::Read { path: path.display().to_string(), cause }),
    }
}
