//! One thread owns the transformer; requests queue for it. There is no batching timer: a batch is whatever queued while the
//! model was busy, so a lone request never waits. The queue is bounded, and a request whose client left is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::queue_load::{Counted, QueueLoad};
use super::{EmbedError, EmbedderIdentity, Embedding, TokenIds, Transformer};
use crate::embedder::Embedder;

/// Seconds that a text waited before its forward pass began.
pub const QUEUE_SECONDS: &str = "semroute_embedding_queue_seconds";

/// Bounds of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Requests that may wait; one more is refused at once.
    pub waiting: usize,
    /// Tokens of one batch, as the model counts what it costs.
    pub tokens: usize,
    /// The longest wait that a text is queued for which need not be embedded.
    pub wait: Duration,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { waiting: 512, tokens: 1024, wait: Duration::from_millis(250) }
    }
}

/// Why a queued text got no vector.
#[derive(Debug, Error)]
pub enum QueueError {
    /// As many requests wait as may.
    #[error("the embedding queue is full")]
    Full,
    /// What waits would take longer than this text is worth waiting for.
    #[error("the embedding queue would take longer than {0:?}")]
    Long(Duration),
    /// The model thread has ended.
    #[error("the embedding thread has stopped")]
    Stopped,
    /// The text or the model failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// What the queue runs: tokenizing on the caller's thread, forward passes on the model's.
pub(super) trait BatchModel: Send + Sync + 'static {
    fn identity(&self) -> &EmbedderIdentity;
    fn tokenize(&self, text: &str) -> Result<TokenIds, EmbedError>;
    fn cost(&self, texts: usize, longest: usize, tokens: usize) -> usize;
    fn forward(&self, batch: &[&TokenIds]) -> Result<Vec<Embedding>, EmbedError>;
}

impl BatchModel for Transformer {
    fn identity(&self) -> &EmbedderIdentity {
        Embedder::identity(self)
    }
    fn tokenize(&self, text: &str) -> Result<TokenIds, EmbedError> {
        Transformer::tokenize(self, text)
    }
    fn cost(&self, texts: usize, longest: usize, tokens: usize) -> usize {
        Transformer::cost(self, texts, longest, tokens)
    }
    fn forward(&self, batch: &[&TokenIds]) -> Result<Vec<Embedding>, EmbedError> {
        Transformer::forward(self, batch)
    }
}

struct Waiting {
    tokens: TokenIds,
    /// Until its pass has ended.
    _counted: Counted,
    since: Instant,
    reply: oneshot::Sender<Result<Embedding, EmbedError>>,
}

/// Handle to the model thread; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub struct EmbeddingQueue {
    model: Arc<dyn BatchModel>,
    sender: mpsc::Sender<Waiting>,
    load: Arc<QueueLoad>,
    wait: Duration,
}

impl EmbeddingQueue {
    /// Starts the model thread.
    pub fn start(model: Arc<Transformer>, limits: QueueLimits) -> std::io::Result<Self> {
        Self::start_model(model, limits)
    }

    fn start_model(model: Arc<dyn BatchModel>, limits: QueueLimits) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(limits.waiting.max(1));
        let load = Arc::new(QueueLoad::default());
        let (thread_model, thread_load) = (Arc::clone(&model), Arc::clone(&load));
        std::thread::Builder::new()
            .name("embedding".into())
            .spawn(move || serve(thread_model.as_ref(), &thread_load, receiver, limits.tokens))?;
        Ok(Self { model, sender, load, wait: limits.wait })
    }

    /// The model's identity.
    pub fn identity(&self) -> &EmbedderIdentity {
        self.model.identity()
    }

    /// Waits for this text's turn. Dropping the future takes the text out of the queue before it costs a pass.
    pub async fn embed(&self, text: &str) -> Result<Embedding, QueueError> {
        self.queue(text, None).await
    }

    /// As `embed`, for a text that can do without: refused at once where what waits would take longer than the limit.
    pub async fn embed_soon(&self, text: &str) -> Result<Embedding, QueueError> {
        self.queue(text, Some(self.wait)).await
    }

    async fn queue(&self, text: &str, most: Option<Duration>) -> Result<Embedding, QueueError> {
        if let Some(most) = most.filter(|most| self.load.wait() > *most) {
            return Err(QueueError::Long(most));
        }
        let tokens = self.model.tokenize(text)?;
        let counted = self.load.count(tokens.len());
        let (reply, answer) = oneshot::channel();
        self.sender.try_send(Waiting { tokens, _counted: counted, since: Instant::now(), reply }).map_err(|error| {
            match error {
                mpsc::error::TrySendError::Full(_) => QueueError::Full,
                mpsc::error::TrySendError::Closed(_) => QueueError::Stopped,
            }
        })?;
        Ok(answer.await.map_err(|_| QueueError::Stopped)??)
    }
}

fn serve(model: &dyn BatchModel, load: &QueueLoad, mut receiver: mpsc::Receiver<Waiting>, most_tokens: usize) {
    let mut held_over = None;
    while let Some(first) = held_over.take().or_else(|| receiver.blocking_recv()) {
        if first.reply.is_closed() {
            continue;
        }
        let (mut longest, mut sum) = (first.tokens.len(), first.tokens.len());
        let mut batch = vec![first];
        while let Ok(next) = receiver.try_recv() {
            if next.reply.is_closed() {
                continue;
            }
            let (with_next, length) = (sum + next.tokens.len(), longest.max(next.tokens.len()));
            if model.cost(batch.len() + 1, length, with_next) > most_tokens {
                held_over = Some(next);
                break;
            }
            (sum, longest) = (with_next, length);
            batch.push(next);
        }
        batch.retain(|waiting| !waiting.reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        for waiting in &batch {
            metrics::histogram!(QUEUE_SECONDS).record(waiting.since.elapsed().as_secs_f64());
        }
        let tokens: Vec<&TokenIds> = batch.iter().map(|waiting| &waiting.tokens).collect();
        let began = Instant::now();
        // A pass that panics is the failure of its batch, not the end of the thread and with it of all that is to come.
        let pass = catch_unwind(AssertUnwindSafe(|| model.forward(&tokens)));
        load.observe(tokens.iter().map(|tokens| tokens.len()).sum(), began.elapsed());
        match pass.unwrap_or_else(|_panic| Err(EmbedError::Model("the forward pass panicked".into()))) {
            Ok(embeddings) => batch.into_iter().zip(embeddings).for_each(|(waiting, embedding)| {
                // A client that left meanwhile is no error.
                let _ = waiting.reply.send(Ok(embedding));
            }),
            Err(error) => batch.into_iter().for_each(|waiting| {
                let _ = waiting.reply.send(Err(error.clone()));
            }),
        }
    }
}

#[cfg(test)]
mod tests;
