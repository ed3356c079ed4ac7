//! A request that was translated from another API, as OpenAI's API takes it and the many that are like it: they refuse fields they do not
//! know, so only a chat's own go along, and the others are named. Reads no client's words.

mod messages;
mod model;
mod tools;

use serde_json::{Map, Value};

use crate::chat::ChatRequest;
use crate::gateway::attempt::Failure;
use crate::gateway::dropped::Dropped;

pub(super) use messages::without_thinking_blocks;

/// A chat's own fields, as far as a translated request holds them.
const OF_A_CHAT: [&str; 10] = [
    "model",
    "stream",
    "stream_options",
    "tool_choice",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "stop",
    "reasoning_effort",
    "response_format",
];

/// OpenAI takes no longer name of a user.
const LONGEST_USER: usize = 64;

/// The body, and the names of what it leaves out. `fixed` fields replace the client's, or are added.
pub(super) fn body(
    fixed: &[(&str, Value)],
    request: &ChatRequest,
) -> Result<(Map<String, Value>, Vec<String>), Failure> {
    let is_fixed = |name: &str| fixed.iter().any(|(fixed, _)| *fixed == name);
    let upstream_name = fixed.iter().find(|(name, _)| *name == "model").and_then(|(_, value)| value.as_str());
    let upstream_name = upstream_name.unwrap_or_else(|| request.model());
    let has_cap = is_fixed("max_tokens") || is_fixed("max_completion_tokens");
    let thinks = model::thinks_at_openai(upstream_name);
    let takes_effort = model::takes_effort(upstream_name);
    let tells_effort = is_fixed("reasoning_effort") || (takes_effort && request.field("reasoning_effort").is_some());

    let mut body = Map::new();
    let mut dropped = Dropped::default();
    for (name, raw) in request.fields().filter(|(name, _)| !is_fixed(name)) {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        match name {
            "messages" => drop(body.insert(name.into(), messages::plain(value, &mut dropped)?)),
            "tools" => drop(body.insert(name.into(), tools::plain(value, &mut dropped)?)),
            "max_tokens" if has_cap => {}
            "max_tokens" if thinks => drop(body.insert("max_completion_tokens".into(), value)),
            "max_tokens" => drop(body.insert(name.into(), value)),
            "user" => drop(body.insert(name.into(), short_user(value))),
            "temperature" | "top_p" if thinks && value.as_f64() == Some(1.0) => {}
            "temperature" | "top_p" | "stop" if thinks => dropped.add(name),
            "reasoning_effort" if !takes_effort => {}
            // What these ask for stands in a chat's words beside them, as far as there are any.
            "thinking" if tells_effort || value["type"] == "disabled" => {}
            "output_config" if tells_effort || value.get("effort").is_none_or(Value::is_null) => {}
            "output_config" => dropped.add("output_config.effort"),
            name if OF_A_CHAT.contains(&name) => drop(body.insert(name.into(), value)),
            name if !value.is_null() => dropped.add(name),
            _ => {}
        }
    }
    body.extend(fixed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Ok((body, dropped.into_names()))
}

/// A name that is too long is told apart from others by its hash.
fn short_user(user: Value) -> Value {
    match user {
        Value::String(name) if name.len() > LONGEST_USER => blake3::hash(name.as_bytes()).to_hex().as_str().into(),
        user => user,
    }
}
