//! Tools, and which of them the model may, must or must not call.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::block::{OwnKeys, Reading};
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields, invalid};

/// A tool as the model sees it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Tool {
    /// One that the client describes and runs.
    Described {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        input_schema: Value,
        #[serde(flatten)]
        own: OwnKeys,
    },
    /// One that the API knows by its type, as the client wrote it.
    Known(OwnKeys),
}

/// What is offered.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) offered: Vec<Tool>,
    pub(super) choice: Option<Value>,
    /// The model has to call one.
    pub(super) is_forced: bool,
}

#[derive(Deserialize)]
struct OfferedTool {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    function: Option<OfferedFunction>,
    #[serde(flatten)]
    own: OwnKeys,
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
    /// Reads `tools`, `tool_choice` and `parallel_tool_calls`. `called` are the tools that the conversation has calls of.
    pub(super) fn read(fields: &Fields<'_>, called: Vec<String>, dropped: &mut Dropped) -> Result<Self, Unwritten> {
        if fields.read::<Vec<Value>>("functions")?.is_some_and(|functions| !functions.is_empty()) {
            return Err(Failure::Unsupported("the older functions; tools serve").into());
        }
        let offered: Vec<OfferedTool> = fields.read("tools")?.unwrap_or_default();
        if offered.is_empty() {
            return Ok(Self::to_understand(called));
        }
        let mut reading = Reading { is_of_messages: fields.are_of_messages(), dropped };
        let offered = offered.into_iter().map(|tool| tool.into_tool(&mut reading)).collect::<Result<_, _>>()?;
        let choice = fields.read::<Value>("tool_choice")?;
        let mut choice = match &choice {
            None => None,
            Some(choice) => Some(read_choice(choice)?),
        };
        let kind =
            |choice: &Option<Value>| choice.as_ref().and_then(|choice| choice["type"].as_str().map(str::to_owned));
        if fields.read("parallel_tool_calls")? == Some(false) && kind(&choice).as_deref() != Some("none") {
            choice.get_or_insert_with(|| json!({"type": "auto"}))["disable_parallel_tool_use"] = true.into();
        }
        let is_forced = matches!(kind(&choice).as_deref(), Some("any" | "tool"));
        Ok(Self { offered, choice, is_forced })
    }

    /// Calls are understood only beside the tools they call, so those of an earlier part of the conversation are named, and not to be
    /// called again.
    fn to_understand(called: Vec<String>) -> Self {
        if called.is_empty() {
            return Self::default();
        }
        let tool =
            |name| Tool::Described { name, description: None, input_schema: schema(Map::new()), own: OwnKeys::new() };
        let choice = Some(json!({"type": "none"}));
        Self { offered: called.into_iter().map(tool).collect(), choice, is_forced: false }
    }
}

impl OfferedTool {
    fn into_tool(self, reading: &mut Reading<'_>) -> Result<Tool, Failure> {
        let mut own = reading.own(self.own);
        match (self.kind, self.function) {
            (kind, Some(function)) if kind.as_deref().is_none_or(|kind| kind == "function") => {
                let OfferedFunction { name, description, parameters, strict } = function;
                match strict {
                    Some(strict) if reading.is_of_messages => drop(own.insert("strict".into(), strict.into())),
                    // Strict schemas know fewer keywords here and only so many of them fit a request; without, the call is asked for just so.
                    Some(true) => reading.dropped.add("tools.strict"),
                    _ => {}
                }
                let input_schema = schema(parameters.unwrap_or_default());
                Ok(Tool::Described { name, description, input_schema, own })
            }
            (Some(kind), None) if reading.is_of_messages => {
                own.shift_insert(0, "type".into(), kind.into());
                Ok(Tool::Known(own))
            }
            _ => Err(Failure::Unsupported("tools that are no functions")),
        }
    }
}

/// Parameters are an object, whether they say so or not.
fn schema(mut parameters: Map<String, Value>) -> Value {
    parameters.entry("type").or_insert_with(|| "object".into());
    parameters.into()
}

fn read_choice(choice: &Value) -> Result<Value, Unwritten> {
    let word = choice.as_str().or_else(|| choice["type"].as_str());
    let kind = match word {
        Some("auto") => "auto",
        Some("none") => "none",
        Some("required") => "any",
        Some("function") => {
            let name = choice["function"]["name"].as_str();
            let name = name.ok_or_else(|| invalid("tool_choice.function.name", "missing"))?;
            return Ok(json!({"type": "tool", "name": name}));
        }
        Some(_) => return Err(Failure::Unsupported("a tool_choice of an unknown type").into()),
        None => return Err(invalid("tool_choice", "neither a string nor an object with type")),
    };
    Ok(json!({"type": kind}))
}
