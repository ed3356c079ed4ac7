//! The Responses API as far as it is read here. What asks for something kept between requests (`previous_response_id`, `conversation`,
//! `background`, `prompt`) is refused and therefore not described.
#![expect(dead_code, reason = "the fields describe JSON and hold none")]

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A request for a response.
#[derive(ToSchema)]
#[schema(examples(json!({"model": "auto", "input": "Hello"}), json!({"model": "auto", "input": "Hello", "stream": true})))]
pub(in crate::http) struct ResponseRequest {
    /// A configured model, `auto`, `auto:STRATEGY`, a route or an alias; `auto` where there is none.
    model: Option<String>,
    input: ResponseInput,
    instructions: Option<String>,
    /// Whether the answer is wanted as server-sent events.
    stream: Option<bool>,
    #[schema(maximum = 4_294_967_295_u64)]
    max_output_tokens: Option<u64>,
    tools: Option<Vec<ResponseTool>>,
    parallel_tool_calls: Option<bool>,
    reasoning: Option<ResponseReasoning>,
    metadata: Option<Map<String, Value>>,
    store: Option<bool>,
    user: Option<String>,
}

/// A text, or the items of the conversation. Items of type `reasoning` may stand among them and are left out.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ResponseInput {
    Text(String),
    Items(InputItems),
}

/// The items of the conversation.
#[derive(ToSchema)]
#[schema(min_items = 1)]
pub(in crate::http) struct InputItems(Vec<InputItem>);

/// One of them.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum InputItem {
    Turn(InputTurn),
    FunctionCall(FunctionCall),
    CustomToolCall(CustomToolCall),
    ToolOutput(ToolOutput),
}

/// What somebody said.
#[derive(ToSchema)]
pub(in crate::http) struct InputTurn {
    #[schema(pattern = "^message$")]
    r#type: Option<String>,
    role: TurnRole,
    content: InputContent,
}

/// Who says it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum TurnRole {
    User,
    Assistant,
    System,
    Developer,
}

/// A text, or parts.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum InputContent {
    Text(String),
    Parts(Vec<InputPart>),
}

/// A part.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum InputPart {
    Text(InputTextPart),
    Refusal(InputRefusal),
    Image(InputImage),
    File(InputFile),
}

/// A text.
#[derive(ToSchema)]
pub(in crate::http) struct InputTextPart {
    #[schema(pattern = "^(input_text|output_text|text)$")]
    r#type: String,
    text: String,
}

/// What was said in place of an answer.
#[derive(ToSchema)]
pub(in crate::http) struct InputRefusal {
    #[schema(pattern = "^refusal$")]
    r#type: String,
    refusal: String,
}

/// A picture, by its address or as a `data:` URL.
#[derive(ToSchema)]
pub(in crate::http) struct InputImage {
    #[schema(pattern = "^input_image$")]
    r#type: String,
    image_url: String,
    detail: Option<String>,
}

/// A file, by its content.
#[derive(ToSchema)]
pub(in crate::http) struct InputFile {
    #[schema(pattern = "^input_file$")]
    r#type: String,
    file_data: String,
    filename: Option<String>,
}

/// A call of a function.
#[derive(ToSchema)]
pub(in crate::http) struct FunctionCall {
    #[schema(pattern = "^function_call$")]
    r#type: String,
    call_id: String,
    name: String,
    arguments: String,
}

/// A call of a custom tool.
#[derive(ToSchema)]
pub(in crate::http) struct CustomToolCall {
    #[schema(pattern = "^custom_tool_call$")]
    r#type: String,
    call_id: String,
    name: String,
    input: String,
}

/// What a tool gave.
#[derive(ToSchema)]
pub(in crate::http) struct ToolOutput {
    #[schema(pattern = "^(function_call_output|custom_tool_call_output)$")]
    r#type: String,
    call_id: String,
    output: InputContent,
}

/// A tool that the model may call.
#[derive(ToSchema)]
pub(in crate::http) struct ResponseTool {
    r#type: ResponseToolKind,
    name: String,
    description: Option<String>,
    strict: Option<bool>,
}

/// Its kind.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum ResponseToolKind {
    Function,
    Custom,
}

/// How hard the model should think.
#[derive(ToSchema)]
pub(in crate::http) struct ResponseReasoning {
    effort: Option<String>,
}

/// A response.
#[derive(ToSchema)]
pub(in crate::http) struct Response {
    id: String,
    /// `response`
    object: String,
    created_at: u64,
    status: String,
    model: String,
    output: Vec<Value>,
    usage: Option<Value>,
}
