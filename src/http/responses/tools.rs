//! Tools, calls of them and the choice among them, as chat completions have them. Tools that a service runs by itself are refused: no model
//! behind this gateway has them, and without them another question would be asked.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::dropped::Dropped;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, refuse};

/// What a tool may say that chat completions cannot.
const DROPPED: [(&str, &str); 4] = [
    ("allowed_callers", "tools.allowed_callers"),
    ("async", "tools.async"),
    ("defer_loading", "tools.defer_loading"),
    ("output_schema", "tools.output_schema"),
];

/// A tool that the model may call.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Tool {
    Function { function: Function },
    Custom { custom: Custom },
}

#[derive(Debug, Serialize)]
pub(super) struct Function {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct Custom {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
}

/// A call in the assistant's turn.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Call {
    Function { id: String, function: CalledFunction },
    Custom { id: String, custom: CalledCustom },
}

#[derive(Debug, Serialize)]
pub(super) struct CalledFunction {
    name: String,
    arguments: String,
}

#[derive(Debug, Serialize)]
pub(super) struct CalledCustom {
    name: String,
    input: String,
}

impl Call {
    /// A call of a function.
    pub(super) fn function(id: String, name: String, arguments: String) -> Self {
        Self::Function { id, function: CalledFunction { name, arguments } }
    }

    /// A call of a custom tool.
    pub(super) fn custom(id: String, name: String, input: String) -> Self {
        Self::Custom { id, custom: CalledCustom { name, input } }
    }
}

/// Reads `tools`.
pub(super) fn read_tools(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Vec<Tool>, ApiError> {
    fields.list("tools")?.iter().map(|(path, tool)| read_tool(path, tool, dropped)).collect()
}

fn read_tool(path: &str, tool: &RawValue, dropped: &mut Dropped) -> Result<Tool, ApiError> {
    let fields = Fields::read(path, tool)?;
    let kind: String = fields.need("type")?;
    let says = |name: &str| fields.raw(name).is_some_and(|value| value.get() != "false");
    DROPPED.iter().filter(|(name, _)| says(name)).for_each(|(_, shown)| dropped.add(shown));
    match kind.as_str() {
        "function" => {
            let name = fields.need("name")?;
            let description = fields.get("description")?;
            let parameters = fields.raw("parameters").map(ToOwned::to_owned);
            Ok(Tool::Function { function: Function { name, description, parameters, strict: fields.get("strict")? } })
        }
        "custom" => {
            let format = fields.get::<Value>("format")?.map(custom_format);
            let custom = Custom { name: fields.need("name")?, description: fields.get("description")?, format };
            Ok(Tool::Custom { custom })
        }
        kind => {
            let why = format!(
                "{kind:?} is a tool that OpenAI's service runs itself, and no model behind this gateway has it; leave it out, or offer a \
                 function in its place"
            );
            Err(refuse(&fields.path("type"), why))
        }
    }
}

/// A grammar stands one level deeper in chat completions.
fn custom_format(mut format: Value) -> Value {
    if format["type"] == "grammar"
        && let Some(grammar) = format.as_object_mut()
    {
        grammar.shift_remove("type");
        return json!({"type": "grammar", "grammar": grammar});
    }
    format
}

/// Reads `tool_choice`.
pub(super) fn read_choice(fields: &Fields<'_>) -> Result<Option<Value>, ApiError> {
    let Some(choice) = fields.get::<Value>("tool_choice")? else { return Ok(None) };
    if choice.is_string() {
        return Ok(Some(choice));
    }
    let path = fields.path("tool_choice");
    match choice["type"].as_str() {
        Some("function" | "custom") => named(&path, &choice).map(Some),
        Some("allowed_tools") => {
            let tools = choice["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
            let named = |(index, tool)| named(&format!("{path}.tools[{index}]"), tool);
            let tools = tools.iter().enumerate().map(named).collect::<Result<Vec<Value>, ApiError>>()?;
            let allowed = json!({"mode": choice["mode"], "tools": tools});
            Ok(Some(json!({"type": "allowed_tools", "allowed_tools": allowed})))
        }
        Some(kind) => {
            let why =
                format!("{kind:?} names a tool that OpenAI's service runs itself; choose a function or a custom tool");
            Err(refuse(&format!("{path}.type"), why))
        }
        None => Err(refuse(&path, "expected \"auto\", \"none\", \"required\" or an object with type")),
    }
}

/// One tool by its name.
fn named(path: &str, choice: &Value) -> Result<Value, ApiError> {
    let kind = choice["type"].as_str().filter(|kind| matches!(*kind, "function" | "custom"));
    let Some(kind) = kind else {
        return Err(refuse(&format!("{path}.type"), "only functions and custom tools can be chosen"));
    };
    let Some(name) = choice["name"].as_str() else { return Err(refuse(&format!("{path}.name"), "missing")) };
    Ok(json!({"type": kind, kind: {"name": name}}))
}
