//! A transformer's folder as sentence-transformers lays it out: reads configuration and finds files. Loads no weights.

use std::path::{Path, PathBuf};

use candle_transformers::models::bert;
use serde::Deserialize;
use thiserror::Error;

use super::pooling::Pooling;

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

/// The parts of a model folder.
pub struct TransformerFolder {
    pub(super) config: bert::Config,
    pub(super) pooling: Pooling,
    /// The most tokens read of one text, special tokens included.
    pub(super) max_tokens: usize,
    pub(super) tokenizer_path: PathBuf,
    pub(super) weights_path: PathBuf,
    /// Bytes of the small files that decide the vectors beside the weights.
    pub(super) small_files: Vec<u8>,
}

#[derive(Deserialize)]
struct ModelType {
    model_type: Option<String>,
}

#[derive(Deserialize)]
struct SentenceBertConfig {
    max_seq_length: Option<usize>,
}

impl TransformerFolder {
    /// Reads `config.json`, `1_Pooling/config.json` and `sentence_bert_config.json` (the last two may be missing: mean
    /// pooling over all positions then).
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let config_path = folder.join("config.json");
        let config_text = read(&config_path)?;
        let invalid = |path: &Path, message: String| FolderError::Invalid { path: path.display().to_string(), message };
        let kind: ModelType =
            serde_json::from_str(&config_text).map_err(|error| invalid(&config_path, error.to_string()))?;
        if kind.model_type.as_deref().is_some_and(|kind| kind != "bert") {
            let message = format!("model_type is {:?}, and only \"bert\" is supported", kind.model_type);
            return Err(invalid(&config_path, message));
        }
        let config: bert::Config =
            serde_json::from_str(&config_text).map_err(|error| invalid(&config_path, error.to_string()))?;
        let (heads, dims) = (config.num_attention_heads, config.hidden_size);
        if dims == 0 || dims.checked_rem(heads) != Some(0) {
            let message =
                format!("hidden_size is {dims} and num_attention_heads {heads}; the first must be a multiple");
            return Err(invalid(&config_path, message));
        }
        let pooling_path = folder.join("1_Pooling/config.json");
        let (pooling, pooling_text) = match read_optional(&pooling_path)? {
            Some(text) => (Pooling::from_json(&text).map_err(|message| invalid(&pooling_path, message))?, text),
            None => (Pooling::Mean, String::new()),
        };
        let length_path = folder.join("sentence_bert_config.json");
        let length_text = read_optional(&length_path)?.unwrap_or_default();
        let configured = match length_text.as_str() {
            "" => None,
            text => {
                serde_json::from_str::<SentenceBertConfig>(text)
                    .map_err(|error| invalid(&length_path, error.to_string()))?
                    .max_seq_length
            }
        };
        let max_tokens = configured.unwrap_or(config.max_position_embeddings).min(config.max_position_embeddings);
        if max_tokens < 3 {
            return Err(invalid(&length_path, format!("max_seq_length is {max_tokens}; at least 3 tokens are needed")));
        }
        let small_files = [config_text, pooling_text, length_text].join("\0").into_bytes();
        let (tokenizer_path, weights_path) = (folder.join("tokenizer.json"), folder.join("model.safetensors"));
        Ok(Self { config, pooling, max_tokens, tokenizer_path, weights_path, small_files })
    }
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
