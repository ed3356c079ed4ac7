//! The row shapes of DESIGN: prompts, labelled prompts, outcomes, pairs. Unknown fields are ignored.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::{DatasetError, JsonLines};
use crate::chat::ChatRequest;

/// What a row asks: a bare prompt, a conversation, or what a log kept in place of either.
#[derive(Debug, Clone)]
pub enum PromptSource {
    /// `"prompt": "..."`
    Text(String),
    /// `"messages": [...]`
    Conversation(Box<ChatRequest>),
    /// `"feature_space": "...", "features": "BASE64"`
    Features {
        /// The name of the space that they belong to.
        space: String,
        /// Packed.
        bytes: Vec<u8>,
    },
}

/// `{"id", "prompt"}`, `{"id", "messages"}` or `{"id", "feature_space", "features"}`
#[derive(Debug, Clone)]
pub struct PromptRow {
    /// As it stands in the file; the line number where there is none.
    pub id: Value,
    /// The prompt.
    pub source: PromptSource,
    /// 1-based line.
    pub line: usize,
}

/// A prompt with one or both labels.
#[derive(Debug, Clone)]
pub struct LabelRow {
    /// The prompt.
    pub prompt: PromptRow,
    /// The task, or whatever field was named.
    pub task: Option<String>,
    /// The complexity.
    pub complexity: Option<String>,
    /// The finer label, where a field was named for it.
    pub auxiliary: Option<String>,
}

/// How several models answered one prompt.
#[derive(Debug, Clone)]
pub struct OutcomeRow {
    /// The prompt.
    pub prompt: PromptRow,
    /// Quality per model, 0..1.
    pub scores: BTreeMap<String, f64>,
    /// Real cost per model in USD, where it is known.
    pub cost_usd: BTreeMap<String, f64>,
    /// Length of each model's answer in tokens, where it is known: `output_tokens`, or `output_chars` over [`CHARS_A_TOKEN`].
    pub output_tokens: BTreeMap<String, f64>,
}

/// Characters that are counted for a token where tokens themselves were not.
pub const CHARS_A_TOKEN: f64 = 4.0;

/// Two prompts that should route the same.
#[derive(Debug, Clone)]
pub struct PairRow {
    /// The first.
    pub prompt: String,
    /// Its paraphrase.
    pub paraphrase: String,
}

/// Which fields of a row hold labels.
#[derive(Debug, Clone)]
pub struct LabelFields {
    /// Field of the task label.
    pub task: String,
    /// Field of the complexity label.
    pub complexity: String,
    /// Field of a finer label that only fine-tuning learns from.
    pub auxiliary: Option<String>,
}

impl Default for LabelFields {
    fn default() -> Self {
        Self { task: "task".into(), complexity: "complexity".into(), auxiliary: None }
    }
}

impl PromptRow {
    /// Reads a file of prompts.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, DatasetError> {
        read_rows(path, Self::from_object)
    }

    /// Reads one row; the message says what is wrong.
    pub fn from_object(line: usize, object: &Map<String, Value>) -> Result<Self, String> {
        let id = match object.get("id") {
            None | Some(Value::Null) => Value::from(line),
            Some(id @ (Value::String(_) | Value::Number(_))) => id.clone(),
            Some(other) => return Err(format!("\"id\" must be a string or a number, found {}", kind(other))),
        };
        let source = match (object.get("prompt"), object.get("messages")) {
            (Some(Value::String(prompt)), _) if prompt.trim().is_empty() => {
                return Err("\"prompt\" is empty; remove the row or write a prompt".into());
            }
            (Some(Value::String(prompt)), _) => PromptSource::Text(prompt.clone()),
            (Some(other), _) => return Err(format!("\"prompt\" must be a string, found {}", kind(other))),
            (None, Some(messages)) => PromptSource::Conversation(Box::new(
                ChatRequest::from_messages(messages).map_err(|error| error.to_string())?,
            )),
            (None, None) => match object.get("features") {
                Some(features) => kept_features(object, features)?,
                None => return Err("the row has neither \"prompt\" nor \"messages\"".into()),
            },
        };
        Ok(Self { id, source, line })
    }
}

/// What a log kept of a prompt.
fn kept_features(object: &Map<String, Value>, features: &Value) -> Result<PromptSource, String> {
    let text = |field: &str, value: Option<&Value>| match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("{field:?} must be a string, found {}", kind(other))),
        None => Err(format!("{field:?} is missing: \"features\" mean nothing without it")),
    };
    let space = text("feature_space", object.get("feature_space"))?;
    let bytes = BASE64_STANDARD
        .decode(text("features", Some(features))?)
        .map_err(|error| format!("\"features\" must be base64 as `semroute log export` writes it: {error}"))?;
    Ok(PromptSource::Features { space, bytes })
}

