//! BERT-family encoders through candle: tokenize, forward, pool, normalise. Offline callers hand it batches; the server goes
//! through the queue. The only file where a model runs.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;
use tokenizers::Tokenizer;

use super::folder::{FolderError, TransformerFolder};
use super::pooling::Pooling;
use super::{EmbedError, Embedder, EmbedderIdentity, Embedding, normalise};

/// Padded tokens of one forward pass when a caller hands over more: beyond this the working set leaves the cache.
const PADDED_TOKENS_A_PASS: usize = 4096;
/// A text is cut at this many bytes for each token that can be read, before tokenizing: far beyond any real token, so that
/// only what could not be read anyway is left out.
const BYTES_A_TOKEN: usize = 64;

/// A loaded encoder.
pub struct Transformer {
    identity: EmbedderIdentity,
    tokenizer: Tokenizer,
    model: BertModel,
    pooling: Pooling,
    device: Device,
    max_tokens: usize,
}

/// A tokenized text, at most as long as the model reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIds {
    pub(super) ids: Vec<u32>,
    pub(super) truncated: bool,
}

impl TokenIds {
    /// Tokens, special tokens included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
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
        let invalid = |path: &Path, message: String| FolderError::Invalid { path: path.display().to_string(), message };
        let read = |path: &Path| {
            std::fs::read(path).map_err(|cause| FolderError::Read { path: path.display().to_string(), cause })
        };
        let tokenizer_bytes = read(&parts.tokenizer_path)?;
        let weights = read(&parts.weights_path)?;
        let fingerprint = fingerprint(&[&parts.small_files, &tokenizer_bytes, &weights]);
        let mut tokenizer = Tokenizer::from_bytes(&tokenizer_bytes)
            .map_err(|error| invalid(&parts.tokenizer_path, error.to_string()))?;
        // Files in the wild ship a fixed length of their own; length and padding are decided here.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| invalid(&parts.tokenizer_path, error.to_string()))?;
        let device = open_device(device).map_err(|error| invalid(folder, error.to_string()))?;
        let weights_error = |error: candle_core::Error| invalid(&parts.weights_path, without_backtrace(&error));
        let tensors = VarBuilder::from_buffered_safetensors(weights, DType::F32, &device).map_err(weights_error)?;
        let model = BertModel::load(tensors, &parts.config).map_err(weights_error)?;
        let identity = EmbedderIdentity { name: name.to_owned(), dims: parts.config.hidden_size, fingerprint };
        Ok(Self { identity, tokenizer, model, pooling: parts.pooling, device, max_tokens: parts.max_tokens })
    }

    /// The most tokens read of one text, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Token by token as they stand in the tokenizer's vocabulary, by id.
    pub fn vocabulary(&self) -> Vec<String> {
        (0..u32::try_from(self.tokenizer.get_vocab_size(false)).unwrap_or(u32::MAX))
            .map(|id| self.tokenizer.id_to_token(id).unwrap_or_default())
            .collect()
    }

    /// Tokenizes one text with the special tokens around it, cut to the model's length.
    pub fn tokenize(&self, text: &str) -> Result<TokenIds, EmbedError> {
        let cut = text.floor_char_boundary(self.max_tokens.saturating_mul(BYTES_A_TOKEN));
        let encoding =
            self.tokenizer.encode_fast(&text[..cut], true).map_err(|error| EmbedError::Tokenize(error.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        let truncated = cut < text.len() || ids.len() > self.max_tokens;
        if ids.len() > self.max_tokens {
            // The last token closes the sequence ([SEP]); it stays.
            let last = ids[ids.len() - 1];
            ids.truncate(self.max_tokens - 1);
            ids.push(last);
        }
        Ok(TokenIds { ids, truncated })
    }

    /// Wraps bare token ids of the vocabulary as `[CLS] id [SEP]`, to embed a token by itself.
    pub fn wrap_token(&self, id: u32) -> Result<TokenIds, EmbedError> {
        let empty = self.tokenize("")?;
        match empty.ids.as_slice() {
            &[open, close] => Ok(TokenIds { ids: vec![open, id, close], truncated: false }),
            other => Err(EmbedError::Tokenize(format!("expected two special tokens around a text, found {other:?}"))),
        }
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
                normalise(&mut vector);
                Embedding { vector, tokens: tokens.len(), truncated: tokens.truncated }
            })
            .collect())
    }

    fn pooled(&self, batch: &[&TokenIds]) -> candle_core::Result<Vec<Vec<f32>>> {
        let length = batch.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
        let mut ids = vec![0u32; batch.len() * length];
        let mut mask = vec![0u32; batch.len() * length];
        for (row, tokens) in batch.iter().enumerate() {
            let start = row * length;
            ids[start..start + tokens.len()].copy_from_slice(&tokens.ids);
            mask[start..start + tokens.len()].fill(1);
        }
        let shape = (batch.len(), length);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
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
