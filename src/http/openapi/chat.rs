//! Chat completions as far as they are read here: every field that is not named goes to the provider as it was written.
#![expect(dead_code, reason = "the fields describe JSON and hold none")]

use serde_json::Value;
use utoipa::ToSchema;

use crate::chat::Role;

/// A chat request. Fields that are not named here go on as they are.
#[derive(ToSchema)]
#[schema(examples(json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}),
    json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}], "stream": true})))]
pub(in crate::http) struct ChatCompletionRequest {
    /// A configured model, `auto`, `auto:STRATEGY`, a route or an alias.
    model: String,
    /// The conversation, oldest turn first.
    #[schema(min_items = 1)]
    messages: Vec<ChatMessage>,
    /// Whether the answer is wanted as server-sent events.
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    #[schema(maximum = 4_294_967_295_u64)]
    max_tokens: Option<u64>,
    #[schema(maximum = 4_294_967_295_u64)]
    max_completion_tokens: Option<u64>,
    tools: Option<Vec<Value>>,
    functions: Option<Vec<Value>>,
    response_format: Option<ResponseFormat>,
    modalities: Option<Vec<String>>,
    /// How many answers.
    #[schema(maximum = 4_294_967_295_u64)]
    n: Option<u64>,
}

/// One turn.
#[derive(ToSchema)]
pub(in crate::http) struct ChatMessage {
    role: Role,
    content: Option<ChatContent>,
}

/// A text, or parts.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ChatContent {
    Text(String),
    Parts(Vec<ChatPart>),
}

/// A part.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ChatPart {
    Text(ChatTextPart),
    Other(ChatOtherPart),
}

/// A text.
#[derive(ToSchema)]
pub(in crate::http) struct ChatTextPart {
    #[schema(pattern = "^text$")]
    r#type: String,
    text: String,
}

/// A picture, sound, a file, or what else a provider knows.
#[derive(ToSchema)]
pub(in crate::http) struct ChatOtherPart {
    #[schema(pattern = "^(?!text$)")]
    r#type: String,
    text: Option<String>,
}

/// What the events of a stream tell.
#[derive(ToSchema)]
pub(in crate::http) struct StreamOptions {
    include_usage: Option<bool>,
}

/// The shape of the answer.
#[derive(ToSchema)]
pub(in crate::http) struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    r#type: String,
}

/// A chat completion, as its provider wrote it or in the same shape.
#[derive(ToSchema)]
pub(in crate::http) struct ChatCompletion {
    choices: Vec<Value>,
    model: Option<String>,
    usage: Option<Value>,
}