impl LabelRow {
    /// Reads a file of labels. Every row must carry at least one of the fields.
    pub fn read_file(path: &Path, fields: &LabelFields) -> Result<Vec<Self>, DatasetError> {
        read_rows(path, |line, object| {
            let prompt = PromptRow::from_object(line, object)?;
            let task = label(object, &fields.task)?;
            let complexity = label(object, &fields.complexity)?;
            if task.is_none() && complexity.is_none() {
                return Err(format!("the row has no label: expected {:?} or {:?}", fields.task, fields.complexity));
            }
            let auxiliary = match &fields.auxiliary {
                Some(field) => label(object, field)?,
                None => None,
            };
            Ok(Self { prompt, task, complexity, auxiliary })
        })
    }
}

impl OutcomeRow {
    /// Reads a file of outcomes. One id may stand in several rows, as when models were asked one after the other, but not with
    /// different scores of one model.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, DatasetError> {
        let mut scored: HashMap<(String, String), (usize, f64)> = HashMap::new();
        read_rows(path, |line, object| {
            let prompt = PromptRow::from_object(line, object)?;
            let scores = numbers(object, "scores", Some(1.0))?;
            if scores.is_empty() {
                return Err("\"scores\" is missing or empty: expected {\"MODEL\": 0..1, ...}".into());
            }
            // A row without an id of its own is no other row's double.
            if object.get("id").is_some_and(|id| !id.is_null()) {
                for (model, score) in &scores {
                    let first = scored.entry((prompt.id.to_string(), model.clone())).or_insert((line, *score));
                    if (first.1 - score).abs() > f64::EPSILON {
                        return Err(format!(
                            "\"scores.{model}\" is {score}, but line {} gives {} for the same id {}; keep one of them",
                            first.0, first.1, prompt.id
                        ));
                    }
                }
            }
            let cost_usd = numbers(object, "cost_usd", None)?;
            let mut output_tokens = counts(object, "output_chars")?;
            output_tokens.values_mut().for_each(|length| *length /= CHARS_A_TOKEN);
            output_tokens.extend(counts(object, "output_tokens")?);
            Ok(Self { prompt, scores, cost_usd, output_tokens })
        })
    }
}

impl PairRow {
    /// Reads a file of `{"prompt", "paraphrase"}` rows.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, DatasetError> {
        read_rows(path, |_, object| {
            let text = |name: &str| match object.get(name) {
                Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
                _ => Err(format!("{name:?} must be a string that is not empty")),
            };
            Ok(Self { prompt: text("prompt")?, paraphrase: text("paraphrase")? })
        })
    }
}

fn read_rows<T>(
    path: &Path,
    mut read: impl FnMut(usize, &Map<String, Value>) -> Result<T, String>,
) -> Result<Vec<T>, DatasetError> {
    let mut lines = JsonLines::open(path)?;
    let mut rows = Vec::new();
    while let Some(next) = lines.next() {
        let (line, object) = next?;
        rows.push(read(line, &object).map_err(|message| lines.row_error(line, message))?);
    }
    if rows.is_empty() { Err(lines.empty_error()) } else { Ok(rows) }
}

fn label(object: &Map<String, Value>, field: &str) -> Result<Option<String>, String> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(label)) if !label.trim().is_empty() => Ok(Some(label.trim().to_owned())),
        Some(Value::Number(label)) => Ok(Some(label.to_string())),
        Some(Value::String(_)) => Err(format!("{field:?} is empty")),
        Some(other) => Err(format!("{field:?} must be a string or a number, found {}", kind(other))),
    }
}

/// The entries of a field by model, where the row has it.
fn entries<'a>(object: &'a Map<String, Value>, field: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(entries)) => Ok(Some(entries)),
        Some(other) => Err(format!("{field:?} must be an object, found {}", kind(other))),
    }
}

/// Whole numbers by model.
fn counts(object: &Map<String, Value>, field: &str) -> Result<BTreeMap<String, f64>, String> {
    let mut values = BTreeMap::new();
    for (model, value) in entries(object, field)?.into_iter().flatten() {
        match value.as_f64() {
            _ if value.is_null() => {}
            Some(count) if count >= 0.0 && count.fract() == 0.0 => drop(values.insert(model.clone(), count)),
            _ => return Err(format!("\"{field}.{model}\" must be a whole number, zero or more, found {value}")),
        }
    }
    Ok(values)
}

fn numbers(object: &Map<String, Value>, field: &str, most: Option<f64>) -> Result<BTreeMap<String, f64>, String> {
    let Some(entries) = entries(object, field)? else { return Ok(BTreeMap::new()) };
    let range = most.map_or("zero or more".to_owned(), |most| format!("between 0 and {most}"));
    let mut values = BTreeMap::new();
    for (model, value) in entries {
        match value {
            Value::Null => {}
            Value::Bool(correct) => drop(values.insert(model.clone(), f64::from(u8::from(*correct)))),
            _ => match value.as_f64() {
                Some(number) if number >= 0.0 && most.is_none_or(|most| number <= most) => {
                    values.insert(model.clone(), number);
                }
                _ => return Err(format!("\"{field}.{model}\" must be a number {range}, found {value}")),
            },
        }
    }
    Ok(values)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
