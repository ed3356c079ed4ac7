//! What comes back from a plan: who served, after which attempts, and the body, whole or as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;

use super::PendingReceipt;
use super::attempt::Attempt;
use crate::chat::Usage;

/// A provider's answer, on its way to the client.
pub struct Answer {
    /// The provider's status.
    pub status: StatusCode,
    /// Its content type.
    pub content_type: Option<HeaderValue>,
    /// Its `Retry-After`, where a refusal carries one.
    pub retry_after: Option<HeaderValue>,
    /// Fields of the request that the provider has no counterpart for and was not given, by name: at most 16, each of them plain ASCII.
    pub dropped: Vec<String>,
    /// The model that served, by its name in the registry.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Every try. Where no answer passed a cascade's gate, the one that serves did not either.
    pub attempts: Vec<Attempt>,
    /// Time spent waiting for providers until this answer began.
    pub upstream_wait: Duration,
    /// What everything beside this answer cost in USD: answers that did not convince, lost a race, or judged one. `None` where a part of
    /// it is unknown; zero where there was nothing else.
    pub unused_cost_usd: Option<f64>,
    /// The body.
    pub body: AnswerBody,
}

/// A sum with an unknown part is unknown.
pub fn sum_of_costs(one_usd: Option<f64>, other_usd: Option<f64>) -> Option<f64> {
    one_usd.zip(other_usd).map(|(one, other)| one + other)
}

/// The body of an answer.
pub enum AnswerBody {
    /// All of it.
    Whole {
        /// As the provider wrote it; an error body with the provider's key struck out.
        bytes: Bytes,
        /// What it says of tokens.
        usage: Option<Usage>,
        /// Tokens times the registry's prices; `None` where either is unknown.
        cost_usd: Option<f64>,
    },
    /// Server-sent events.
    Stream {
        /// The events as they arrive.
        events: AnswerStream,
        /// What became of them, once they have ended or were dropped.
        receipt: PendingReceipt,
    },
}

/// A running stream. It always ends with `data: [DONE]`; dropping it cancels the provider's work.
pub struct AnswerStream(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

impl AnswerStream {
    pub(super) fn new(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }
}

impl Stream for AnswerStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.as_mut().poll_next(cx)
    }
}
