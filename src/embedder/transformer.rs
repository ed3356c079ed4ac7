//! BERT-family encoders through candle: tokenize, forward, pool, normalise. Offline callers hand it batches; the server goes
//! through the queue. Knows of no architecture, tokenizer file or prompt by itself: its parts do.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::encoder::Encoder;
use super::folder::{FolderError, TransformerFolder};
use super::pooling::Pooling;
use super::prefix::PROMPTS_FILE;
use super::text_tokenizer::{TextTokenizer, TokenIds};
use super::{EmbedError, Embedder, EmbedderIdentity, Embedding, normalise};

/// Padded tokens of one forward pass when a caller hands over more: beyond this the working set leaves the cache.
const PADDED_TOKENS_A_PASS: usize = 4096;

/// A loaded encoder.
pub struct Transformer {
    identity: EmbedderIdentity,
    tokenizer: TextTokenizer,
    encoder: Encoder,
    pooling: Pooling,
    pad_id: u32,
    device: Device,
}

/// Where the arithmetic runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// The first accelerator this binary was built for, or the processor.
    Best,
}

impl Transformer {
    /// Loads a model folder. `name` is what decisions and artifacts call it.
    pub fn from_folder(name: &str, folder: &Path, device: DeviceChoice) -> Result<Self, FolderError> {
        let parts = TransformerFolder::read(folder)?;
        let read = |path: &Path| {
            std::fs::read(path).map_err(|cause| FolderError::Read { path: path.display().to_string(), cause })
        };
        let tokenizer_bytes = read(&parts.tokenizer_path)?;
        let weights = read(&parts.weights_path)?;
        let mut deciding: Vec<&[u8]> = vec![&parts.small_files, &tokenizer_bytes, &weights];
        if !parts.prefix.is_empty() {
            deciding.push(parts.prefix.as_bytes());
        }
        let fingerprint = fingerprint(&deciding);
        let tokenizer_error = |message: String| FolderError::invalid(&parts.tokenizer_path, message);
        let vocabulary_size = parts.encoder.vocabulary_size;
        let tokenizer = TextTokenizer::from_bytes(&tokenizer_bytes, parts.prefix, parts.max_tokens, vocabulary_size)
            .map_err(tokenizer_error)?;
        let fixed_tokens = tokenizer.fixed_tokens().map_err(|error| tokenizer_error(error.to_string()))?;
        if !tokenizer.prefix().is_empty() && fixed_tokens >= parts.max_tokens {
            let message = format!(
                "the prompt {:?} and the special tokens fill {fixed_tokens} of the {} tokens that are read; shorten it",
                tokenizer.prefix(),
                parts.max_tokens
            );
            return Err(FolderError::invalid(&folder.join(PROMPTS_FILE), message));
        }
        let device = open_device(device).map_err(|error| FolderError::invalid(folder, error.to_string()))?;
        let weights_error =
            |error: candle_core::Error| FolderError::invalid(&parts.weights_path, without_backtrace(&error));
        let tensors = VarBuilder::from_buffered_safetensors(weights, DType::F32, &device).map_err(weights_error)?;
        let encoder = parts.encoder.load(tensors).map_err(weights_error)?;
        let identity = EmbedderIdentity { name: name.to_owned(), dims: parts.encoder.dims, fingerprint };
        Ok(Self { identity, tokenizer, encoder, pooling: parts.pooling, pad_id: parts.encoder.pad_id, device })
    }

