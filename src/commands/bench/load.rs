//! Times the transformer's queue under load: so many clients, each with one text on its way and the next behind it. What a decision could do
//! without is refused where the wait is long, and counted, as the router would.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::timing::Timing;
use crate::embedder::{EmbeddingQueue, QueueError};

/// For each number of clients.
const BUDGET: Duration = Duration::from_secs(3);
/// What a client does that was refused, before it comes again: a decision by the first tier, and an answer of some model.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// One client's texts.
#[derive(Default)]
struct Found {
    waited: Vec<Duration>,
    refused: usize,
}

/// One row for each number of clients.
pub(super) fn measure(queue: &EmbeddingQueue, text: &str, clients: &[usize]) -> anyhow::Result<Vec<Value>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    clients
        .iter()
        .map(|&clients| {
            let began = Instant::now();
            let found = runtime.block_on(async {
                let all = (0..clients).map(|_| client(queue, text, began));
                futures_util::future::try_join_all(all).await
            })?;
            let seconds = began.elapsed().as_secs_f64();
            let refused: usize = found.iter().map(|found| found.refused).sum();
            let waited = Timing::from_runs(found.into_iter().flat_map(|found| found.waited).collect());
            Ok(json!({
                "clients": clients,
                "texts_per_s": (waited.runs() as f64 / seconds).round(),
                "p50_ms": waited.p50_ms(),
                "p99_ms": waited.percentile_ms(0.99),
                "refused_per_s": (refused as f64 / seconds).round(),
            }))
        })
        .collect()
}

async fn client(queue: &EmbeddingQueue, text: &str, began: Instant) -> Result<Found, QueueError> {
    let mut found = Found::default();
    while began.elapsed() < BUDGET {
        let came = Instant::now();
        match queue.embed_soon(text).await {
            Ok(_) => found.waited.push(came.elapsed()),
            Err(QueueError::Full | QueueError::Long(_)) => {
                found.refused += 1;
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
