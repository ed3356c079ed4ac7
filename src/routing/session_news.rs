//! What happened in conversations here, for other replicas to remember, too. Collected only where somebody asks for it, and bounded: news that nobody
//! takes is lost, and a conversation that is not known is begun anew.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// News that waits to be taken.
const MOST_WAITING: usize = 10_000;

/// What happened in one conversation. Holds hashes and numbers, and the name of a model of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionNews {
    /// The conversation: a hash, in hexadecimal digits.
    pub(super) session: String,
    /// Who was chosen, or answered.
    pub(super) model: String,
    /// How hard the turn was that the model was chosen for, and the tokens of the prompt; `None`: it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) choice: Option<(f64, u64)>,
    /// What the answer cost.
    pub(super) spent_usd: f64,
}

/// News of all conversations.
#[derive(Debug, Default)]
pub(super) struct Newsroom {
    is_read: AtomicBool,
    waiting: Mutex<VecDeque<SessionNews>>,
}

impl Newsroom {
    /// `news` is made only if somebody wants it.
    pub(super) fn tell(&self, news: impl FnOnce() -> SessionNews) {
        if !self.is_read.load(Ordering::Relaxed) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == MOST_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(news());
    }

    /// All that waits. From the first call on, news is collected.
    pub(super) fn take(&self) -> Vec<SessionNews> {
        self.is_read.store(true, Ordering::Relaxed);
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}