    /// The most tokens read of one text, prefix and special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.tokenizer.max_tokens()
    }

    /// What the model wants before every text (E5's `query: `); mostly empty. It comes from the folder's own
    /// `config_sentence_transformers.json`: the prompt that `default_prompt_name` names, else the prompt `query`. E5 folders
    /// come without that file, and then their user adds it:
    ///
    /// ```json
    /// {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"}
    /// ```
    ///
    /// The prefix is part of the fingerprint, so an artifact that was trained without it is refused with it.
    pub fn prefix(&self) -> &str {
        self.tokenizer.prefix()
    }

    /// Token by token as they stand in the tokenizer's vocabulary, by id.
    pub fn vocabulary(&self) -> Vec<String> {
        self.tokenizer.vocabulary()
    }

    /// Tokenizes one text behind the prefix, with the special tokens around both, cut to the model's length.
    pub fn tokenize(&self, text: &str) -> Result<TokenIds, EmbedError> {
        self.tokenizer.tokenize(text)
    }

    /// Wraps a bare token id as `[CLS] id [SEP]` (behind the prefix, where there is one), to embed a token by itself. Refused
    /// unless the vocabulary is WordPiece.
    pub fn wrap_token(&self, id: u32) -> Result<TokenIds, EmbedError> {
        self.tokenizer.wrap_token(id)
    }

    /// One forward pass over a batch that is padded to its longest text. Callers bound the batch.
    pub fn forward(&self, batch: &[&TokenIds]) -> Result<Vec<Embedding>, EmbedError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let pooled = self.pooled(batch).map_err(|error| EmbedError::Model(without_backtrace(&error)))?;
        Ok(pooled
            .into_iter()
            .zip(batch)
            .map(|(mut vector, tokens)| {
                if tokens.is_empty() {
                    // A tokenizer without special tokens gives an empty text none, and the mean of nothing is no number.
                    vector.fill(0.0);
                }
                normalise(&mut vector);
                Embedding { vector, tokens: tokens.len(), truncated: tokens.truncated }
            })
            .collect())
    }

    fn pooled(&self, batch: &[&TokenIds]) -> candle_core::Result<Vec<Vec<f32>>> {
        // At least one, so that a batch of empty texts has a shape.
        let length = batch.iter().map(|tokens| tokens.len()).max().unwrap_or(0).max(1);
        let mut ids = vec![self.pad_id; batch.len() * length];
        let mut mask = vec![0u32; batch.len() * length];
        for (row, tokens) in batch.iter().enumerate() {
            let start = row * length;
            ids[start..start + tokens.len()].copy_from_slice(&tokens.ids);
            mask[start..start + tokens.len()].fill(1);
        }
        let shape = (batch.len(), length);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        let hidden = self.encoder.forward(&ids, &mask)?;
        self.pooling.pool(&hidden, &mask)?.to_vec2::<f32>()
    }
}

impl Embedder for Transformer {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    /// Batches texts of like length together, so that little of a pass is padding.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let tokens = texts.iter().map(|text| self.tokenize(text)).collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&index| tokens[index].len());
        let mut embeddings: Vec<Option<Embedding>> = vec![None; tokens.len()];
        let mut rest = order.as_slice();
        while let Some(&first) = rest.first() {
            let mut take = 1;
            let mut longest = tokens[first].len();
            while let Some(&next) = rest.get(take) {
                longest = longest.max(tokens[next].len());
                if longest * (take + 1) > PADDED_TOKENS_A_PASS {
                    break;
                }
                take += 1;
            }
            let (now, later) = rest.split_at(take);
            let batch: Vec<&TokenIds> = now.iter().map(|&index| &tokens[index]).collect();
            for (&index, embedding) in now.iter().zip(self.forward(&batch)?) {
                embeddings[index] = Some(embedding);
            }
            rest = later;
        }
        Ok(embeddings.into_iter().flatten().collect())
    }
}

fn fingerprint(files: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for bytes in files {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// candle appends a backtrace to its messages when `RUST_BACKTRACE` is set; it is for the log of a crash, not for a user.
fn without_backtrace(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn open_device(choice: DeviceChoice) -> candle_core::Result<Device> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Best if cfg!(feature = "cuda") => Device::cuda_if_available(0),
        DeviceChoice::Best if cfg!(feature = "metal") => Device::new_metal(0).or(Ok(Device::Cpu)),
        DeviceChoice::Best => Ok(Device::Cpu),
    }
}
