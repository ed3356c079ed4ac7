//! A chat request: the body exactly as it came, and beside it a typed view of the fields that routing reads.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;
use utoipa::ToSchema;

use super::raw_object::RawObject;
use super::{Content, Origin};

/// A validated `POST /v1/chat/completions` body.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    body: RawObject,
    view: View,
    origin: Origin,
}

/// Why a body is not a chat request; `param` names the field, as OpenAI's error body does.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct InvalidRequest {
    /// What is wrong and what was expected.
    pub message: String,
    /// Path of the field, such as `messages[2].role`; `None` when the body is not JSON at all.
    pub param: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions of the application.
    System,
    /// Instructions of the application, newer name.
    Developer,
    /// The person, or a program in their place.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
    /// The result of a function call, older name.
    Function,
}

/// One turn of the conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "a message: an object with role and content")]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    #[serde(default = "empty")]
    pub content: Content,
}

fn empty() -> Content {
    Content::Empty
}

#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "a JSON object with model and messages")]
struct View {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    tools: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    functions: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    response_format: Option<ResponseFormat>,
    #[serde(default)]
    modalities: Option<Vec<String>>,
    #[serde(default)]
    n: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "an object such as {\"include_usage\": true}")]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "an object such as {\"type\": \"json_object\"}")]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
}

impl ChatRequest {
    /// Reads a body. The error names the field that is wrong.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidRequest> {
        // First of all it must be one JSON object: a typed view alone would also read its fields from an array.
        let body: RawObject = serde_json::from_slice(bytes).map_err(|error| {
            let expected = if error.is_data() { "must be a JSON object" } else { "is not valid JSON" };
            InvalidRequest { message: format!("the request body {expected}: {error}"), param: None }
        })?;
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let view: View =
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| InvalidRequest::from(&error))?;
        if view.messages.is_empty() {
            return Err(InvalidRequest {
                message: "messages: must hold at least one message".into(),
                param: Some("messages".into()),
            });
        }
        Ok(Self { body, view, origin: Origin::default() })
    }

    /// Reads a body that is already parsed JSON.
    pub fn from_value(value: &Value) -> Result<Self, InvalidRequest> {
        Self::from_slice(value.to_string().as_bytes())
    }

    /// The same, translated from the shape of another API.
    #[must_use]
    pub fn came_by(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// A request that asks for `auto` with the given messages (a JSON list, as in an input row).
    pub fn from_messages(messages: &Value) -> Result<Self, InvalidRequest> {
        Self::from_value(&serde_json::json!({"model": "auto", "messages": messages}))
    }

    /// A one-turn request, as `semroute route "PROMPT"` makes it.
    pub fn from_prompt(prompt: &str) -> Result<Self, InvalidRequest> {
        Self::from_messages(&serde_json::json!([{"role": "user", "content": prompt}]))
    }

    /// The API that it came by.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The model asked for: `auto`, `auto:STRATEGY`, or a name.
    pub fn model(&self) -> &str {
        &self.view.model
    }

    /// The conversation, oldest turn first; never empty.
    pub fn messages(&self) -> &[Message] {
        &self.view.messages
    }

    /// Whether the answer is wanted as a stream of events.
    pub fn stream(&self) -> bool {
        self.view.stream == Some(true)
    }

    /// Whether the client asked for a usage chunk at the end of its stream.
    pub fn include_usage(&self) -> bool {
        self.view.stream_options.as_ref().and_then(|options| options.include_usage) == Some(true)
    }

    /// The client's cap on the answer, in tokens.
    pub fn max_output_tokens(&self) -> Option<u32> {
        self.view.max_completion_tokens.or(self.view.max_tokens)
    }

    /// Whether tools or functions are offered to the model.
    pub fn offers_tools(&self) -> bool {
        let any = |list: &Option<Vec<IgnoredAny>>| list.as_ref().is_some_and(|list| !list.is_empty());
        any(&self.view.tools) || any(&self.view.functions)
    }

    /// Whether the answer must be JSON (`json_object` or `json_schema`).
    pub fn wants_json(&self) -> bool {
        self.view.response_format.as_ref().is_some_and(|format| format.kind != "text")
    }

    /// Whether the answer should be spoken (`modalities` names audio).
    pub fn wants_audio(&self) -> bool {
        self.view.modalities.as_ref().is_some_and(|modalities| modalities.iter().any(|modality| modality == "audio"))
    }

    /// All fields of the body, as they were written.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.body.fields()
    }

    /// How many answers are asked for.
    pub fn answers(&self) -> u32 {
        self.view.n.unwrap_or(1).max(1)
    }

    /// A field of the body, as it was written.
    pub fn field(&self, name: &str) -> Option<&RawValue> {
        self.body.get(name)
    }

    /// The names of the body's fields, in the order of the text.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.body.fields().map(|(name, _)| name)
    }

    /// The body as it came, but for the fields given: those are replaced, or added at the end.
    pub fn body_with<'a>(&'a self, replaced: &'a [(&'a str, Value)]) -> BodyWith<'a> {
        BodyWith { body: &self.body, replaced, left_out: None }
    }
}

