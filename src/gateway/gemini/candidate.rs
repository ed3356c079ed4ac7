//! Content as Gemini answers it, whole or as an event of a stream, and what is read of it. Citations, pictures and the work of the
//! provider's own tools have no counterpart.

use serde::Deserialize;
use serde_json::{Value, json};

use super::end::End;
use super::error_body::GoogleError;
use super::logprobs::LogprobsResult;
use super::usage::UsageMetadata;

/// An answer, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    pub(super) candidates: Vec<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
    pub(super) usage_metadata: Option<UsageMetadata>,
    pub(super) model_version: Option<String>,
    pub(super) response_id: Option<String>,
    /// In place of all else.
    pub(super) error: Option<GoogleError>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    #[serde(default)]
    block_reason: Option<String>,
}

/// One of the answers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate {
    pub(super) index: Option<u32>,
    content: Content,
    finish_reason: Option<String>,
    pub(super) logprobs_result: Option<LogprobsResult>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    text: Option<String>,
    /// The text is a thought.
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
}

#[derive(Debug, Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Option<Value>,
}

/// What parts say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) words: String,
    pub(super) thoughts: String,
    pub(super) calls: Vec<Called>,
    /// Of the thoughts behind the words.
    pub(super) signature: Option<String>,
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Called {
    id: Option<String>,
    name: String,
    arguments: String,
    signature: Option<String>,
}

/// Where in an answer a call stands; makes an id for one that has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallPlace<'a> {
    pub(super) response_id: &'a str,
    pub(super) answer: u32,
    pub(super) call: usize,
}

impl Response {
    /// The prompt was refused, so that there is no answer.
    pub(super) fn is_blocked(&self) -> bool {
        let is_told = self.prompt_feedback.as_ref().is_some_and(|feedback| feedback.block_reason.is_some());
        is_told && self.candidates.is_empty()
    }
}

impl Candidate {
    /// Why it ended, once it has.
    pub(super) fn end(&self) -> Option<End> {
        self.finish_reason.as_deref().map(End::read)
    }

    /// What its parts say.
    pub(super) fn into_said(self) -> Said {
        let mut said = Said::default();
        for part in self.content.parts {
            let signature = part.thought_signature.filter(|signature| !signature.is_empty());
            if let Some(FunctionCall { id, name, args }) = part.function_call {
                let arguments =
                    args.filter(|args| !args.is_null()).map_or_else(|| "{}".to_owned(), |args| args.to_string());
                said.calls.push(Called { id: id.filter(|id| !id.is_empty()), name, arguments, signature });
            } else if part.thought {
                said.thoughts.push_str(part.text.as_deref().unwrap_or_default());
            } else {
                said.words.push_str(part.text.as_deref().unwrap_or_default());
                said.signature = signature.or(said.signature);
            }
        }
        said
    }
}

impl Called {
    /// OpenAI's tool call.
    pub(super) fn into_openai(self, place: CallPlace<'_>) -> Value {
        let CallPlace { response_id, answer, call } = place;
        let id = self.id.unwrap_or_else(|| format!("call_{response_id}_{answer}_{call}"));
        let function = json!({"name": self.name, "arguments": self.arguments});
        let mut called = json!({"id": id, "type": "function", "function": function});
        if let Some(signature) = &self.signature {
            called["extra_content"] = extra_content(signature);
        }
        called
    }
}

/// Where Google's own endpoint in OpenAI's shape puts a signature, for clients that send it back.
pub(super) fn extra_content(signature: &str) -> Value {
    json!({"google": {"thought_signature": signature}})
}
