//! The columns that sums and lists of decisions read: all but what holds features or words of a prompt, which therefore cannot get out this
//! way whatever `log_prompts` says.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::DecisionRecord;
use super::read::{count, flag, json, outcome, whole};

const COLUMNS: [&str; 35] = [
    "id",
    "time_unix_ms",
    "caller",
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
    "output_tokens",
    "cost_usd",
    "would_cost_usd",
    "best_model",
    "best_usd",
    "overhead_ms",
    "latency_ms",
    "session",
];

/// Their names for a SELECT, where the table goes by this name.
pub(super) fn names(table: &str) -> String {
    COLUMNS.map(|column| format!("{table}.{column}")).join(", ")
}

/// A record in which the other fields are empty.
pub(super) fn read(row: &AnyRow) -> Result<DecisionRecord, sqlx::Error> {
    Ok(DecisionRecord {
        id: row.try_get("id")?,
        time_unix_ms: row.try_get("time_unix_ms")?,
        caller: row.try_get("caller")?,
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
        output_tokens: count(row, "output_tokens")?,
        cost_usd: row.try_get("cost_usd")?,
        would_cost_usd: json(row, "would_cost_usd")?,
        best_model: row.try_get("best_model")?,
        best_usd: row.try_get("best_usd")?,
        overhead_ms: row.try_get("overhead_ms")?,
        latency_ms: row.try_get("latency_ms")?,
        ..DecisionRecord::default()
    })
}
