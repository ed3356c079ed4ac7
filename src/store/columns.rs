//! The columns of a decision: their one list, which of them lists and sums are not given, and how a row becomes a record.

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{DecisionRecord, Outcome};

/// In the order in which they are written.
pub(super) const ALL: [&str; 44] = [
    "id",
    "time_unix_ms",
    "caller",
    "caller_id",
    "session",
    "model",
    "provider",
    "task",
    "task_confidence",
    "complexity",
    "complexity_confidence",
    "complexity_score",
    "known",
    "novelty",
    "truncated",
    "tier",
    "artifact",
    "predicted_quality",
    "predicted_qualities",
    "strategy",
    "reason",
    "chain",
    "tries",
    "attempts",
    "status",
    "outcome",
    "stream",
    "cache",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "counted_usd",
    "would_cost_usd",
    "best_model",
    "best_usd",
    "feature_space",
    "fingerprint",
    "features",
    "prompt",
    "overhead_ms",
    "latency_ms",
];

/// What holds words of a prompt or its features, or tells equal ones: what does not read it cannot let it out, whatever `log_prompts` says. And one
/// that is long and that nobody shows.
const HELD_BACK: [&str; 5] = ["feature_space", "fingerprint", "features", "prompt", "predicted_qualities"];

/// For a SELECT of what may be shown, where the table goes by this name.
pub(super) fn shown(table: &str) -> String {
    let shown = ALL.into_iter().filter(|column| !HELD_BACK.contains(column));
    shown.map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}

/// The record of a row; what was held back is empty in it.
pub(super) fn read(row: &AnyRow) -> Result<DecisionRecord, sqlx::Error> {
    Ok(DecisionRecord {
        id: row.try_get("id")?,
        time_unix_ms: row.try_get("time_unix_ms")?,
        caller: row.try_get("caller")?,
        caller_id: row.try_get("caller_id")?,
        session: row.try_get("session")?,
        model: row.try_get("model")?,
        provider: row.try_get("provider")?,
        task: row.try_get("task")?,
        task_confidence: row.try_get("task_confidence")?,
        complexity: row.try_get("complexity")?,
        complexity_confidence: row.try_get("complexity_confidence")?,
        complexity_score: row.try_get("complexity_score")?,
        known: flag(row, "known")?,
        novelty: row.try_get("novelty")?,
        truncated: flag(row, "truncated")?,
        tier: row.try_get("tier")?,
        artifact: row.try_get("artifact")?,
        predicted_quality: row.try_get("predicted_quality")?,
        predicted_qualities: read_json(held_back(row, "predicted_qualities")?),
        strategy: row.try_get("strategy")?,
        reason: row.try_get("reason")?,
        chain: json(row, "chain")?,
        tries: json(row, "tries")?,
        attempts: u32::try_from(whole(row, "attempts")?).unwrap_or(u32::MAX),
        status: u16::try_from(whole(row, "status")?).unwrap_or(u16::MAX),
        outcome: outcome(row)?,
        stream: whole(row, "stream")? != 0,
        cache: row.try_get("cache")?,
        input_tokens: count(row, "input_tokens")?,
        cached_input_tokens: count(row, "cached_input_tokens")?,
        cache_write_tokens: count(row, "cache_write_tokens")?,
        output_tokens: count(row, "output_tokens")?,
        reasoning_tokens: count(row, "reasoning_tokens")?,
        cost_usd: row.try_get("cost_usd")?,
        counted_usd: row.try_get("counted_usd")?,
        would_cost_usd: json(row, "would_cost_usd")?,
        best_model: row.try_get("best_model")?,
        best_usd: row.try_get("best_usd")?,
        feature_space: held_back(row, "feature_space")?,
        fingerprint: held_back(row, "fingerprint")?,
        features: held_back(row, "features")?,
        prompt: held_back(row, "prompt")?,
        conversation: None,
        words: None,
        overhead_ms: row.try_get("overhead_ms")?,
        latency_ms: row.try_get("latency_ms")?,
    })
}

/// `None` also where it was not asked for.
fn held_back<'r, T>(row: &'r AnyRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
{
    if row.try_column(column).is_err() { Ok(None) } else { row.try_get(column) }
}

/// A word that a later version wrote counts as the least that can be said.
pub(super) fn outcome(row: &AnyRow) -> Result<Outcome, sqlx::Error> {
    let name: String = row.try_get("outcome")?;
    Ok(Outcome::from_name(&name).unwrap_or_default())
}

pub(super) fn count(row: &AnyRow, column: &str) -> Result<Option<u64>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(i64::unsigned_abs))
}

pub(super) fn whole(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)?.unsigned_abs())
}

pub(super) fn flag(row: &AnyRow, column: &str) -> Result<Option<bool>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(|value| value != 0))
}

/// NULL is empty, and so is what a later version wrote in a shape of its own.
pub(super) fn json<T: DeserializeOwned + Default>(row: &AnyRow, column: &str) -> Result<T, sqlx::Error> {
    Ok(read_json(row.try_get(column)?))
}

fn read_json<T: DeserializeOwned + Default>(text: Option<String>) -> T {
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}
