//! Reads decisions back: the latest rows, and totals by model in which unknown cost stays apart from cost.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{DecisionRecord, Outcome, Store, StoreError};

/// What a model served and cost.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTotals {
    /// The model; `None` gathers requests that no model served.
    pub model: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
    /// Requests.
    pub requests: u64,
    /// Those that no model answered, or whose answer broke off.
    pub failed_requests: u64,
    /// Input tokens, those read from a cache left out, as far as known.
    pub input_tokens: u64,
    /// Input tokens read from the provider's cache, as far as known.
    pub cached_input_tokens: u64,
    /// Tokens of the answers, as far as known.
    pub output_tokens: u64,
    /// Cost of the requests whose cost is known.
    pub known_cost_usd: f64,
    /// Requests that may have cost something, nobody knows what.
    pub unknown_cost_requests: u64,
}

/// Totals over the whole log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// By model and provider, the busiest first.
    pub by_model: Vec<ModelTotals>,
}

impl Totals {
    /// All requests.
    pub fn requests(&self) -> u64 {
        self.by_model.iter().map(|totals| totals.requests).sum()
    }

    /// Cost of the requests whose cost is known.
    pub fn known_cost_usd(&self) -> f64 {
        self.by_model.iter().map(|totals| totals.known_cost_usd).sum()
    }

    /// Requests that may have cost something, nobody knows what.
    pub fn unknown_cost_requests(&self) -> u64 {
        self.by_model.iter().map(|totals| totals.unknown_cost_requests).sum()
    }
}

const RECENT: &str = "SELECT * FROM decisions ORDER BY time_unix_ms DESC, id DESC LIMIT ?";
const TOTALS: &str = "SELECT model, provider, COUNT(*) AS requests, \
    TOTAL(outcome IN ('failed', 'broken')) AS failed_requests, TOTAL(input_tokens) AS input_tokens, \
    TOTAL(cached_input_tokens) AS cached_input_tokens, TOTAL(output_tokens) AS output_tokens, \
    TOTAL(cost_usd) AS known_cost_usd, TOTAL(cost_usd IS NULL AND outcome <> 'refused') AS unknown_cost_requests \
    FROM decisions GROUP BY model, provider ORDER BY requests DESC, model, provider";

const SPENT_SINCE: &str =
    "SELECT TOTAL(COALESCE(counted_usd, cost_usd)) AS spent_usd FROM decisions WHERE time_unix_ms >= ?";

impl Store {
    /// What the requests since a time, in milliseconds since 1970, count against a budget.
    pub async fn spent_since(&self, time_unix_ms: i64) -> Result<f64, StoreError> {
        let row = sqlx::query(SPENT_SINCE).bind(time_unix_ms).fetch_one(&self.pool).await?;
        Ok(row.try_get("spent_usd")?)
    }

    /// The latest decisions, newest first.
    pub async fn recent(&self, limit: u32) -> Result<Vec<DecisionRecord>, StoreError> {
        let rows = sqlx::query(RECENT).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        rows.iter().map(|row| read_record(row).map_err(StoreError::from)).collect()
    }

    /// Requests and spend by model.
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        let rows = sqlx::query(TOTALS).fetch_all(&self.pool).await?;
        let by_model: Result<_, sqlx::Error> = rows.iter().map(read_totals).collect();
        Ok(Totals { by_model: by_model? })
    }
}

fn read_record(row: &SqliteRow) -> Result<DecisionRecord, sqlx::Error> {
    Ok(DecisionRecord {
        id: row.try_get("id")?,
        time_unix_ms: row.try_get("time_unix_ms")?,
        model: row.try_get("model")?,
        provider: row.try_get("provider")?,
        task: row.try_get("task")?,
        task_confidence: row.try_get("task_confidence")?,
        complexity: row.try_get("complexity")?,
        complexity_score: row.try_get("complexity_score")?,
        known: row.try_get("known")?,
        strategy: row.try_get("strategy")?,
        reason: row.try_get("reason")?,
        attempts: row.try_get("attempts")?,
        status: row.try_get("status")?,
        outcome: outcome(row)?,
        stream: row.try_get("stream")?,
        input_tokens: count(row, "input_tokens")?,
        cached_input_tokens: count(row, "cached_input_tokens")?,
        cache_write_tokens: count(row, "cache_write_tokens")?,
        output_tokens: count(row, "output_tokens")?,
        reasoning_tokens: count(row, "reasoning_tokens")?,
        cost_usd: row.try_get("cost_usd")?,
        counted_usd: row.try_get("counted_usd")?,
        overhead_ms: row.try_get("overhead_ms")?,
        latency_ms: row.try_get("latency_ms")?,
    })
}

fn read_totals(row: &SqliteRow) -> Result<ModelTotals, sqlx::Error> {
    Ok(ModelTotals {
        model: row.try_get("model")?,
        provider: row.try_get("provider")?,
        requests: row.try_get::<i64, _>("requests")?.unsigned_abs(),
        failed_requests: total(row, "failed_requests")?,
        input_tokens: total(row, "input_tokens")?,
        cached_input_tokens: total(row, "cached_input_tokens")?,
        output_tokens: total(row, "output_tokens")?,
        known_cost_usd: row.try_get("known_cost_usd")?,
        unknown_cost_requests: total(row, "unknown_cost_requests")?,
    })
}

/// A word that a later version wrote counts as the least that can be said.
fn outcome(row: &SqliteRow) -> Result<Outcome, sqlx::Error> {
    let name: String = row.try_get("outcome")?;
    Ok(Outcome::from_name(&name).unwrap_or_default())
}

fn count(row: &SqliteRow, column: &str) -> Result<Option<u64>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(i64::unsigned_abs))
}

/// SQLite's `TOTAL` is a float, exact up to 2^53, and unlike `SUM` it neither overflows nor turns into NULL.
fn total(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of counts; the cast saturates")]
    let total = row.try_get::<f64, _>(column)? as u64;
    Ok(total)
}
