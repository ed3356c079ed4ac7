//! BERT-family encoders: tokenize, forward, pool, normalise. Offline callers hand it batches; the server goes through the queue. Knows of no
//! architecture, arithmetic, tokenizer file or prompt by itself: its parts do.

use std::path::Path;

use super::folder::{FolderError, TOKENIZER_FILE, TransformerFolder, WEIGHTS_FILE};
use super::model_files::ModelFiles;
use super::pass::{DeviceChoice, Pass};
use super::prefix::PROMPTS_FILE;
use super::text_tokenizer::{TextTokenizer, TokenIds};
use super::{EmbedError, Embedder, EmbedderIdentity, Embedding, Precision, normalise};

/// Tokens of one forward pass when a caller hands over more: beyond this the working set leaves the cache.
const TOKENS_A_PASS: usize = 4096;

/// A loaded encoder.
pub struct Transformer {
    identity: EmbedderIdentity,
    tokenizer: TextTokenizer,
    pass: Pass,
}

impl Transformer {
    /// Loads a model folder. `name` is what decisions and artifacts call it. Without a precision, weights that are stored as bytes are multiplied as
    /// bytes where the processor is fast at it, and all others as numbers of 32 bits. The precision is not part of its fingerprint: what was trained on one may be served
    /// on the other.
    pub fn from_folder(
        name: &str,
        folder: &Path,
        device: DeviceChoice,
        precision: impl Into<Option<Precision>>,
    ) -> Result<Self, FolderError> {
        Self::from_files(name, ModelFiles::Folder(folder.to_owned()), device, precision.into())
    }

    /// The same of files wherever they lie.
    pub(super) fn from_files(
        name: &str,
        files: ModelFiles,
        device: DeviceChoice,
        precision: Option<Precision>,
    ) -> Result<Self, FolderError> {
        let parts = TransformerFolder::of(files)?;
        let tokenizer_bytes = tokenizer_bytes(&parts)?;
        let fingerprint = fingerprint(&parts, &tokenizer_bytes)
            .map_err(|cause| FolderError::File { path: parts.files.path(WEIGHTS_FILE).display().to_string(), cause })?;
        let tokenizer = tokenizer(&parts, &tokenizer_bytes)?;
        let pass = Pass::load(&parts, device, precision)?;
        let identity = EmbedderIdentity { name: name.to_owned(), dims: parts.encoder.dims, fingerprint };
        Ok(Self { identity, tokenizer, pass })
    }

    /// The tokenizer alone, without the weights.
    pub(super) fn tokenizer_of(parts: &TransformerFolder) -> Result<TextTokenizer, FolderError> {
        tokenizer(parts, &tokenizer_bytes(parts)?)
    }

    /// What its weights are multiplied as.
    pub fn precision(&self) -> Precision {
        self.pass.precision()
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

    /// Tokens that a batch costs, by how many texts it has, the longest one's tokens and all tokens.
    pub(super) fn cost(&self, texts: usize, longest: usize, tokens: usize) -> usize {
        self.pass.cost(texts, longest, tokens)
    }

    /// One forward pass over a batch. Callers bound it.
    pub fn forward(&self, batch: &[&TokenIds]) -> Result<Vec<Embedding>, EmbedError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let pooled = self.pass.pooled(batch).map_err(EmbedError::Model)?;
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
}

impl Transformer {
    /// Embeds texts that were tokenized, however many there are. Texts of like length are batched together, so that little of a pass is padding
    /// where there is any.
    pub fn embed_tokens(&self, tokens: &[TokenIds]) -> Result<Vec<Embedding>, EmbedError> {
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&index| tokens[index].len());
        let mut embeddings: Vec<Option<Embedding>> = vec![None; tokens.len()];
        let mut rest = order.as_slice();
        while let Some(&first) = rest.first() {
            let mut take = 1;
            let mut sum = tokens[first].len();
            while let Some(&next) = rest.get(take) {
                // By length: the next one is the longest.
                sum += tokens[next].len();
                if self.cost(take + 1, tokens[next].len(), sum) > TOKENS_A_PASS {
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

impl Embedder for Transformer {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let tokens = texts.iter().map(|text| self.tokenize(text)).collect::<Result<Vec<_>, _>>()?;
        self.embed_tokens(&tokens)
    }
}

fn tokenizer_bytes(parts: &TransformerFolder) -> Result<std::borrow::Cow<'static, [u8]>, FolderError> {
    let path = || parts.files.path(TOKENIZER_FILE).display().to_string();
    parts.files.read(TOKENIZER_FILE).map_err(|cause| FolderError::File { path: path(), cause })
}

/// The folder's tokenizer, checked against its weights and its own prompt.
fn tokenizer(parts: &TransformerFolder, bytes: &[u8]) -> Result<TextTokenizer, FolderError> {
    let tokenizer_error = |message: String| FolderError::invalid(&parts.files.path(TOKENIZER_FILE), message);
    let vocabulary_size = parts.encoder.vocabulary_size;
    let tokenizer = TextTokenizer::from_bytes(bytes, parts.prefix.clone(), parts.max_tokens, vocabulary_size)
        .map_err(tokenizer_error)?;
    let fixed_tokens = tokenizer.fixed_tokens().map_err(|error| tokenizer_error(error.to_string()))?;
    if !tokenizer.prefix().is_empty() && fixed_tokens >= parts.max_tokens {
        let message = format!(
            "the prompt {:?} and the special tokens fill {fixed_tokens} of the {} tokens that are read; shorten it",
            tokenizer.prefix(),
            parts.max_tokens
        );
        return Err(FolderError::invalid(&parts.files.path(PROMPTS_FILE), message));
    }
    Ok(tokenizer.cutting(parts.cut))
}

/// Of the files that decide the vectors: each one's length and bytes, the prefix last where there is one.
fn fingerprint(parts: &TransformerFolder, tokenizer: &[u8]) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    for bytes in [parts.small_files.as_slice(), tokenizer] {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    parts.files.hash(WEIGHTS_FILE, &mut hasher)?;
    if !parts.prefix.is_empty() {
        hasher.update(&(parts.prefix.len() as u64).to_le_bytes());
        hasher.update(parts.prefix.as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}
