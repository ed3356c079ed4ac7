//! Tools, and which of them the model may, must or must not call. Tools that the API knows by their type stay what they are.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fields::{Fields, missing, wrong};
use crate::chat::InvalidRequest;

#[derive(Deserialize)]
#[serde(expecting = "an object with type")]
struct Choice {
    #[serde(rename = "type")]
    kind: ChoiceKind,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChoiceKind {
    Auto,
    Any,
    Tool,
    None,
}

/// Reads `tools` and `tool_choice` into a chat's own fields.
pub(super) fn read_tools(fields: &mut Fields<'_>, chat: &mut Map<String, Value>) -> Result<(), InvalidRequest> {
    let tools: Vec<Map<String, Value>> = fields.take("tools")?.unwrap_or_default();
    let choice: Option<Choice> = fields.take("tool_choice")?;
    if tools.is_empty() {
        // Without tools there is nothing to choose, and servers of chats refuse to be told so.
        return Ok(());
    }
    let tools = tools.into_iter().enumerate().map(|(index, tool)| read_tool(tool, &format!("tools[{index}]")));
    chat.insert("tools".into(), tools.collect::<Result<Value, _>>()?);
    let Some(Choice { kind, name, disable_parallel_tool_use }) = choice else { return Ok(()) };
    let choice = match kind {
        ChoiceKind::Auto => "auto".into(),
        ChoiceKind::Any => "required".into(),
        ChoiceKind::None => "none".into(),
        ChoiceKind::Tool => {
            let name = name.ok_or_else(|| missing("tool_choice.name"))?;
            json!({"type": "function", "function": {"name": name}})
        }
    };
    chat.insert("tool_choice".into(), choice);
    if disable_parallel_tool_use == Some(true) {
        chat.insert("parallel_tool_calls".into(), false.into());
    }
    Ok(())
}

fn read_tool(mut tool: Map<String, Value>, place: &str) -> Result<Value, InvalidRequest> {
    match tool.get("type") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind == "custom" => {}
        Some(Value::String(_)) => return Ok(tool.into()),
        Some(_) => return Err(wrong(&format!("{place}.type"), "expected a string")),
    }
    tool.shift_remove("type");
    let mut function = Map::new();
    for (name, chats_name) in
        [("name", "name"), ("description", "description"), ("input_schema", "parameters"), ("strict", "strict")]
    {
        match tool.shift_remove(name) {
            Some(value) if !value.is_null() => drop(function.insert(chats_name.into(), value)),
            _ if matches!(name, "name" | "input_schema") => return Err(missing(&format!("{place}.{name}"))),
            _ => {}
        }
    }
    let mut read = json!({"type": "function", "function": function});
    if let Value::Object(read) = &mut read {
        read.extend(tool);
    }
    Ok(read)
}
