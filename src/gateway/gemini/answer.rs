//! A whole answer as a chat completion.

use bytes::Bytes;
use serde_json::{Value, json};

use super::candidate::{CallPlace, Candidate, Response, Said, extra_content};
use super::end::End;
use super::usage::UsageMetadata;

/// The completion, made at `created` seconds since 1970; `None` where this is no answer, or one that failed.
pub(super) fn read(answer: &[u8], created: u64) -> Option<Bytes> {
    let response: Response = serde_json::from_slice(answer).ok()?;
    if response.error.is_some() {
        return None;
    }
    let is_blocked = response.is_blocked();
    let id = response.response_id.unwrap_or_else(|| format!("gemini-{created}"));
    let mut choices = Vec::with_capacity(response.candidates.len());
    for candidate in response.candidates {
        choices.push(choice(candidate, choices.len(), &id)?);
    }
    if is_blocked {
        choices.push(json!({
            "index": 0, "message": {"role": "assistant", "content": ""}, "logprobs": Value::Null,
            "finish_reason": End::Filter.finish_reason(false),
        }));
    }
    if choices.is_empty() {
        return None;
    }
    let model = response.model_version.unwrap_or_else(|| "gemini".to_owned());
    let mut completion =
        json!({"id": id, "object": "chat.completion", "created": created, "model": model, "choices": choices});
    if let Some(counts) = response.usage_metadata.and_then(UsageMetadata::counts) {
        completion["usage"] = counts.to_openai();
    }
    serde_json::to_vec(&completion).ok().map(Bytes::from)
}

/// `None` where the model failed to answer.
fn choice(candidate: Candidate, place: usize, response_id: &str) -> Option<Value> {
    let index = candidate.index.or_else(|| u32::try_from(place).ok())?;
    let end = candidate.end();
    if matches!(end, Some(End::Failed(_))) {
        return None;
    }
    let logprobs = candidate.logprobs_result.as_ref().map(|result| result.to_openai());
    let Said { words, thoughts, calls, signature } = candidate.into_said();
    // A completion that calls says nothing by null, and one that says nothing by an empty text.
    let content = (!words.is_empty() || calls.is_empty()).then_some(words);
    let finish_reason = end.map(|end| end.finish_reason(!calls.is_empty()));
    let mut said = json!({"role": "assistant", "content": content});
    if !thoughts.is_empty() {
        said["reasoning_content"] = thoughts.into();
    }
    if !calls.is_empty() {
        let places = (0..).map(|call| CallPlace { response_id, answer: index, call });
        said["tool_calls"] = calls.into_iter().zip(places).map(|(called, place)| called.into_openai(place)).collect();
    }
    if let Some(signature) = signature {
        said["extra_content"] = extra_content(&signature);
    }
    Some(json!({"index": index, "message": said, "logprobs": logprobs, "finish_reason": finish_reason}))
}
