//! The tools of a translated request, as functions and nothing more.

use serde_json::{Value, json};

use crate::gateway::attempt::Failure;
use crate::gateway::dropped::Dropped;
use crate::gateway::own_content::name_own_keys;

/// The tools. One that only the other API knows cannot be left out: the model would answer without what it needs.
pub(super) fn plain(tools: Value, dropped: &mut Dropped) -> Result<Value, Failure> {
    let Value::Array(tools) = tools else { return Ok(tools) };
    tools.into_iter().map(|tool| plain_tool(tool, dropped)).collect()
}

fn plain_tool(tool: Value, dropped: &mut Dropped) -> Result<Value, Failure> {
    let Value::Object(mut tool) = tool else { return Ok(tool) };
    let Some(Value::Object(mut function)) = tool.shift_remove("function") else {
        return Err(Failure::Unsupported("tools that only Anthropic's API has"));
    };
    tool.shift_remove("type");
    name_own_keys(&tool, "tools", dropped);
    // A strict schema has to be of another form here.
    if function.shift_remove("strict").is_some_and(|strict| strict == true) {
        dropped.add("tools.strict");
    }
    Ok(json!({"type": "function", "function": function}))
}
