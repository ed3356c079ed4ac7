//! Tools, and which of them the model may, must or must not call.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};
use crate::gateway::own_content::name_keys_of_tools;

/// All functions that are offered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolSet {
    function_declarations: Vec<Function>,
}

/// A function as the model sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// JSON schema as it was written. The field beside it, `parameters`, takes a part of OpenAPI's schemas alone and refuses the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Value>,
}

/// What is offered.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) offered: Vec<ToolSet>,
    /// `toolConfig`
    pub(super) config: Option<Value>,
}

#[derive(Deserialize)]
struct OfferedTool {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    function: Option<OfferedFunction>,
}

#[derive(Deserialize)]
struct OfferedFunction {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(default)]
    strict: Option<bool>,
}

impl Tools {
    /// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
    pub(super) fn read(fields: &Fields<'_>, dropped: &mut Dropped) -> Result<Self, Unwritten> {
        if fields.read::<Vec<Value>>("functions")?.is_some_and(|functions| !functions.is_empty()) {
            return Err(Failure::Unsupported("the older functions; tools serve").into());
        }
        let offered: Vec<OfferedTool> = fields.read("tools")?.unwrap_or_default();
        if offered.is_empty() {
            return Ok(Self::default());
        }
        name_keys_of_tools(fields, &[], dropped)?;
        let declared = offered.into_iter().map(|tool| tool.into_function(dropped)).collect::<Result<_, _>>()?;
        let choice = match fields.read::<Value>("tool_choice")? {
            None => None,
            Some(choice) => Some(read_choice(&choice)?),
        };
        if fields.read("parallel_tool_calls")? == Some(false) {
            dropped.add("parallel_tool_calls");
        }
        let config = choice.map(|choice| json!({"functionCallingConfig": choice}));
        Ok(Self { offered: vec![ToolSet { function_declarations: declared }], config })
    }
}

impl OfferedTool {
    fn into_function(self, dropped: &mut Dropped) -> Result<Function, Failure> {
        match (self.kind.as_deref(), self.function) {
            (None | Some("function"), Some(OfferedFunction { name, description, parameters, strict })) => {
                if strict == Some(true) {
                    dropped.add("tools.strict");
                }
                Ok(Function { name, description, parameters_json_schema: parameters.and_then(schema) })
            }
            _ => Err(Failure::Unsupported("tools that are no functions")),
        }
    }
}

/// Parameters are an object, whether they say so or not.
fn schema(mut parameters: Map<String, Value>) -> Option<Value> {
    if parameters.is_empty() {
        return None;
    }
    parameters.entry("type").or_insert_with(|| "object".into());
    Some(parameters.into())
}

fn read_choice(choice: &Value) -> Result<Value, Unwritten> {
    let word = choice.as_str().or_else(|| choice["type"].as_str());
    let mode = match word {
        Some("auto") => "AUTO",
        Some("none") => "NONE",
        Some("required") => "ANY",
        Some("function") => {
            let name = choice["function"]["name"].as_str();
            let name = name.ok_or_else(|| invalid("tool_choice.function.name", "missing"))?;
            return Ok(json!({"mode": "ANY", "allowedFunctionNames": [name]}));
        }
        Some(_) => return Err(Failure::Unsupported("a tool_choice of an unknown type").into()),
        None => return Err(invalid("tool_choice", "neither a string nor an object with type")),
    };
    Ok(json!({"mode": mode}))
}
