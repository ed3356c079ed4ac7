//! The APIs that providers speak, one trait for all: a request goes out in the provider's shape, and what comes back has OpenAI's shape
//! from here on, so that nobody after this knows which API it was. `ProviderKind::dialect` is the only place that tells kinds apart.

use bytes::Bytes;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::attempt::Failure;
use super::provider::Provider;
use super::{ProviderKind, anthropic, openai};
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

    /// A whole answer in OpenAI's shape; `None` where it came in it.
    fn read_answer(&self, answer: &Bytes) -> Result<Option<Bytes>, Failure>;

    /// The body of a refusal as OpenAI's error body; `None` where it is to go on as it came.
    fn read_refusal(&self, status: StatusCode, refusal: &Bytes) -> Option<Bytes>;

    /// Reads one stream from its first byte on.
    fn read_stream(&self, provider: &Provider, request: &ChatRequest) -> Box<dyn StreamReader>;
}

impl ProviderKind {
    /// The API that providers of this kind speak.
    pub(super) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::OpenAi => &openai::OpenAi,
            Self::Anthropic => &anthropic::Anthropic,
        }
    }
}

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

    /// Token counts that were told, where they do not stand in the payloads.
    fn usage(&self) -> Option<Usage>;
}
