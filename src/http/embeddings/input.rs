//! Reads a request for embeddings: what is to be embedded, and how the vectors are to be written.

use axum::http::HeaderMap;
use serde::Deserialize;

use crate::gateway::EmbeddingsBody;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, refuse};

/// As at OpenAI.
const MOST_INPUTS: usize = 2048;
/// About sixteen thousand tokens; OpenAI's models read half of it.
const MOST_BYTES: usize = 64 * 1024;

/// A request for embeddings.
pub(in crate::http) struct EmbeddingsRequest {
    pub(super) model: String,
    pub(super) input: Input,
    pub(super) encoding: Encoding,
    /// `None`: all of them.
    pub(super) dimensions: Option<usize>,
    /// Every field, as it was written.
    pub(super) body: EmbeddingsBody,
}

/// What is to be embedded.
pub(in crate::http) enum Input {
    Texts(Vec<String>),
    /// So many token ids, which only the model can read.
    Tokens(u64),
}

/// How a vector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    /// A list of numbers.
    #[default]
    Float,
    /// The numbers' bytes, 32 bits each, little-endian.
    Base64,
}

/// The languages' packages of OpenAI say in this header which one they are.
const PACKAGE_LANGUAGE: &str = "x-stainless-lang";

impl Encoding {
    /// The encoding that the client can read. OpenAI's Python package asks for base64 unless its caller chose, declares a list of
    /// numbers all the same, and where it is told to validate strictly does so before it decodes. Numbers it takes as they are.
    pub(super) fn readable_by(self, headers: &HeaderMap) -> Self {
        match headers.get(PACKAGE_LANGUAGE) {
            Some(language) if language == "python" => Self::Float,
            _ => self,
        }
    }
}

/// Reads a body. The error names the field that is wrong.
pub(super) fn read(body: &[u8]) -> Result<EmbeddingsRequest, ApiError> {
    let fields = Fields::of_body(body)?;
    let model: String = fields.need("model")?;
    let input = read_input(&fields)?;
    let dimensions = fields.get::<u32>("dimensions")?;
    if dimensions == Some(0) {
        return Err(fields.refuse("dimensions", "0 would leave nothing; give 1 or more"));
    }
    let encoding = fields.get("encoding_format")?.unwrap_or_default();
    let body = fields.into_said().map(|(name, value)| (name, value.to_owned())).collect();
    let dimensions = dimensions.map(|dimensions| dimensions as usize);
    Ok(EmbeddingsRequest { model, input, encoding, dimensions, body })
}

fn read_input(fields: &Fields<'_>) -> Result<Input, ApiError> {
    let Some(input) = fields.raw("input") else { return Err(fields.refuse("input", "missing")) };
    if input.get().starts_with('"') {
        let text: String = fields.need("input")?;
        check_text("input", &text)?;
        return Ok(Input::Texts(vec![text]));
    }
    let items = fields.list("input")?;
    let first = items.first().and_then(|(_, first)| first.get().as_bytes().first());
    let holds_several = matches!(first, Some(b'"' | b'['));
    if items.is_empty() || (holds_several && items.len() > MOST_INPUTS) {
        let why = format!("holds {} inputs; give 1 to {MOST_INPUTS}", items.len());
        return Err(fields.refuse("input", why));
    }
    match first {
        Some(b'"') => {
            let texts: Vec<String> = fields.need("input")?;
            texts.iter().zip(&items).try_for_each(|(text, (path, _))| check_text(path, text))?;
            Ok(Input::Texts(texts))
        }
        Some(b'[') => {
            let lists: Vec<Vec<u32>> = fields.need("input")?;
            Ok(Input::Tokens(lists.iter().map(|tokens| tokens.len() as u64).sum()))
        }
        _ => {
            let tokens: Vec<u32> = fields.need("input")?;
            Ok(Input::Tokens(tokens.len() as u64))
        }
    }
}

fn check_text(path: &str, text: &str) -> Result<(), ApiError> {
    match text.len() {
        0 => Err(refuse(path, "is empty, and nothing has no meaning; leave it out")),
        1..=MOST_BYTES => Ok(()),
        length => Err(refuse(path, format!("is {length} bytes long, above {MOST_BYTES}; cut it into pieces"))),
    }
}
