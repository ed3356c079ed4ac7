//! Messages as far as they are read here: every field that is not named goes on to a provider that speaks this API.
#![expect(dead_code, reason = "the fields describe JSON and hold none")]

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A request for a message.
#[derive(ToSchema)]
#[schema(examples(json!({"model": "auto", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}),
    json!({"model": "auto", "max_tokens": 100, "stream": true, "messages": [{"role": "user", "content": "Hello"}]})))]
pub(in crate::http) struct MessageRequest {
    /// A configured model, `auto`, `auto:STRATEGY`, a route or an alias.
    model: String,
    /// The longest answer.
    #[schema(maximum = 4_294_967_295_u64)]
    max_tokens: u64,
    #[schema(min_items = 1)]
    messages: Vec<MessageTurn>,
    system: Option<Instructions>,
    /// Whether the answer is wanted as server-sent events.
    stream: Option<bool>,
    stop_sequences: Option<Vec<String>>,
    metadata: Option<MessageMetadata>,
}

/// A request of which only the tokens are to be counted.
#[derive(ToSchema)]
#[schema(examples(json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]})))]
pub(in crate::http) struct CountRequest {
    /// A configured model, `auto`, `auto:STRATEGY`, a route or an alias.
    model: String,
    #[schema(min_items = 1)]
    messages: Vec<MessageTurn>,
    system: Option<Instructions>,
}

/// Who asks the application.
#[derive(ToSchema)]
pub(in crate::http) struct MessageMetadata {
    user_id: Option<String>,
}

/// A text, or texts.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum Instructions {
    Text(String),
    Blocks(Vec<TextBlock>),
}

/// One turn.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum MessageTurn {
    User(UserTurn),
    Assistant(AssistantTurn),
    System(SystemTurn),
}

/// What the person says, or a program in their place.
#[derive(ToSchema)]
pub(in crate::http) struct UserTurn {
    #[schema(pattern = "^user$")]
    role: String,
    content: UserContent,
}

/// What the model said.
#[derive(ToSchema)]
pub(in crate::http) struct AssistantTurn {
    #[schema(pattern = "^assistant$")]
    role: String,
    content: AssistantContent,
}

/// Instructions in the middle of a conversation.
#[derive(ToSchema)]
pub(in crate::http) struct SystemTurn {
    #[schema(pattern = "^system$")]
    role: String,
    content: TurnInstructions,
}

/// A text, or texts, which say something.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum TurnInstructions {
    Text(SaidText),
    Blocks(SaidBlocks),
}

/// A text that is not empty.
#[derive(ToSchema)]
#[schema(min_length = 1)]
pub(in crate::http) struct SaidText(String);

/// At least one text.
#[derive(ToSchema)]
#[schema(min_items = 1)]
pub(in crate::http) struct SaidBlocks(Vec<TextBlock>);

/// A text, or blocks.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum UserContent {
    Text(String),
    Blocks(Vec<UserBlock>),
}

/// A text, or blocks.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum AssistantContent {
    Text(String),
    Blocks(Vec<AssistantBlock>),
}

/// A block of the person's.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum UserBlock {
    Text(TextBlock),
    Source(SourceBlock),
    ToolResult(ToolResultBlock),
    Other(OtherUserBlock),
}

/// A block of the model's.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum AssistantBlock {
    Text(TextBlock),
    Source(SourceBlock),
    ToolUse(ToolUseBlock),
    Other(OtherAssistantBlock),
}

/// A text.
#[derive(ToSchema)]
pub(in crate::http) struct TextBlock {
    #[schema(pattern = "^text$")]
    r#type: String,
    text: String,
}

/// A picture or a document.
#[derive(ToSchema)]
pub(in crate::http) struct SourceBlock {
    #[schema(pattern = "^(image|document)$")]
    r#type: String,
    source: Map<String, Value>,
}

/// A text, or blocks.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ToolResultContent {
    Text(String),
    Blocks(Vec<ToolResultPart>),
}

/// A block of what a tool gave.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ToolResultPart {
    Text(TextBlock),
    Source(SourceBlock),
    Other(OtherToolResultPart),
}

/// A block that goes on as it is.
#[derive(ToSchema)]
pub(in crate::http) struct OtherToolResultPart {
    #[schema(pattern = "^(?!(text|image|document)$)")]
    r#type: String,
}

/// What a tool gave.
#[derive(ToSchema)]
pub(in crate::http) struct ToolResultBlock {
    #[schema(pattern = "^tool_result$")]
    r#type: String,
    tool_use_id: String,
    content: Option<ToolResultContent>,
}

/// A call of a tool.
#[derive(ToSchema)]
pub(in crate::http) struct ToolUseBlock {
    #[schema(pattern = "^tool_use$")]
    r#type: String,
    id: String,
    name: String,
    input: Option<Map<String, Value>>,
}

/// A block that goes on as it is.
#[derive(ToSchema)]
pub(in crate::http) struct OtherUserBlock {
    #[schema(pattern = "^(?!(text|image|document|tool_result)$)")]
    r#type: String,
}

/// A block that goes on as it is.
#[derive(ToSchema)]
pub(in crate::http) struct OtherAssistantBlock {
    #[schema(pattern = "^(?!(text|image|document|tool_use)$)")]
    r#type: String,
}

/// A message.
#[derive(ToSchema)]
pub(in crate::http) struct Message {
    id: String,
    /// `message`
    r#type: String,
    /// `assistant`
    role: String,
    model: String,
    content: Vec<Value>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    usage: Map<String, Value>,
}
