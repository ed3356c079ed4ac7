//! Forgets decisions that are older or more than they need to be, the oldest first and a few at a time, beside the writer and never in its way.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{Executor as _, Row as _};
use tokio::time::{Instant, sleep};

use super::database::Engine;
use super::{Store, rollup};

/// Some milliseconds of work, after which others have their turn.
const BATCH: i64 = 1000;
/// How often there is looked for what can go; the first time is at the start.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// By what is no longer there, and not by what was chosen to go: another server may delete at the same time.
const FEEDBACK: &str =
    "DELETE FROM feedback WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.id = feedback.decision_id)";
const DECISIONS: &str = "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE time_unix_ms < $1 \
    OR (time_unix_ms = $1 AND id <= $2) ORDER BY time_unix_ms, id LIMIT $3)";
const NEWEST_TOO_MANY: &str =
    "SELECT time_unix_ms, id FROM decisions ORDER BY time_unix_ms DESC, id DESC LIMIT 1 OFFSET $1";
/// Pages of a batch and more: SQLite's file follows its contents.
const SHRINK: &str = "PRAGMA incremental_vacuum(2000)";

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) keep: Duration,
    pub(super) max_rows: Option<u64>,
}

/// Everything up to and including this row goes.
struct Boundary {
    time_unix_ms: i64,
    id: String,
}

/// Forgets, for ever, what is not to be kept.
pub(super) async fn keep_pruned(store: Store) -> std::convert::Infallible {
    loop {
        store.ready().await;
        match store.prune().await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old decisions are deleted"),
            Err(error) => {
                tracing::warn!(%error, "the store cannot delete old decisions; it tries again in ten minutes");
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Store {
    /// Returns how many decisions went. What would go uncounted would be missing from the sums, which stay longer, so those from before
    /// there were sums are counted first.
    async fn prune(&self) -> Result<u64, sqlx::Error> {
        let mut began = Instant::now();
        while rollup::catch_up_some(&self.pool).await? {
            sleep(began.elapsed()).await;
            began = Instant::now();
        }
        rollup::prune(&self.pool, self.retention.keep).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest_kept_ms = i64::try_from(now.saturating_sub(self.retention.keep).as_millis()).unwrap_or(0);
        // No id sorts before the empty one, so of the boundary's own millisecond nothing goes.
        let mut rows = self.delete_up_to(Boundary { time_unix_ms: oldest_kept_ms, id: String::new() }).await?;
        if let Some(boundary) = self.newest_too_many().await? {
            rows += self.delete_up_to(boundary).await?;
        }
        // With a decision goes what was said of it, also where that was left undone before.
        sqlx::query(FEEDBACK).execute(&self.pool).await?;
        Ok(rows)
    }

    /// The first row after the newest `max_rows`.
    async fn newest_too_many(&self) -> Result<Option<Boundary>, sqlx::Error> {
        let Some(max_rows) = self.retention.max_rows else { return Ok(None) };
        let offset = i64::try_from(max_rows).unwrap_or(i64::MAX);
        let row = sqlx::query(NEWEST_TOO_MANY).bind(offset).fetch_optional(&self.pool).await?;
        row.map(|row| Ok(Boundary { time_unix_ms: row.try_get("time_unix_ms")?, id: row.try_get("id")? })).transpose()
    }

    async fn delete_up_to(&self, boundary: Boundary) -> Result<u64, sqlx::Error> {
        let mut all = 0;
        loop {
            let began = Instant::now();
            let rows = self.delete_batch(&boundary).await?;
            all += rows;
            if rows < BATCH.unsigned_abs() {
                return Ok(all);
            }
            // SQLite lets one write at a time: half of the time is the writer's.
            sleep(began.elapsed()).await;
        }
    }

    async fn delete_batch(&self, boundary: &Boundary) -> Result<u64, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let delete = sqlx::query(DECISIONS).bind(boundary.time_unix_ms).bind(&boundary.id).bind(BATCH);
        let rows = delete.execute(&mut *connection).await?.rows_affected();
        if rows > 0 && self.address.engine == Engine::Sqlite {
            connection.execute(SHRINK).await?;
        }
        Ok(rows)
    }
}
