//! A transformer's folder as sentence-transformers lays it out: reads configuration and finds files. Loads no weights.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::encoder::EncoderConfig;
use super::model_files::ModelFiles;
use super::pooling::Pooling;
use super::prefix::{PROMPTS_FILE, prefix_from_json};
use super::text_tokenizer::Cut;

/// The file of weights.
pub(super) const WEIGHTS_FILE: &str = "model.safetensors";
/// The tokenizer's file.
pub(super) const TOKENIZER_FILE: &str = "tokenizer.json";
/// What fine-tuning writes beside an encoder.
pub(super) const TUNED_FILE: &str = "semroute_encoder.json";

/// Why a folder is not a usable model.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file is missing, or cannot be read or written.
    #[error("{path}: {cause}")]
    File {
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
    /// Where tokenizer and weights lie.
    pub(super) files: ModelFiles,
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
        Self::of(ModelFiles::Folder(folder.to_owned()))
    }

    /// The same of files wherever they lie.
    pub(super) fn of(files: ModelFiles) -> Result<Self, FolderError> {
        let config_path = files.path("config.json");
        let config_text = read(&files, "config.json")?;
        let encoder =
            EncoderConfig::from_json(&config_text).map_err(|message| FolderError::invalid(&config_path, message))?;
        let prefix = match read_optional(&files, PROMPTS_FILE)? {
            Some(text) => {
                prefix_from_json(&text).map_err(|message| FolderError::invalid(&files.path(PROMPTS_FILE), message))?
            }
            None => String::new(),
        };
        let (pooling, pooling_text) = read_pooling(&files, !prefix.is_empty())?;
        let (max_tokens, length_text) = read_length(&files, encoder.positions)?;
        let mut small_files = vec![config_text, pooling_text, length_text];
        let mut cut = Cut::Front;
        if let Some(text) = read_optional(&files, TUNED_FILE)? {
            let tuned: TunedConfig =
                parse_json(&text).map_err(|message| FolderError::invalid(&files.path(TUNED_FILE), message))?;
            cut = tuned.cut;
            small_files.push(text);
        }
        let small_files = small_files.join("\0").into_bytes();
        Ok(Self { cut, encoder, pooling, prefix, max_tokens, files, small_files })
    }
}

/// The pooling, and the text of its file. A step of `modules.json` that is not computed here would change every vector, so
/// it is refused.
fn read_pooling(files: &ModelFiles, has_prefix: bool) -> Result<(Pooling, String), FolderError> {
    let modules_path = files.path("modules.json");
    let modules: Vec<Module> = match read_optional(files, "modules.json")? {
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
    let name = format!("{}/config.json", named.as_deref().unwrap_or("1_Pooling"));
    let text = if named.is_some() { Some(read(files, &name)?) } else { read_optional(files, &name)? };
    let Some(text) = text else { return Ok((Pooling::Mean, String::new())) };
    let pooling = Pooling::from_json(&text, has_prefix);
    let pooling = pooling.map_err(|message| FolderError::invalid(&files.path(&name), message))?;
    Ok((pooling, text))
}

/// The most tokens of one text, and the text of the file that says so.
fn read_length(files: &ModelFiles, positions: usize) -> Result<(usize, String), FolderError> {
    const FILE: &str = "sentence_bert_config.json";
    let path = files.path(FILE);
    let text = read_optional(files, FILE)?.unwrap_or_default();
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
        return Err(FolderError::invalid(&files.path("config.json"), message));
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

fn read(files: &ModelFiles, name: &str) -> Result<String, FolderError> {
    text(files, name).map_err(|cause| FolderError::File { path: files.path(name).display().to_string(), cause })
}

fn read_optional(files: &ModelFiles, name: &str) -> Result<Option<String>, FolderError> {
    match text(files, name) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(FolderError::File { path: files.path(name).display().to_string(), cause }),
    }
}

fn text(files: &ModelFiles, name: &str) -> std::io::Result<String> {
    let invalid = |_| std::io::Error::new(std::io::ErrorKind::InvalidData, "stream did not contain valid UTF-8");
    String::from_utf8(files.read(name)?.into_owned()).map_err(invalid)
}
