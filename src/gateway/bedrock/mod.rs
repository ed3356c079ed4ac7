//! Amazon Bedrock's Converse API: a chat request is written as a Converse request and signed, and messages and the frames of streams are
//! read as chat completions. Pure translation, beside the address and the headers; sends nothing itself. What has no counterpart is
//! named, never left out in silence.

mod answer;
mod block;
mod chunk;
mod conversation;
mod credentials;
mod document;
mod error_body;
mod event;
mod frames;
mod model;
mod request;
mod signature;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod usage;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;
use uuid::Uuid;

pub(super) use credentials::Signer;

use super::attempt::Failure;
use super::dialect::{Dialect, Outgoing, StreamReader, Unwritten};
use super::provider::Provider;
use super::{address, bedrock};
use crate::chat::ChatRequest;

const JSON: &str = "application/json";

/// The Converse API.
pub(super) struct Bedrock;

impl Dialect for Bedrock {
    fn write_request(
        &self,
        provider: &Provider,
        fixed: &[(&str, Value)],
        request: &ChatRequest,
    ) -> Result<Outgoing, Unwritten> {
        let written = bedrock::request::write(fixed, request, provider.default_max_tokens)?;
        let operation = if written.is_streamed { "converse-stream" } else { "converse" };
        let url = address::with_name(&provider.base_url, "model", &written.model, operation)?;
        let body = serde_json::to_vec(&written.body)
            .map_err(|error| Failure::Broken(format!("cannot write the request: {error}")))?;
        let builder = provider.client.post(url.clone()).header(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let builder = match (&provider.key, &provider.signer) {
            (Some(key), _) => builder.bearer_auth(key.expose_secret()),
            (None, Some(signer)) => builder.headers(signer.sign(&url, JSON, &body, SystemTime::now())?),
            (None, None) => builder,
        };
        Ok(Outgoing { builder: builder.body(body), dropped: written.dropped })
    }

    fn tells_logprobs(&self) -> bool {
        false
    }

    /// All that is refused with 403 are credentials and what they are allowed; 424 is a model behind the API that failed.
    fn is_no_fault_of_the_request(&self, status: StatusCode) -> bool {
        matches!(status.as_u16(), 403 | 424)
    }

    fn read_answer(&self, model: &str, answer: &Bytes) -> Result<Option<Bytes>, Failure> {
        answer::read(answer, Completion::begin(model)).map(Some).ok_or(Failure::Unreadable)
    }

    fn read_refusal(&self, status: StatusCode, headers: &HeaderMap, refusal: &Bytes) -> Option<Bytes> {
        Some(error_body::read(status, headers, refusal))
    }

    fn read_stream(&self, provider: &Provider, model: &str, request: &ChatRequest) -> Box<dyn StreamReader> {
        let secrets = provider.secrets().cloned().collect();
        let completion = Completion::begin(model);
        Box::new(stream::ConverseStream::new(&provider.name, secrets, request.include_usage(), completion))
    }
}

/// What a completion says of itself and the API does not.
#[derive(Debug, Clone)]
struct Completion {
    id: String,
    /// Seconds since 1970.
    created: u64,
    model: String,
}

impl Completion {
    fn begin(model: &str) -> Self {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        Self { id: format!("chatcmpl-{}", Uuid::now_v7().simple()), created, model: model.to_owned() }
    }
}
