//! What became of a stream: written once, when the stream is over, and read by whoever served it. Sends nothing anywhere.

use tokio::sync::oneshot;

use crate::chat::Usage;

/// What became of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// How it ended.
    pub end: StreamEnd,
    /// What the provider said of tokens.
    pub usage: Option<Usage>,
    /// Tokens times the registry's prices; `None` where either is unknown.
    pub cost_usd: Option<f64>,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// The answer was complete.
    Complete,
    /// The provider broke off, or the answer was not wanted; the kind of failure, as in `Failure::label`.
    Broken(String),
    /// It was dropped before its end.
    ClientLeft,
}

/// A receipt that is there once its stream has ended or was dropped.
#[derive(Debug)]
pub struct PendingReceipt(oneshot::Receiver<Receipt>);

impl PendingReceipt {
    /// The receipt; `None` before the stream's end, and when it was taken already.
    pub fn take(&mut self) -> Option<Receipt> {
        self.0.try_recv().ok()
    }
}

/// Where the receipt is written, and where it is read.
pub(super) fn pair() -> (oneshot::Sender<Receipt>, PendingReceipt) {
    let (sender, receiver) = oneshot::channel();
    (sender, PendingReceipt(receiver))
}
