//! OpenAI's chat completions: how a request is written and how an answer is read. Answers of every provider have this shape inside the
//! gateway. Sends nothing itself.

mod as_events;
mod assembled;
mod event;
mod logprobs;
mod request;
mod said;
mod stream;
mod translated;
mod usage_chunk;
mod whole;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

pub use as_events::completion_as_events;
pub use assembled::{AssembledAnswer, is_worth_keeping};
pub(super) use event::{Event, read_event, says_something};
pub(super) use logprobs::{lines_without_logprobs, without_logprobs};
pub(super) use said::{add_said, read_said};
pub(super) use usage_chunk::lines_without_usage;
pub(super) use whole::{Whole, read_embeddings, read_whole};

use super::attempt::Failure;
use super::dialect::{Dialect, Outgoing, StreamReader, Unwritten, WriteEmbeddings};
use super::provider::Provider;
use crate::chat::ChatRequest;

/// OpenAI's own API: what a client of this API wrote goes through as it came.
pub(super) struct OpenAi;

impl Dialect for OpenAi {
    fn write_request(
        &self,
        provider: &Provider,
        fixed: &[(&str, Value)],
        request: &ChatRequest,
    ) -> Result<Outgoing, Unwritten> {
        Ok(request::write(provider, fixed, request)?)
    }

    fn tells_logprobs(&self) -> bool {
        true
    }

    fn counts_streams_when_asked(&self) -> bool {
        true
    }

    fn read_answer(&self, _model: &str, _answer: &Bytes) -> Result<Option<Bytes>, Failure> {
        Ok(None)
    }

    fn read_refusal(&self, _status: StatusCode, _headers: &HeaderMap, _refusal: &Bytes) -> Option<Bytes> {
        None
    }

    fn embeddings(&self) -> Option<WriteEmbeddings> {
        Some(|provider, model, body| request::post(provider, model, "embeddings", body))
    }

    fn read_stream(&self, provider: &Provider, _model: &str, _request: &ChatRequest) -> Box<dyn StreamReader> {
        Box::new(stream::OpenAiStream::new(provider.key.clone()))
    }
}
