//! The static embedder: a vector a token, averaged. Microseconds a prompt, no model to run. Tokenizing is WordPiece, as in
//! the transformer that the table was distilled from.

use std::borrow::Cow;
use std::path::Path;

use tokenizers::PostProcessorWrapper;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{DecoderWrapper, TokenizerImpl};

use super::table_file::{TABLE_FILE, TableFileError, TableRows, VOCAB_FILE};
use super::{EmbedError, Embedder, EmbedderIdentity, Embedding, normalise};

const UNKNOWN_TOKEN: &str = "[UNK]";

type WordPieceTokenizer =
    TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, PostProcessorWrapper, DecoderWrapper>;

/// A token table with its vocabulary.
pub struct StaticTable {
    identity: EmbedderIdentity,
    tokenizer: WordPieceTokenizer,
    rows: Cow<'static, [u8]>,
    scales: Vec<f32>,
    dims: usize,
}

impl StaticTable {
    /// Builds a table from the bytes of its two files, which stay where they are when they are `'static`.
    pub fn from_bytes(name: &str, table: Cow<'static, [u8]>, vocab: &str) -> Result<Self, TableFileError> {
        let fingerprint = fingerprint(&table, vocab);
        let (rows, scales, dims) = match table {
            Cow::Borrowed(bytes) => {
                let table = TableRows::from_bytes(bytes)?;
                (Cow::Borrowed(table.rows), table.scales, table.dims)
            }
            Cow::Owned(bytes) => {
                let table = TableRows::from_bytes(&bytes)?;
                (Cow::Owned(table.rows.to_vec()), table.scales, table.dims)
            }
        };
        let tokens = vocab.lines().count();
        if tokens != scales.len() {
            return Err(TableFileError::VocabularySize { tokens, rows: scales.len() });
        }
        let identity = EmbedderIdentity { name: name.to_owned(), dims, fingerprint };
        Ok(Self { identity, tokenizer: tokenizer(vocab)?, rows, scales, dims })
    }

    /// Reads a table from a folder, as `semroute distill` writes it.
    pub fn from_folder(name: &str, folder: &Path) -> Result<Self, TableFileError> {
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read(&path).map_err(|cause| TableFileError::Io { path: path.display().to_string(), cause })
        };
        let vocab = String::from_utf8(read(VOCAB_FILE)?)
            .map_err(|error| TableFileError::Vocabulary(format!("not UTF-8: {error}")))?;
        Self::from_bytes(name, Cow::Owned(read(TABLE_FILE)?), &vocab)
    }

    /// Embeds one text: the mean of its tokens' rows, scaled to unit length. Tokens outside the vocabulary do not count.
    pub fn embed_one(&self, text: &str) -> Result<Embedding, EmbedError> {
        let encoding =
            self.tokenizer.encode_fast(text, false).map_err(|error| EmbedError::Tokenize(error.to_string()))?;
        let mut vector = vec![0.0f32; self.dims];
        for &id in encoding.get_ids() {
            let id = id as usize;
            let (Some(&scale), Some(row)) = (self.scales.get(id), self.rows.get(id * self.dims..(id + 1) * self.dims))
            else {
                continue;
            };
            for (sum, &quantised) in vector.iter_mut().zip(row) {
                *sum += scale * f32::from(quantised.cast_signed());
            }
        }
        normalise(&mut vector);
        Ok(Embedding { vector, tokens: encoding.get_ids().len(), truncated: false })
    }
}

impl Embedder for StaticTable {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        texts.iter().map(|text| self.embed_one(text)).collect()
    }
}

/// blake3 over both files, each preceded by its length so that bytes cannot wander from one into the other.
fn fingerprint(table: &[u8], vocab: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for bytes in [table, vocab.as_bytes()] {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

fn tokenizer(vocab: &str) -> Result<WordPieceTokenizer, TableFileError> {
    let ids: ahash::AHashMap<String, u32> =
        vocab.lines().zip(0u32..).map(|(token, id)| (token.to_owned(), id)).collect();
    let word_piece = WordPiece::builder()
        .vocab(ids)
        .unk_token(UNKNOWN_TOKEN.to_owned())
        .build()
        .map_err(|error| TableFileError::Vocabulary(error.to_string()))?;
    let mut tokenizer = TokenizerImpl::new(word_piece);
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(true, true, None, true)))
        .map_err(|error| TableFileError::Vocabulary(error.to_string()))?
        .with_pre_tokenizer(Some(BertPreTokenizer));
    Ok(tokenizer)
}
