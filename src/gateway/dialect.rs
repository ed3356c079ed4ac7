//! The APIs that providers speak, one trait for all: a request goes out in the provider's shape, and what comes back has OpenAI's shape
//! from here on, so that nobody after this knows which API it was. `ProviderKind::dialect` is the only place that tells kinds apart.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::attempt::Failure;
use super::provider::Provider;
use super::{ProviderKind, anthropic, bedrock, gemini, openai};
use crate::chat::{ChatRequest, InvalidRequest, Usage};

/// One API: how a request is written and how an answer is read. Pure translation; sends nothing.
pub(super) trait Dialect: Sync {
    /// The request as `provider` should receive it. `fixed` fields replace the client's, or are added.
    fn write_request(
        &self,
        provider: &Provider,
        fixed: &[(&str, Value)],
        request: &ChatRequest,
    ) -> Result<Outgoing, Unwritten>;

    /// Whether it can tell how likely its tokens were, if it is asked to.
    fn tells_logprobs(&self) -> bool;

    /// Whether it counts the tokens of a stream only where the request says so.
    fn counts_streams_when_asked(&self) -> bool {
        false
    }

    /// Whether a refusal of this status is the provider's trouble or its configuration's, where with most providers it is the request's.
    fn is_no_fault_of_the_request(&self, _status: StatusCode) -> bool {
        false
    }

    /// A whole answer in OpenAI's shape; `None` where it came in it. `model` is the provider's name for the model, which not every API repeats.
    fn read_answer(&self, model: &str, answer: &Bytes) -> Result<Option<Bytes>, Failure>;

    /// The body of a refusal as OpenAI's error body; `None` where it is to go on as it came.
    fn read_refusal(&self, status: StatusCode, headers: &HeaderMap, refusal: &Bytes) -> Option<Bytes>;

    /// Reads out of a rate limit's body how long to wait, for APIs that tell it there.
    fn wait_in_body(&self) -> Option<ReadWait> {
        None
    }

    /// Whether a refusal is of the provider's key, for APIs whose status does not say so.
    fn refuses_key(&self, _refusal: &[u8]) -> bool {
        false
    }

    /// How a request for embeddings is written, where the API has embeddings in OpenAI's shape.
    fn embeddings(&self) -> Option<WriteEmbeddings> {
        None
    }

    /// Reads one stream of this model from its first byte on.
    fn read_stream(&self, provider: &Provider, model: &str, request: &ChatRequest) -> Box<dyn StreamReader>;
}

impl ProviderKind {
    /// The API that providers of this kind speak.
    pub(super) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::OpenAi => &openai::OpenAi,
            Self::Anthropic => &anthropic::Anthropic,
            Self::Gemini => &gemini::Gemini,
            Self::Bedrock => &bedrock::Bedrock,
        }
    }
}

/// Reads how long to wait.
pub(super) type ReadWait = fn(&[u8]) -> Option<Duration>;

/// Writes a request for embeddings, given the provider's name for the model and the body.
pub(super) type WriteEmbeddings = fn(&Provider, &str, Vec<u8>) -> Result<RequestBuilder, Failure>;

/// A request ready to be sent.
pub(super) struct Outgoing {
    pub(super) builder: RequestBuilder,
    /// Names of the client's fields that the API has no counterpart for, and that were left out.
    pub(super) dropped: Vec<String>,
}

/// Why a request cannot be written.
#[derive(Debug, PartialEq)]
pub(super) enum Unwritten {
    /// It is wrong in itself: every provider would refuse it.
    Invalid(InvalidRequest),
    /// This provider cannot be asked.
    Failed(Failure),
}

impl From<Failure> for Unwritten {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A stream on its way in. What it gives back are whole lines of server-sent events in OpenAI's shape, and `read` is shown the payload of
/// each `data:` line among them.
pub(super) trait StreamReader: Send + Sync {
    /// Takes a chunk; gives back what may go on.
    fn push(&mut self, chunk: &Bytes, read: &mut dyn FnMut(&[u8])) -> Bytes;

    /// The stream was closed; gives back what was held of it, as a whole event.
    fn finish(&mut self, read: &mut dyn FnMut(&[u8])) -> Bytes;

    /// Whether it was given up because a line came that is too long, without saying so itself.
    fn is_too_long(&self) -> bool {
        false
    }

    /// Token counts that were told, where they do not stand in the payloads.
    fn usage(&self) -> Option<Usage>;
}
