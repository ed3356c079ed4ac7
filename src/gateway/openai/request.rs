//! Writes `POST {base_url}/chat/completions`. Every field of the client's body goes along as it came, but for the model's name and
//! the fields that the model's settings fix.

use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::chat::ChatRequest;
use crate::gateway::attempt::Failure;
use crate::gateway::provider::Provider;

/// The request as `provider` should receive it. `fixed` fields replace the client's, or are added.
pub(in crate::gateway) fn build_request(
    provider: &Provider,
    fixed: &[(&str, Value)],
    request: &ChatRequest,
) -> Result<RequestBuilder, Failure> {
    let unwritable = |error: &dyn std::fmt::Display| Failure::Broken(format!("cannot write the request: {error}"));
    let url = provider.base_url.join("chat/completions").map_err(|error| unwritable(&error))?;
    let body = serde_json::to_vec(&request.body_with(fixed)).map_err(|error| unwritable(&error))?;
    let builder =
        provider.client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
    Ok(match &provider.key {
        Some(key) => builder.bearer_auth(key.expose_secret()),
        None => builder,
    })
}
