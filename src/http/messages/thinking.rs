//! What `thinking` and `output_config` ask for, said once more in a chat's words for providers that know no others.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fields::wrong;
use crate::chat::InvalidRequest;

/// Budgets of thought, in tokens, below which an effort is low or medium.
const BELOW_IS_LOW: u64 = 4096;
const BELOW_IS_MEDIUM: u64 = 16_384;

#[derive(Deserialize)]
#[serde(expecting = "an object with type")]
struct Thinking {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    budget_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(expecting = "an object with effort or format")]
struct OutputConfig {
    #[serde(default)]
    effort: Option<String>,
    #[serde(default)]
    format: Option<Format>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object such as {\"type\": \"json_schema\", \"schema\": {}}")]
struct Format {
    #[serde(default)]
    schema: Option<Map<String, Value>>,
}

/// Adds `reasoning_effort` and `response_format` to a chat that holds the API's own fields.
pub(super) fn tell_others(chat: &mut Map<String, Value>) -> Result<(), InvalidRequest> {
    let thinking: Option<Thinking> = read(chat, "thinking")?;
    let output: OutputConfig = read(chat, "output_config")?.unwrap_or_default();
    let named = output.effort.as_deref().map(|effort| match effort {
        "low" => "low",
        "medium" => "medium",
        // Not every model that knows efforts knows a higher one.
        _ => "high",
    });
    let budget = thinking.filter(|thinking| thinking.kind == "enabled").and_then(|thinking| thinking.budget_tokens);
    let by_budget = budget.map(|tokens| match tokens {
        _ if tokens < BELOW_IS_LOW => "low",
        _ if tokens < BELOW_IS_MEDIUM => "medium",
        _ => "high",
    });
    if let Some(effort) = named.or(by_budget) {
        chat.insert("reasoning_effort".into(), effort.into());
    }
    if let Some(schema) = output.format.and_then(|format| format.schema) {
        let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
        chat.insert("response_format".into(), format);
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(chat: &Map<String, Value>, name: &str) -> Result<Option<T>, InvalidRequest> {
    match chat.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value).map(Some).map_err(|error| wrong(name, error)),
    }
}
