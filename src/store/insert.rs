//! Writes decisions, a batch in one transaction and in few statements. Values are bound, never pasted into SQL.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Serialize;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection as _, Row as _, SqlSafeStr as _, SqlStr};

use super::columns::ALL as COLUMNS;
use super::database::Engine;
use super::double::Double;
use super::{DecisionRecord, Store, StoreError, rollup};

/// Rows that one transaction takes, and at most one statement: a power of two, and well below the number of values that a statement may have.
pub(super) const BATCH_LIMIT: usize = 256;

/// Statements for 1, 2, 4 ... rows, so that a connection prepares few of them and asks the server seldom.
type Inserts = LazyLock<Vec<SqlStr>>;

static IN_SQLITE: Inserts = LazyLock::new(|| insert_statements(Engine::Sqlite));
static IN_POSTGRES: Inserts = LazyLock::new(|| insert_statements(Engine::Postgres));

fn insert_statements(engine: Engine) -> Vec<SqlStr> {
    (0..=BATCH_LIMIT.ilog2()).map(|power| insert_statement(engine, 1 << power)).collect()
}

/// SQLite looks for every named place among all others, which takes a second for a batch; places without a name it only counts.
fn insert_statement(engine: Engine, rows: usize) -> SqlStr {
    let place = |place: usize| match engine {
        Engine::Sqlite => "?".to_owned(),
        Engine::Postgres => format!("${place}"),
    };
    let row = |row: usize| {
        let places: Vec<String> = (1..=COLUMNS.len()).map(|column| place(row * COLUMNS.len() + column)).collect();
        format!("({})", places.join(", "))
    };
    let (columns, rows) = (COLUMNS.join(", "), (0..rows).map(row).collect::<Vec<_>>().join(", "));
    AssertSqlSafe(format!("INSERT INTO decisions ({columns}) VALUES {rows} ON CONFLICT (id) DO NOTHING RETURNING id"))
        .into_sql_str()
}

impl Store {
    /// Writes decisions at once, all of them or none, past the recorder's queue: for commands, never on the way of a request.
    pub async fn write_now(&self, records: &[DecisionRecord]) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(insert_all(&mut connection, self.address.engine, records).await?)
    }
}

/// Writes all of them or none. A row whose id is there already is left as it is: it was written by a transaction whose end nobody heard of.
pub(super) async fn insert_all(
    connection: &mut AnyConnection,
    engine: Engine,
    records: &[DecisionRecord],
) -> Result<(), sqlx::Error> {
    let statements = match engine {
        Engine::Sqlite => &IN_SQLITE,
        Engine::Postgres => &IN_POSTGRES,
    };
    let mut transaction = connection.begin().await?;
    let mut rest = records;
    let mut written = Vec::with_capacity(records.len());
    while !rest.is_empty() {
        let power = rest.len().min(BATCH_LIMIT).ilog2();
        let (rows, after) = rest.split_at(1 << power);
        let insert = sqlx::query(statements[power as usize].clone());
        let new = rows.iter().fold(insert, bind).fetch_all(&mut *transaction).await?;
        if new.len() == rows.len() {
            written.extend(rows);
        } else {
            let new: HashSet<String> = new.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
            written.extend(rows.iter().filter(|record| new.contains(&record.id)));
        }
        rest = after;
    }
    rollup::add(&mut transaction, &written).await?;
    transaction.commit().await
}

/// In the order of `COLUMNS`.
fn bind<'q>(insert: Query<'q, Any, AnyArguments>, record: &'q DecisionRecord) -> Query<'q, Any, AnyArguments> {
    insert
        .bind(without_nul(&record.id))
        .bind(record.time_unix_ms)
        .bind(text(record.caller.as_deref()))
        .bind(text(record.caller_id.as_deref()))
        .bind(text(record.session.as_deref()))
        .bind(text(record.model.as_deref()))
        .bind(text(record.provider.as_deref()))
        .bind(text(record.task.as_deref()))
        .bind(finite(record.task_confidence))
        .bind(text(record.complexity.as_deref()))
        .bind(finite(record.complexity_confidence))
        .bind(finite(record.complexity_score))
        .bind(record.known.map(i64::from))
        .bind(finite(record.novelty))
        .bind(record.truncated.map(i64::from))
        .bind(text(record.tier.as_deref()))
        .bind(text(record.artifact.as_deref()))
        .bind(finite(record.predicted_quality))
        .bind(json_unless(record.predicted_qualities.is_empty(), &record.predicted_qualities))
        .bind(text(record.strategy.as_deref()))
        .bind(without_nul(&record.reason))
        .bind(json_unless(record.chain.is_empty(), &record.chain))
        .bind(json_unless(record.tries.is_empty(), &record.tries))
        .bind(i64::from(record.attempts))
        .bind(i64::from(record.status))
        .bind(record.outcome.name())
        .bind(i64::from(record.stream))
        .bind(text(record.cache.as_deref()))
        .bind(record.input_tokens.map(as_integer))
        .bind(record.cached_input_tokens.map(as_integer))
        .bind(record.cache_write_tokens.map(as_integer))
        .bind(record.output_tokens.map(as_integer))
        .bind(record.reasoning_tokens.map(as_integer))
        .bind(finite(record.cost_usd))
        .bind(finite(record.counted_usd))
        .bind(json_unless(record.would_cost_usd.is_empty(), &record.would_cost_usd))
        .bind(text(record.best_model.as_deref()))
        .bind(finite(record.best_usd))
        .bind(text(record.feature_space.as_deref()))
        .bind(text(record.fingerprint.as_deref()))
        .bind(&record.features)
        .bind(text(record.prompt.as_deref()))
        .bind(finite(Some(record.overhead_ms)).unwrap_or(Double(0.0)))
        .bind(finite(Some(record.latency_ms)).unwrap_or(Double(0.0)))
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(without_nul)
}

/// Postgres refuses a text with a NUL in it, and nobody should be able to keep a row out of the log.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What is empty is NULL.
fn json_unless<T: Serialize>(is_empty: bool, value: &T) -> Option<String> {
    if is_empty { None } else { serde_json::to_string(value).ok() }
}

/// The databases' integers are signed; no answer has this many tokens.
fn as_integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Postgres would carry a NaN into every sum, and SQLite stores it as NULL.
fn finite(number: Option<f64>) -> Option<Double> {
    number.filter(|number| number.is_finite()).map(Double)
}
