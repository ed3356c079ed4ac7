//! Anthropic's Messages API: a chat request is written as a message request, and messages and events are read as chat completions. Pure
//! translation, beside the address and the headers; sends nothing itself. What has no counterpart is named, never left out in silence.

mod answer;
mod beta;
mod block;
mod conversation;
mod error_body;
mod event;
mod generation;
mod request;
mod sampling;
mod schema;
mod stream;
#[cfg(test)]
mod tests;
mod thinking;
mod thoughts;
mod tools;
mod usage;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;

// What Claude takes and refuses is the same wherever it is served, and so is how conversations of other providers are made to fit.
pub(super) use conversation::{input, plain_id};
pub(super) use generation::Generation;
pub(super) use sampling::Sampling;
pub(super) use thinking::{Terms, Thinking};

use super::attempt::Failure;
use super::dialect::{Dialect, Outgoing, StreamReader, Unwritten};
use super::provider::Provider;
use crate::chat::ChatRequest;

const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The Messages API.
pub(super) struct Anthropic;

impl Dialect for Anthropic {
    fn write_request(
        &self,
        provider: &Provider,
        fixed: &[(&str, Value)],
        request: &ChatRequest,
    ) -> Result<Outgoing, Unwritten> {
        let unwritable = |error: &dyn std::fmt::Display| Failure::Broken(format!("cannot write the request: {error}"));
        let url = provider.base_url.join("messages").map_err(|error| unwritable(&error))?;
        let (body, dropped) = request::write(fixed, request, provider.default_max_tokens)?;
        let body = serde_json::to_vec(&body).map_err(|error| unwritable(&error))?;
        let json = HeaderValue::from_static("application/json");
        let (version, date) = VERSION;
        let mut builder = provider.client.post(url).header(CONTENT_TYPE, json).header(version, date).body(body);
        if let Some((name, names)) = beta::header(fixed, request)? {
            builder = builder.header(name, names);
        }
        if let Some(key) = &provider.key {
            let mut key = HeaderValue::from_str(key.expose_secret()).map_err(|error| unwritable(&error))?;
            key.set_sensitive(true);
            builder = builder.header(API_KEY, key);
        }
        Ok(Outgoing { builder, dropped })
    }

    fn tells_logprobs(&self) -> bool {
        false
    }

    fn read_answer(&self, _model: &str, answer: &Bytes) -> Result<Option<Bytes>, Failure> {
        answer::read(answer, now()).map(Some).ok_or(Failure::Unreadable)
    }

    fn read_refusal(&self, status: StatusCode, _headers: &HeaderMap, refusal: &Bytes) -> Option<Bytes> {
        Some(error_body::read(status, refusal))
    }

    fn read_stream(&self, provider: &Provider, _model: &str, request: &ChatRequest) -> Box<dyn StreamReader> {
        Box::new(stream::MessageStream::new(&provider.name, provider.key.clone(), request.include_usage(), now()))
    }
}

/// Seconds since 1970: messages do not say when they were made, and completions do.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
