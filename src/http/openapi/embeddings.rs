//! Requests for embeddings; the answers of our own embedders describe themselves.
#![expect(dead_code, reason = "the fields describe JSON and hold none")]

use utoipa::ToSchema;

/// What is to be embedded, and how the vectors are to be written.
#[derive(ToSchema)]
#[schema(examples(json!({"model": "text-embedding-3-small", "input": ["a cat", "a kitten"]})))]
pub(in crate::http) struct EmbeddingsRequest {
    /// `semroute/builtin`, `auto`, another embedder of the router, or a configured model.
    model: String,
    input: EmbeddingsInput,
    encoding_format: Option<EncodingFormat>,
    /// Up to those that the model has.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    dimensions: Option<u64>,
}

/// A text, texts, or token ids, which our own embedders do not read. A text has at most 65536 bytes.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum EmbeddingsInput {
    Text(InputText),
    Texts(InputTexts),
    Tokens(InputTokens),
    TokenLists(InputTokenLists),
}

/// A text.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 65_536)]
pub(in crate::http) struct InputText(String);

/// Texts.
#[derive(ToSchema)]
#[schema(min_items = 1, max_items = 2048)]
pub(in crate::http) struct InputTexts(Vec<InputText>);

/// A text as token ids.
#[derive(ToSchema)]
#[schema(min_items = 1)]
pub(in crate::http) struct InputTokens(Vec<TokenId>);

/// Texts as token ids.
#[derive(ToSchema)]
#[schema(min_items = 1, max_items = 2048)]
pub(in crate::http) struct InputTokenLists(Vec<Vec<TokenId>>);

/// A token's id.
#[derive(ToSchema)]
#[schema(maximum = 4_294_967_295_u64)]
pub(in crate::http) struct TokenId(u64);

/// How a vector is written: as a list of numbers, or their 32-bit little-endian bytes in base64.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum EncodingFormat {
    Float,
    Base64,
}
