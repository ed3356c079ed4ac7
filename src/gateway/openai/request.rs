//! Writes `POST {base_url}/chat/completions`, or the address of a deployment where Azure's API has a version. Every field of the client's
//! body goes along as it came, but for the model's name, the fields that the model's settings fix, and thoughts that another provider
//! signed. A request of another API is made a plain chat first.

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::translated;
use crate::chat::{ChatRequest, Origin};
use crate::gateway::attempt::Failure;
use crate::gateway::dialect::Outgoing;
use crate::gateway::fields::outdone_cap;
use crate::gateway::provider::Provider;
use crate::gateway::{KeyHeader, address};

const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The request as `provider` should receive it. `fixed` fields replace the client's, or are added.
pub(super) fn write(provider: &Provider, fixed: &[(&str, Value)], request: &ChatRequest) -> Result<Outgoing, Failure> {
    let model = fixed.iter().find(|(name, _)| *name == "model").and_then(|(_, model)| model.as_str());
    let (body, dropped) = body(fixed, request)?;
    let body = body.map_err(unwritable)?;
    Ok(Outgoing { builder: post(provider, model.unwrap_or_default(), "chat/completions", body)?, dropped })
}

/// A body for one of the paths that concern a model, with the provider's key.
pub(super) fn post(provider: &Provider, model: &str, path: &str, body: Vec<u8>) -> Result<RequestBuilder, Failure> {
    let url = url(provider, model, path)?;
    let builder =
        provider.client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
    Ok(match (&provider.key, provider.key_header) {
        (Some(key), KeyHeader::Bearer) => builder.bearer_auth(key.expose_secret()),
        (Some(key), KeyHeader::ApiKey) => {
            let mut key = HeaderValue::from_str(key.expose_secret()).map_err(unwritable)?;
            key.set_sensitive(true);
            builder.header(API_KEY, key)
        }
        (None, _) => builder,
    })
}

type Written = Result<Vec<u8>, serde_json::Error>;

/// The body, and the names of what it leaves out.
fn body(fixed: &[(&str, Value)], request: &ChatRequest) -> Result<(Written, Vec<String>), Failure> {
    if request.origin() != Origin::ChatCompletions {
        let (body, dropped) = translated::body(fixed, request)?;
        return Ok((serde_json::to_vec(&body), dropped));
    }
    let write = |fixed: &[(&str, Value)]| serde_json::to_vec(&request.body_with(fixed).without(outdone_cap(fixed)));
    let messages = request.field("messages").and_then(|raw| translated::without_thinking_blocks(raw.get()));
    let Some(messages) = messages else { return Ok((write(fixed), Vec::new())) };
    let mut fixed = fixed.to_vec();
    fixed.push(("messages", messages));
    Ok((write(&fixed), vec!["thinking_blocks".to_owned()]))
}

/// Azure's older paths name the deployment; everybody else's do not.
fn url(provider: &Provider, deployment: &str, path: &str) -> Result<Url, Failure> {
    let Some(api_version) = &provider.api_version else { return provider.base_url.join(path).map_err(unwritable) };
    let mut url = address::with_name(&provider.base_url, "openai/deployments", deployment, path)?;
    url.query_pairs_mut().append_pair("api-version", api_version);
    Ok(url)
}

fn unwritable(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(format!("cannot write the request: {error}"))
}
