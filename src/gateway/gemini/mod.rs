//! Google's Gemini API: a chat request is written as a request for content, and content is read as chat completions, whole and streamed.
//! Pure translation, beside the address and the headers; sends nothing itself. What has no counterpart is named, never left out in silence.

mod answer;
mod candidate;
mod conversation;
mod end;
mod error_body;
mod generation;
mod generation_config;
mod logprobs;
mod media;
mod part;
mod request;
mod schema;
mod stream;
#[cfg(test)]
mod tests;
mod thinking;
mod tools;
mod usage;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::attempt::Failure;
use super::dialect::{Dialect, Outgoing, ReadWait, StreamReader, Unwritten};
use super::provider::Provider;
use crate::chat::ChatRequest;

/// The API would also take the key in the address, where logs and proxies see it.
const API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

/// The Gemini API.
pub(super) struct Gemini;

impl Dialect for Gemini {
    fn write_request(
        &self,
        provider: &Provider,
        fixed: &[(&str, Value)],
        request: &ChatRequest,
    ) -> Result<Outgoing, Unwritten> {
        let unwritable = |error: &dyn std::fmt::Display| Failure::Broken(format!("cannot write the request: {error}"));
        let written = request::write(fixed, request)?;
        let url = address(&provider.base_url, &written.model, written.streams)?;
        let body = serde_json::to_vec(&written.body).map_err(|error| unwritable(&error))?;
        let json = HeaderValue::from_static("application/json");
        let mut builder = provider.client.post(url).header(CONTENT_TYPE, json).body(body);
        if let Some(key) = &provider.key {
            let mut key = HeaderValue::from_str(key.expose_secret()).map_err(|error| unwritable(&error))?;
            key.set_sensitive(true);
            builder = builder.header(API_KEY, key);
        }
        Ok(Outgoing { builder, dropped: written.dropped })
    }

    fn tells_logprobs(&self) -> bool {
        true
    }

    fn read_answer(&self, _model: &str, answer: &Bytes) -> Result<Option<Bytes>, Failure> {
        answer::read(answer, now()).map(Some).ok_or(Failure::Unreadable)
    }

    fn wait_in_body(&self) -> Option<ReadWait> {
        Some(error_body::wait)
    }

    fn refuses_key(&self, refusal: &[u8]) -> bool {
        error_body::is_wrong_key(refusal)
    }

    fn read_refusal(&self, status: StatusCode, _headers: &HeaderMap, refusal: &Bytes) -> Option<Bytes> {
        Some(error_body::read(status, refusal))
    }

    fn read_stream(&self, provider: &Provider, _model: &str, request: &ChatRequest) -> Box<dyn StreamReader> {
        Box::new(stream::ContentStream::new(&provider.name, provider.key.clone(), request.include_usage(), now()))
    }
}

/// Where a model answers: `models/MODEL:generateContent`, or the same below `tunedModels/`. The name may hold nothing that could lead
/// elsewhere.
fn address(base_url: &Url, model: &str, streams: bool) -> Result<Url, Failure> {
    const ODD: Failure = Failure::Unsupported("a model's name of other characters than letters, digits, '.', '_', '-'");
    let (collection, name) = model.split_once('/').unwrap_or(("models", model));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !matches!(collection, "models" | "tunedModels") || name.is_empty() || !name.bytes().all(is_plain) {
        return Err(ODD);
    }
    let method = if streams { "streamGenerateContent" } else { "generateContent" };
    let mut url = base_url.join(&format!("{collection}/{name}:{method}")).map_err(|_| ODD)?;
    if streams {
        // Without it, a stream is one long JSON array.
        url.set_query(Some("alt=sse"));
    }
    Ok(url)
}

/// Seconds since 1970: the API does not say when an answer was made, and completions do.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
