//! The time limits of one try: until its answer begins, between two pieces of it, and for all of it. Knows nothing of what is waited for.

use tokio::time::{Instant, timeout_at};

use super::attempt::{Failure, TimeoutKind};
use super::provider::Timeouts;

/// The time limits of one try, running since it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    timeouts: Timeouts,
    pub(super) began: Instant,
}

impl Pace {
    /// A try that begins now.
    pub(super) fn start(timeouts: Timeouts) -> Self {
        Self { timeouts, began: Instant::now() }
    }

    /// Waits for an answer to begin.
    pub(super) async fn until_first_byte<T>(
        &self,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        self.wait(self.began + self.timeouts.first_byte, TimeoutKind::FirstByte, work).await
    }

    /// Waits for the next piece of an answer that has begun.
    pub(super) async fn between_chunks<T>(
        &self,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        self.wait(Instant::now() + self.timeouts.between_chunks, TimeoutKind::BetweenChunks, work).await
    }

    async fn wait<T>(
        &self,
        limit: Instant,
        kind: TimeoutKind,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        let end = self.began + self.timeouts.total;
        let (limit, kind) = if end < limit { (end, TimeoutKind::Total) } else { (limit, kind) };
        match timeout_at(limit, work).await {
            Ok(result) => result.map_err(Failure::from_client),
            Err(_elapsed) => Err(Failure::Timeout(kind)),
        }
    }
}
