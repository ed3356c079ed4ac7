//! Tools, and which of them the model may or must call.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::block::{CacheControl, CachePoint};
use super::model::Model;
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};
use crate::gateway::own_content::name_keys_of_tools;

/// The field `toolConfig`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig {
    tools: Vec<Tool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

/// A tool as the model sees it, or a mark behind one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Tool {
    #[serde(rename_all = "camelCase")]
    ToolSpec {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        input_schema: Schema,
    },
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
struct Schema {
    json: Value,
}

/// What is offered.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) config: Option<ToolConfig>,
    /// The model has to call one.
    pub(super) is_forced: bool,
}

#[derive(Deserialize)]
struct OfferedTool {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    function: Option<OfferedFunction>,
    #[serde(default)]
    cache_control: Option<CacheControl>,
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

/// What a client lets a model do with its tools.
enum Choice {
    Free(Option<Value>),
    Forced(Value),
    None,
}

impl Tools {
    /// Reads `tools`, `tool_choice` and `parallel_tool_calls`. `called` are the tools that the conversation has calls of.
    pub(super) fn read(
        fields: &Fields<'_>,
        model: Model,
        called: Vec<String>,
        dropped: &mut Dropped,
    ) -> Result<Self, Unwritten> {
        if fields.read::<Vec<Value>>("functions")?.is_some_and(|functions| !functions.is_empty()) {
            return Err(Failure::Unsupported("the older functions; tools serve").into());
        }
        let offered: Vec<OfferedTool> = fields.read("tools")?.unwrap_or_default();
        if offered.is_empty() {
            return Ok(Self::to_understand(called));
        }
        name_keys_of_tools(fields, &["cache_control"], dropped)?;
        if fields.read("parallel_tool_calls")? == Some(false) {
            dropped.add("parallel_tool_calls");
        }
        let choice = fields.read::<Value>("tool_choice")?;
        let (tool_choice, is_forced) = match choice.as_ref().map_or(Ok(Choice::Free(None)), read_choice)? {
            Choice::Free(choice) => (choice, false),
            Choice::Forced(choice) => (Some(choice), true),
            // Not to offer them is the only way to forbid them.
            Choice::None if called.is_empty() => return Ok(Self::default()),
            Choice::None => {
                dropped.add("tool_choice");
                (None, false)
            }
        };
        let mut tools = Vec::with_capacity(offered.len());
        for mut tool in offered {
            let mark = tool.cache_control.take();
            tools.push(tool.into_tool(dropped)?);
            tools.extend(mark.and_then(|mark| mark.into_point(model, dropped)).map(Tool::CachePoint));
        }
        Ok(Self { config: Some(ToolConfig { tools, tool_choice }), is_forced })
    }

    /// Calls are understood only beside the tools they call, so those of an earlier part of the conversation are named.
    fn to_understand(called: Vec<String>) -> Self {
        if called.is_empty() {
            return Self::default();
        }
        let tool = |name| Tool::ToolSpec { name, description: None, input_schema: schema(Map::new()) };
        let tools = called.into_iter().map(tool).collect();
        Self { config: Some(ToolConfig { tools, tool_choice: None }), is_forced: false }
    }
}

impl OfferedTool {
    fn into_tool(self, dropped: &mut Dropped) -> Result<Tool, Failure> {
        match (self.kind.as_deref(), self.function) {
            (None | Some("function"), Some(OfferedFunction { name, description, parameters, strict })) => {
                // Few models know strict schemas, and the others refuse them.
                if strict == Some(true) {
                    dropped.add("tools.strict");
                }
                let description = description.filter(|description| !description.trim().is_empty());
                Ok(Tool::ToolSpec { name, description, input_schema: schema(parameters.unwrap_or_default()) })
            }
            _ => Err(Failure::Unsupported("tools that are no functions")),
        }
    }
}

/// Parameters are an object, whether they say so or not.
fn schema(mut parameters: Map<String, Value>) -> Schema {
    parameters.entry("type").or_insert_with(|| "object".into());
    Schema { json: parameters.into() }
}

fn read_choice(choice: &Value) -> Result<Choice, Unwritten> {
    match choice.as_str().or_else(|| choice["type"].as_str()) {
        Some("auto") => Ok(Choice::Free(Some(json!({"auto": {}})))),
        Some("none") => Ok(Choice::None),
        Some("required") => Ok(Choice::Forced(json!({"any": {}}))),
        Some("function") => {
            let name = choice["function"]["name"].as_str();
            let name = name.ok_or_else(|| invalid("tool_choice.function.name", "missing"))?;
            Ok(Choice::Forced(json!({"tool": {"name": name}})))
        }
        Some(_) => Err(Failure::Unsupported("a tool_choice of an unknown type").into()),
        None => Err(invalid("tool_choice", "neither a string nor an object with type")),
    }
}
