//! Text to token ids for a transformer: the folder's tokenizer, the prefix before every text, special tokens around it, and
//! the cut to what the model reads. Refuses at once a tokenizer that does not fit its weights.

use std::borrow::Cow;

use tokenizers::models::ModelWrapper;
use tokenizers::{Encoding, Tokenizer};

use super::EmbedError;

/// A text is cut at this many bytes for each token that can be read, before tokenizing: far beyond any real token, so that
/// only what could not be read anyway is left out.
const BYTES_A_TOKEN: usize = 64;

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

/// What is read of a text with more tokens than the model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cut {
    /// Its beginning.
    #[default]
    Front,
    /// Two thirds from its front and one third from its back: what is asked for stands at either end of a long prompt.
    Ends,
}

/// A tokenizer with its prefix and its limit.
pub(super) struct TextTokenizer {
    tokenizer: Tokenizer,
    prefix: String,
    max_tokens: usize,
    cut: Cut,
}

impl TextTokenizer {
    /// Reads the bytes of `tokenizer.json`. Every id it can give must be below `vocabulary_size`.
    pub(super) fn from_bytes(
        bytes: &[u8],
        prefix: String,
        max_tokens: usize,
        vocabulary_size: usize,
    ) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| error.to_string())?;
        // Files in the wild ship a fixed length of their own; length and padding are decided here.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        let highest = tokenizer.get_vocab(true).into_iter().max_by_key(|(_, id)| *id);
        let tokenizer = Self { tokenizer, prefix, max_tokens, cut: Cut::Front };
        // The special tokens around a text stand apart from the vocabulary.
        let around = tokenizer.encode("").map_err(|error| error.to_string())?;
        let around = around.get_tokens().iter().cloned().zip(around.get_ids().iter().copied());
        match around.chain(highest).max_by_key(|(_, id)| *id) {
            Some((token, id)) if id as usize >= vocabulary_size => Err(format!(
                "token {token:?} has id {id}, and vocab_size in config.json is {vocabulary_size}, so the weights hold no row \
                 for it; take both files from the same model"
            )),
            _ => Ok(tokenizer),
        }
    }

    /// The same, leaving something else out of longer texts.
    pub(super) fn cutting(self, cut: Cut) -> Self {
        Self { cut, ..self }
    }

    /// The most tokens read of one text, prefix and special tokens included.
    pub(super) fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// What stands before every text.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Tokens that every text has: the prefix and the special tokens.
    pub(super) fn fixed_tokens(&self) -> Result<usize, EmbedError> {
        Ok(self.encode("")?.len())
    }

    /// Token by token as they stand in the vocabulary, by id.
    pub(super) fn vocabulary(&self) -> Vec<String> {
        (0..u32::try_from(self.tokenizer.get_vocab_size(false)).unwrap_or(u32::MAX))
            .map(|id| self.tokenizer.id_to_token(id).unwrap_or_default())
            .collect()
    }

    /// Tokenizes one text behind the prefix, with the special tokens around both, cut to the model's length.
    pub(super) fn tokenize(&self, text: &str) -> Result<TokenIds, EmbedError> {
        if self.cut == Cut::Ends {
            return self.tokenize_ends(text, self.max_tokens);
        }
        let cut = text.floor_char_boundary(self.max_tokens.saturating_mul(BYTES_A_TOKEN));
        let mut ids = self.encode(&text[..cut])?.get_ids().to_vec();
        let truncated = cut < text.len() || ids.len() > self.max_tokens;
        if ids.len() > self.max_tokens {
            // The last token closes the sequence ([SEP]); it stays.
            let last = ids[ids.len() - 1];
            ids.truncate(self.max_tokens - 1);
            ids.push(last);
        }
        Ok(TokenIds { ids, truncated })
    }

    /// As `tokenize`, cut to `most` tokens from both ends.
    pub(super) fn tokenize_ends(&self, text: &str, most: usize) -> Result<TokenIds, EmbedError> {
        let bytes = most.saturating_mul(BYTES_A_TOKEN);
        let shortened = match text.len() > 2 * bytes {
            true => {
                let (front, back) = (text.floor_char_boundary(bytes), text.ceil_char_boundary(text.len() - bytes));
                Cow::Owned([&text[..front], &text[back..]].concat())
            }
            false => Cow::Borrowed(text),
        };
        let encoding = self.encode(&shortened)?;
        let (ids, special) = (encoding.get_ids(), encoding.get_special_tokens_mask());
        let truncated = shortened.len() < text.len() || ids.len() > most;
        if ids.len() <= most {
            return Ok(TokenIds { ids: ids.to_vec(), truncated });
        }
        let opening = special.iter().take_while(|special| **special == 1).count();
        let closing = special.iter().rev().take_while(|special| **special == 1).count();
        let room = most.saturating_sub(opening + closing);
        let back = room / 3;
        let inner = &ids[opening..ids.len() - closing];
        let ids = [&ids[..opening], &inner[..room - back], &inner[inner.len() - back..], &ids[ids.len() - closing..]];
        Ok(TokenIds { ids: ids.concat(), truncated })
    }

    /// A token by itself, where a text would stand. Only a WordPiece vocabulary has tokens that can be looked up by what a
    /// reader sees of them, so others are refused.
    pub(super) fn wrap_token(&self, id: u32) -> Result<TokenIds, EmbedError> {
        let refused = |message: String| Err(EmbedError::Tokenize(message));
        let kind = match self.tokenizer.get_model() {
            ModelWrapper::WordPiece(_) => None,
            ModelWrapper::Unigram(_) => Some("Unigram"),
            ModelWrapper::BPE(_) => Some("BPE"),
            ModelWrapper::WordLevel(_) => Some("WordLevel"),
        };
        if let Some(kind) = kind {
            return refused(format!("single tokens are taken from WordPiece vocabularies, and this one is {kind}"));
        }
        let around = self.encode("")?;
        let special = around.get_special_tokens_mask();
        match around.get_ids() {
            [open @ .., close] if !open.is_empty() && special.first() == Some(&1) && special.last() == Some(&1) => {
                Ok(TokenIds { ids: [open, &[id, *close]].concat(), truncated: false })
            }
            other => refused(format!("expected a special token on either side of a text, found {other:?}")),
        }
    }

    fn encode(&self, text: &str) -> Result<Encoding, EmbedError> {
        let text = match self.prefix.as_str() {
            "" => Cow::Borrowed(text),
            prefix => Cow::Owned([prefix, text].concat()),
        };
        self.tokenizer.encode_fast(text.as_ref(), true).map_err(|error| EmbedError::Tokenize(error.to_string()))
    }
}
