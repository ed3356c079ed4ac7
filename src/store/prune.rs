//! Forgets decisions that are older than they need to be, a few at a time. SQLite gives the space to later rows; the file does
//! not shrink.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::SqlitePool;

/// Some milliseconds of work, after which waiting rows are written first.
const BATCH: u32 = 1000;
const DELETE: &str =
    "DELETE FROM decisions WHERE rowid IN (SELECT rowid FROM decisions WHERE time_unix_ms < ? LIMIT ?)";

/// Deletes a batch of what is older than `keep`; says whether there may be more.
pub(super) async fn prune_some(pool: &SqlitePool, keep: Duration) -> Result<bool, sqlx::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let oldest_kept_ms = i64::try_from(now.saturating_sub(keep).as_millis()).unwrap_or(0);
    let deleted = sqlx::query(DELETE).bind(oldest_kept_ms).bind(BATCH).execute(pool).await?.rows_affected();
    Ok(deleted >= u64::from(BATCH))
}
