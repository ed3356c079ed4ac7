//! Reads decisions back: the latest rows, and totals by model in which unknown cost stays apart from cost.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::columns::{self, whole};
use super::{DecisionRecord, Store, StoreError};

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

const RECENT: &str = "SELECT * FROM decisions ORDER BY time_unix_ms DESC, id DESC LIMIT $1";
const ANY: &str = "SELECT id FROM decisions LIMIT 1";
const TOTALS: &str = "SELECT model, provider, COUNT(*) AS requests, \
    COUNT(CASE WHEN outcome IN ('failed', 'broken') THEN 1 END) AS failed_requests, \
    CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT) AS input_tokens, \
    CAST(COALESCE(SUM(cached_input_tokens), 0) AS BIGINT) AS cached_input_tokens, \
    CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT) AS output_tokens, \
    COALESCE(SUM(cost_usd), 0.0) AS known_cost_usd, \
    COUNT(CASE WHEN cost_usd IS NULL AND outcome <> 'refused' THEN 1 END) AS unknown_cost_requests \
    FROM decisions GROUP BY model, provider ORDER BY requests DESC, model, provider";

const SPENT_BETWEEN: &str = "SELECT COALESCE(SUM(COALESCE(counted_usd, cost_usd)), 0.0) AS spent_usd FROM decisions \
    WHERE time_unix_ms >= $1 AND time_unix_ms < $2";

const SPENT_BY_CALLER: &str = "SELECT caller_id, SUM(COALESCE(counted_usd, cost_usd, 0.0)) AS spent_usd FROM decisions \
    WHERE time_unix_ms >= $1 AND time_unix_ms < $2 AND caller_id IS NOT NULL GROUP BY caller_id ORDER BY spent_usd DESC LIMIT $3";

impl Store {
    /// What the requests since a time, in milliseconds since 1970, count against a budget.
    pub async fn spent_since(&self, time_unix_ms: i64) -> Result<f64, StoreError> {
        self.spent_between(time_unix_ms, i64::MAX).await
    }

    /// The same up to a time, which is not within.
    pub async fn spent_between(&self, time_unix_ms: i64, until_unix_ms: i64) -> Result<f64, StoreError> {
        let row = sqlx::query(SPENT_BETWEEN).bind(time_unix_ms).bind(until_unix_ms).fetch_one(&self.pool).await?;
        Ok(row.try_get("spent_usd")?)
    }

    /// The same by caller's identity, of those that spent the most.
    pub async fn spent_by_caller(
        &self,
        time_unix_ms: i64,
        until_unix_ms: i64,
        most: u32,
    ) -> Result<Vec<(String, f64)>, StoreError> {
        let query = sqlx::query(SPENT_BY_CALLER).bind(time_unix_ms).bind(until_unix_ms).bind(i64::from(most));
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get("caller_id")?, row.try_get("spent_usd")?))).collect()
    }

    /// Whether no decision is there.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query(ANY).fetch_optional(&self.pool).await?.is_none())
    }

    /// The latest decisions, newest first.
    pub async fn recent(&self, limit: u32) -> Result<Vec<DecisionRecord>, StoreError> {
        let rows = sqlx::query(RECENT).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        rows.iter().map(|row| columns::read(row).map_err(StoreError::from)).collect()
    }

    /// Requests and spend by model.
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        let rows = sqlx::query(TOTALS).fetch_all(&self.pool).await?;
        let by_model: Result<_, sqlx::Error> = rows.iter().map(read_totals).collect();
        Ok(Totals { by_model: by_model? })
    }
}

fn read_totals(row: &AnyRow) -> Result<ModelTotals, sqlx::Error> {
    Ok(ModelTotals {
        model: row.try_get("model")?,
        provider: row.try_get("provider")?,
        requests: whole(row, "requests")?,
        failed_requests: whole(row, "failed_requests")?,
        input_tokens: whole(row, "input_tokens")?,
        cached_input_tokens: whole(row, "cached_input_tokens")?,
        output_tokens: whole(row, "output_tokens")?,
        known_cost_usd: row.try_get("known_cost_usd")?,
        unknown_cost_requests: whole(row, "unknown_cost_requests")?,
    })
}
