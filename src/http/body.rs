//! Reads a request body up to its limit, and parses large ones where they hold up nobody else.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::ServerConfig;
use super::error::ApiError;
use crate::chat::ChatRequest;

/// Parsing about a millisecond's worth of JSON on a thread that serves others is the most we do.
const PARSE_INLINE_BYTES: usize = 256 * 1024;

/// How much of a body that is too large is read and thrown away, so that the client sees the answer rather than a reset.
const MAX_DISCARDED_BYTES: usize = 64 * 1024 * 1024;

/// A body that was read, and how much may be in it.
pub(super) struct ReadBody {
    bytes: Bytes,
    max_messages: usize,
}

/// What a body is read as.
pub(super) trait Conversation {
    /// How many messages it holds.
    fn message_count(&self) -> usize;
}

impl Conversation for ChatRequest {
    fn message_count(&self) -> usize {
        self.messages().len()
    }
}

impl<Writer> Conversation for (ChatRequest, Writer) {
    fn message_count(&self) -> usize {
        self.0.message_count()
    }
}

impl Conversation for super::embeddings::EmbeddingsRequest {
    /// Its texts are counted by their own limit.
    fn message_count(&self) -> usize {
        0
    }
}

/// The whole body; 413 when it is too large, 408 when it takes too long.
pub(super) async fn read(headers: &HeaderMap, body: Body, config: &ServerConfig) -> Result<ReadBody, ApiError> {
    let limit = Duration::from_millis(config.body_timeout_ms);
    let bytes = timeout(limit, read_at_leisure(headers, body, config.max_body_bytes))
        .await
        .unwrap_or_else(|_elapsed| Err(ApiError::body_too_slow()))?;
    Ok(ReadBody { bytes, max_messages: config.max_messages })
}

async fn read_at_leisure(headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Bytes, ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut chunks = body.into_data_stream();
    if declared.is_some_and(|length| length > limit_bytes) {
        // A client that waits for "100 Continue" has sent nothing, and will not when it is refused.
        if !headers.contains_key(EXPECT) {
            discard(&mut chunks).await;
        }
        return Err(ApiError::body_too_large(limit_bytes));
    }
    let mut first = Bytes::new();
    let mut all: Vec<u8> = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::body_unreadable())?;
        if first.len().max(all.len()) + chunk.len() > limit_bytes {
            discard(&mut chunks).await;
            return Err(ApiError::body_too_large(limit_bytes));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            if all.is_empty() {
                all.reserve(declared.unwrap_or(first.len() + chunk.len()).min(limit_bytes));
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&chunk);
        }
    }
    Ok(if all.is_empty() { first } else { all.into() })
}

async fn discard(chunks: &mut axum::body::BodyDataStream) {
    let mut discarded = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        discarded += chunk.len();
        if discarded > MAX_DISCARDED_BYTES {
            return;
        }
    }
}

/// Parses a body, off the serving threads when it is large. Bytes that are no UTF-8 are named as such; 400 when there are too many
/// messages.
pub(super) async fn parse<T: Conversation + Send + 'static>(
    body: ReadBody,
    read: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let ReadBody { bytes, max_messages } = body;
    let parsed = if bytes.len() <= PARSE_INLINE_BYTES {
        parse_now(&bytes, read)?
    } else {
        let parsing = tokio::task::spawn_blocking(move || parse_now(&bytes, read));
        parsing.await.unwrap_or_else(|_panicked| Err(ApiError::internal()))?
    };
    match parsed.message_count() {
        messages if messages > max_messages => Err(ApiError::too_many_messages(messages, max_messages)),
        _ => Ok(parsed),
    }
}

fn parse_now<T>(body: &[u8], read: impl FnOnce(&[u8]) -> Result<T, ApiError>) -> Result<T, ApiError> {
    read(body).map_err(|error| match std::str::from_utf8(body) {
        Ok(_) => error,
        Err(invalid) => {
            ApiError::invalid(format!("the request body is not valid UTF-8 at byte {}", invalid.valid_up_to()), None)
        }
    })
}
