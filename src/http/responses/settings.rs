//! What a response repeats of its request. Settings that nobody set are null, because the model's own defaults are not known here.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::http::error::ApiError;
use crate::http::fields::Fields;

/// The request's settings, as every response object repeats them.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    /// What was asked for; a response names the model that answers.
    #[serde(skip)]
    pub(super) model: String,
    background: bool,
    instructions: Option<String>,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<u32>,
    metadata: Map<String, Value>,
    parallel_tool_calls: bool,
    previous_response_id: Option<String>,
    prompt_cache_key: Option<String>,
    reasoning: Value,
    safety_identifier: Option<String>,
    /// Always false: nothing is kept here, whatever was asked.
    store: bool,
    temperature: Option<Box<RawValue>>,
    text: Value,
    tool_choice: Value,
    tools: Vec<Box<RawValue>>,
    top_logprobs: u32,
    top_p: Option<Box<RawValue>>,
    truncation: &'static str,
    user: Option<String>,
}

impl Settings {
    /// Reads them. The conversation itself is not repeated.
    pub(super) fn read(fields: &Fields<'_>, model: String) -> Result<Self, ApiError> {
        let _asked_or_not: Option<bool> = fields.get("store")?;
        let with_defaults = |name: &str, defaults: Value| -> Result<Value, ApiError> {
            let mut said = defaults;
            if let (Some(given), Value::Object(said)) = (fields.get::<Map<String, Value>>(name)?, &mut said) {
                said.extend(given);
            }
            Ok(said)
        };
        Ok(Self {
            model,
            background: false,
            instructions: fields.get("instructions")?,
            max_output_tokens: fields.get("max_output_tokens")?,
            max_tool_calls: fields.get("max_tool_calls")?,
            metadata: fields.get("metadata")?.unwrap_or_default(),
            parallel_tool_calls: fields.get("parallel_tool_calls")?.unwrap_or(true),
            previous_response_id: None,
            prompt_cache_key: fields.get("prompt_cache_key")?,
            reasoning: with_defaults("reasoning", json!({"effort": null, "summary": null}))?,
            safety_identifier: fields.get("safety_identifier")?,
            store: false,
            temperature: fields.get("temperature")?,
            text: with_defaults("text", json!({"format": {"type": "text"}}))?,
            tool_choice: fields.get("tool_choice")?.unwrap_or_else(|| "auto".into()),
            tools: fields.get("tools")?.unwrap_or_default(),
            top_logprobs: fields.get("top_logprobs")?.unwrap_or(0),
            top_p: fields.get("top_p")?,
            truncation: "disabled",
            user: fields.get("user")?,
        })
    }
}