/// A body on its way out.
#[derive(Debug)]
pub struct BodyWith<'a> {
    body: &'a RawObject,
    replaced: &'a [(&'a str, Value)],
    left_out: Option<&'a str>,
}

impl<'a> BodyWith<'a> {
    /// The same without the client's field of this name.
    #[must_use]
    pub fn without(self, name: Option<&'a str>) -> Self {
        Self { left_out: name, ..self }
    }
}

impl Serialize for BodyWith<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.body.fields().filter(|(name, _)| self.left_out != Some(*name)) {
            match self.replaced.iter().find(|(replaced, _)| *replaced == name) {
                Some((_, replacement)) => map.serialize_entry(name, replacement)?,
                None => map.serialize_entry(name, value)?,
            }
        }
        for (name, value) in self.replaced.iter().filter(|(name, _)| self.body.get(name).is_none()) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl From<&serde_path_to_error::Error<serde_json::Error>> for InvalidRequest {
    /// Names the field: serde reports a missing one at its parent's path, where clients want the field's own name.
    fn from(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        let inner = error.inner();
        if !inner.is_data() {
            return Self { message: format!("the request body is not valid JSON: {inner}"), param: None };
        }
        let text = inner.to_string();
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let param = match (path.as_str(), missing) {
            (".", None) => None,
            (".", Some(field)) => Some(field.to_owned()),
            (path, None) => Some(path.to_owned()),
            (path, Some(field)) => Some(format!("{path}.{field}")),
        };
        let message = param.as_ref().map_or_else(|| text.clone(), |param| format!("{param}: {text}"));
        Self { message, param }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> InvalidRequest {
        ChatRequest::from_slice(body.as_bytes()).map(drop).unwrap_err()
    }

    #[test]
    fn errors_name_the_field() {
        assert_eq!(error_of("{").param, None);
        assert_eq!(error_of("[]").param, None);
        assert_eq!(error_of(r#"{"messages":[]}"#).param.as_deref(), Some("model"));
        assert_eq!(error_of(r#"{"model":"auto"}"#).param.as_deref(), Some("messages"));
        assert_eq!(error_of(r#"{"model":"auto","messages":[]}"#).param.as_deref(), Some("messages"));
        assert_eq!(error_of(r#"{"model":7,"messages":[]}"#).param.as_deref(), Some("model"));
        let wrong_role = r#"{"model":"auto","messages":[{"role":"user","content":"a"},{"role":"me","content":"b"}]}"#;
        assert_eq!(error_of(wrong_role).param.as_deref(), Some("messages[1].role"));
        let wrong_content = r#"{"model":"auto","messages":[{"role":"user","content":5}]}"#;
        assert_eq!(error_of(wrong_content).param.as_deref(), Some("messages[0].content"));
        let no_role = r#"{"model":"auto","messages":[{"content":"a"}]}"#;
        assert_eq!(error_of(no_role).param.as_deref(), Some("messages[0].role"));
        assert_eq!(error_of(r#"{"model":"auto","messages":[{"role":"user"}]} x"#).param, None);
    }

    #[test]
    fn unknown_fields_survive_and_the_model_is_replaced_in_place() {
        let body = r#"{"top_k":3,"model":"auto","messages":[{"role":"user","content":[{"type":"odd","x":null}],"name":"n"}],"seed":123456789012345678901234567890,"temperature":1e2,"stop":null}"#;
        let request = ChatRequest::from_slice(body.as_bytes()).unwrap();
        let sent = serde_json::to_string(&request.body_with(&[("model", "gpt".into())])).unwrap();
        assert_eq!(sent, body.replace("\"auto\"", "\"gpt\""));
        let without = serde_json::to_string(&request.body_with(&[]).without(Some("seed"))).unwrap();
        assert_eq!(without, body.replace("\"seed\":123456789012345678901234567890,", ""));
    }
}
