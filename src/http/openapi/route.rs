//! What may be asked of `POST /v1/route`.
#![expect(dead_code, reason = "the fields describe JSON and hold none")]

use serde_json::Value;
use utoipa::ToSchema;

use super::chat::ChatMessage;

/// A chat request, or a row with a prompt.
#[derive(ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum RouteRequest {
    Prompt(RoutePrompt),
    Chat(RouteChat),
}

/// A row.
#[derive(ToSchema)]
#[schema(examples(json!({"id": 7, "prompt": "What is the capital of France?"})))]
pub(in crate::http) struct RoutePrompt {
    /// Comes back with the decision.
    id: Option<Value>,
    prompt: String,
    #[schema(nullable = false)]
    model: Option<String>,
}

/// A chat request, of which `model` may be left out.
#[derive(ToSchema)]
pub(in crate::http) struct RouteChat {
    /// Comes back with the decision.
    id: Option<Value>,
    #[schema(min_items = 1)]
    messages: Vec<ChatMessage>,
    #[schema(nullable = false)]
    model: Option<String>,
}
