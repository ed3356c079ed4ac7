//! OpenAI's chat completions: how a request is written and how an answer is read. Answers of every provider have this shape inside the
//! gateway. Sends nothing itself.

mod event;
mod logprobs;
mod request;
mod said;
mod stream;
mod whole;

use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::Value;

pub(super) use event::{Event, read_event};
pub(super) use logprobs::{lines_without_logprobs, without_logprobs};
pub(super) use said::{add_said, read_said};
pub(super) use whole::read_usage;

use super::attempt::Failure;
use super::dialect::{Dialect, Outgoing, StreamReader, Unwritten};
use super::provider::Provider;
use super::sse::LineBuffer;
use crate::chat::ChatRequest;

/// OpenAI's own API: everything goes through as it came.
pub(super) struct OpenAi;

impl Dialect for OpenAi {
    fn write_request(
        &self,
        provider: &Provider,
        fixed: &[(&str, Value)],
        request: &ChatRequest,
    ) -> Result<Outgoing, Unwritten> {
        Ok(Outgoing { builder: request::build_request(provider, fixed, request)?, dropped: Vec::new() })
    }

    fn tells_logprobs(&self) -> bool {
        true
    }

    fn read_answer(&self, _answer: &Bytes) -> Result<Option<Bytes>, Failure> {
        Ok(None)
    }

    fn read_refusal(&self, _status: StatusCode, _refusal: &Bytes) -> Option<Bytes> {
        None
    }

    fn read_stream(&self, _provider: &Provider, _request: &ChatRequest) -> Box<dyn StreamReader> {
        Box::<LineBuffer>::default()
    }
}
