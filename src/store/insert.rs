//! Writes decisions, a batch in one transaction. Values are bound, never pasted into SQL.

use sqlx::SqlitePool;

use super::DecisionRecord;

const INSERT: &str = "INSERT INTO decisions (id, time_unix_ms, model, provider, task, task_confidence, complexity, \
    complexity_score, known, strategy, reason, attempts, status, outcome, stream, input_tokens, cached_input_tokens, \
    cache_write_tokens, output_tokens, reasoning_tokens, \
    cost_usd, counted_usd, overhead_ms, latency_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (id) DO NOTHING";

/// Writes all of them or none. A row whose id is there already is left as it is.
pub(super) async fn insert_all(pool: &SqlitePool, records: &[DecisionRecord]) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    for record in records {
        sqlx::query(INSERT)
            .bind(&record.id)
            .bind(record.time_unix_ms)
            .bind(&record.model)
            .bind(&record.provider)
            .bind(&record.task)
            .bind(record.task_confidence)
            .bind(&record.complexity)
            .bind(record.complexity_score)
            .bind(record.known)
            .bind(&record.strategy)
            .bind(&record.reason)
            .bind(i64::from(record.attempts))
            .bind(i64::from(record.status))
            .bind(record.outcome.name())
            .bind(record.stream)
            .bind(record.input_tokens.map(as_integer))
            .bind(record.cached_input_tokens.map(as_integer))
            .bind(record.cache_write_tokens.map(as_integer))
            .bind(record.output_tokens.map(as_integer))
            .bind(record.reasoning_tokens.map(as_integer))
            .bind(record.cost_usd)
            .bind(record.counted_usd)
            .bind(finite(record.overhead_ms))
            .bind(finite(record.latency_ms))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// SQLite's integers are signed; no answer has this many tokens.
fn as_integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// SQLite stores NaN as NULL, and one such row would cost its whole batch.
fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}
