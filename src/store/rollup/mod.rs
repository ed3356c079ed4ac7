//! Sums of decisions by minute, hour and day, kept in the transaction that writes the decisions, so that they never disagree with the rows
//! and a page over a year reads a few hundred of them. Counts nothing twice and reads no prompt.

mod add_up;
mod histogram;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Row as _};

use super::DecisionRecord;
use super::columns;
pub(super) use add_up::AddUp;
pub(super) use histogram::Histogram;
pub use histogram::RELATIVE_ERROR;
pub(super) use summary::{BINS, Counts, Summary};

/// A length of time that sums are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    Minute,
    Hour,
    Day,
}

/// How long minutes can be asked for.
pub(super) const MINUTES_LAST: Duration = Duration::from_secs(48 * 3600);
/// How long hours and days stay, or as long as decisions do if that is longer.
pub(super) const SUMS_LAST: Duration = Duration::from_secs(400 * 24 * 3600);
/// What is older has no minutes. A little longer than they can be asked for, so that what is asked for is all there.
const MINUTES_KEPT: Duration = Duration::from_secs(49 * 3600);
/// Callers with sums of their own in one minute, hour or day. Names of tokens come from their issuer and may be many; what is beyond
/// counts for everybody alone.
const MOST_CALLERS: usize = 200;
/// Decisions of the backlog that are counted in one transaction.
const BACKLOG_BATCH: usize = 500;

/// Sums that one statement opens or writes.
const ROWS_A_STATEMENT: usize = 100;

const EVERYBODY: &str = "all";

const READ: &str = "SELECT start_unix_ms, body FROM rollups \
    WHERE span_ms = $1 AND scope = $2 AND start_unix_ms >= $3 AND start_unix_ms < $4 ORDER BY start_unix_ms";
const SCOPES: &str =
    "SELECT DISTINCT scope FROM rollups WHERE span_ms = $1 AND start_unix_ms > $2 AND start_unix_ms < $3";
const FORGET: &str = "DELETE FROM rollups WHERE span_ms = $1 AND start_unix_ms < $2";
const ANY_BACKLOG: &str = "SELECT id FROM rollup_backlog LIMIT 1";
const TAKE_BACKLOG: &str =
    "DELETE FROM rollup_backlog WHERE id IN (SELECT id FROM rollup_backlog LIMIT $1) RETURNING id";

impl Span {
    const ALL: [Self; 3] = [Self::Day, Self::Hour, Self::Minute];

    pub(super) const fn ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 24 * 3_600_000,
        }
    }

    /// When the minute, hour or day of a moment began.
    pub(super) fn start_of(self, time_unix_ms: i64) -> i64 {
        time_unix_ms - time_unix_ms.rem_euclid(self.ms())
    }
}

/// New sums of one minute, hour or day.
#[derive(Default)]
struct Sums {
    everybody: Summary,
    by_caller: BTreeMap<String, Summary>,
}

/// Counts decisions that this transaction has really written.
pub(super) async fn add(connection: &mut AnyConnection, written: &[&DecisionRecord]) -> Result<(), sqlx::Error> {
    let minutes_since = before_now_ms(MINUTES_KEPT);
    // In the same order on every server: whoever locks the first row goes first for all.
    let mut sums: BTreeMap<(Span, i64), Sums> = BTreeMap::new();
    for record in written {
        for span in Span::ALL {
            if span != Span::Minute || record.time_unix_ms >= minutes_since {
                let sums = sums.entry((span, span.start_of(record.time_unix_ms))).or_default();
                sums.everybody.add(record);
                sums.by_caller.entry(record.caller.clone().unwrap_or_default()).or_default().add(record);
            }
        }
    }
    let of_everybody = |(span, start): &(Span, i64)| SumKey { span: *span, start: *start, scope: EVERYBODY.to_owned() };
    let mut known = open(connection, sums.keys().map(of_everybody).collect()).await?;
    let mut of_callers = BTreeMap::new();
    for (place, sums) in sums {
        let Some(everybody) = known.get_mut(&of_everybody(&place)) else { continue };
        everybody.add_up(&sums.everybody);
        for (caller, sum) in sums.by_caller {
            if everybody.callers.contains(&caller)
                || everybody.callers.len() < MOST_CALLERS && everybody.callers.insert(caller.clone())
            {
                let (span, start) = place;
                of_callers.insert(SumKey { span, start, scope: scope_of(Some(&caller)) }, sum);
            }
        }
    }
    for (key, mut summary) in open(connection, of_callers.keys().cloned().collect()).await? {
        summary.add_up(&of_callers[&key]);
        known.insert(key, summary);
    }
    save(connection, &known).await
}

/// Whose sums, and of when. Rows are locked in this order, on every server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SumKey {
    span: Span,
    start: i64,
    scope: String,
}

/// Reads these rows, making those that are missing. They are locked until the transaction ends, so that two servers never count over each other.
async fn open(connection: &mut AnyConnection, keys: Vec<SumKey>) -> Result<BTreeMap<SumKey, Summary>, sqlx::Error> {
    let mut opened = BTreeMap::new();
    for keys in keys.chunks(ROWS_A_STATEMENT) {
        let places =
            places_of_rows(keys.len(), |first| format!("(${first}, ${}, ${}, 1, '{{}}')", first + 1, first + 2), 3);
        let sql = format!(
            "INSERT INTO rollups (span_ms, scope, start_unix_ms, revision, body) VALUES {places} ON CONFLICT (span_ms, scope, \
             start_unix_ms) DO UPDATE SET revision = rollups.revision + 1 RETURNING span_ms, scope, start_unix_ms, body"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for SumKey { span, start, scope } in keys {
            query = query.bind(span.ms()).bind(scope).bind(*start);
        }
        for row in query.fetch_all(&mut *connection).await? {
            let (span_ms, start): (i64, i64) = (row.try_get("span_ms")?, row.try_get("start_unix_ms")?);
            if let Some(span) = Span::ALL.into_iter().find(|span| span.ms() == span_ms) {
                let key = SumKey { span, start, scope: row.try_get("scope")? };
                opened.insert(key, read_body(&row.try_get::<String, _>("body")?));
            }
        }
    }
    Ok(opened)
}

/// Writes rows that were opened.
async fn save(connection: &mut AnyConnection, sums: &BTreeMap<SumKey, Summary>) -> Result<(), sqlx::Error> {
    let sums: Vec<(&SumKey, &Summary)> = sums.iter().collect();
    for sums in sums.chunks(ROWS_A_STATEMENT) {
        let places = places_of_rows(
            sums.len(),
            |first| format!("(${first}, ${}, ${}, 1, ${})", first + 1, first + 2, first + 3),
            4,
        );
        let sql = format!(
            "INSERT INTO rollups (span_ms, scope, start_unix_ms, revision, body) VALUES {places} ON CONFLICT (span_ms, scope, \
             start_unix_ms) DO UPDATE SET body = excluded.body"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (SumKey { span, start, scope }, summary) in sums {
            let body = serde_json::to_string(summary).map_err(|error| sqlx::Error::Encode(error.into()))?;
            query = query.bind(span.ms()).bind(scope).bind(*start).bind(body);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// The VALUES of so many rows; `row` is told the number of its first place, and has so many of them.
fn places_of_rows(rows: usize, row: impl Fn(usize) -> String, places: usize) -> String {
    (0..rows).map(|at| row(at * places + 1)).collect::<Vec<_>>().join(", ")
}

/// The sums of everybody, or of one caller (the empty name is who has none), that begin from one moment to before another, in order.
pub(super) async fn read(
    connection: &mut AnyConnection,
    span: Span,
    caller: Option<&str>,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<(i64, Summary)>, sqlx::Error> {
    let scope = scope_of(caller);
    let rows = sqlx::query(READ).bind(span.ms()).bind(scope).bind(from_ms).bind(to_ms).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("start_unix_ms")?, read_body(&row.try_get::<String, _>("body")?)))).collect()
}

/// Who has sums in the days of a range.
pub(super) async fn callers(
    connection: &mut AnyConnection,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<String>, sqlx::Error> {
    let query = sqlx::query(SCOPES).bind(Span::Day.ms()).bind(from_ms - Span::Day.ms()).bind(to_ms);
    let mut callers = Vec::new();
    for row in query.fetch_all(connection).await? {
        let scope: String = row.try_get("scope")?;
        callers.extend(scope.strip_prefix("key:").map(str::to_owned));
    }
    callers.sort();
    Ok(callers)
}

/// Counts some of the decisions that were written before there were sums; says whether there may be more.
pub(super) async fn catch_up_some(pool: &AnyPool) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let batch = i64::try_from(BACKLOG_BATCH).unwrap_or(i64::MAX);
    let taken = sqlx::query(TAKE_BACKLOG).bind(batch).fetch_all(&mut *transaction).await?;
    if taken.is_empty() {
        // Another replica may have taken the same rows in this moment, and left others.
        return Ok(sqlx::query(ANY_BACKLOG).fetch_optional(&mut *transaction).await?.is_some());
    }
    let places: Vec<String> = (1..=taken.len()).map(|place| format!("${place}")).collect();
    let (columns, places) = (columns::shown("d"), places.join(", "));
    let sql = AssertSqlSafe(format!("SELECT {columns} FROM decisions d WHERE d.id IN ({places})"));
    let mut query = sqlx::query(sql);
    for row in &taken {
        query = query.bind(row.try_get::<String, _>("id")?);
    }
    let rows = query.fetch_all(&mut *transaction).await?;
    let records = rows.iter().map(columns::read).collect::<Result<Vec<DecisionRecord>, _>>()?;
    add(&mut transaction, &records.iter().collect::<Vec<_>>()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Deletes the sums that are older than they need to be, where decisions are kept that long.
pub(super) async fn prune(pool: &AnyPool, decisions_last: Duration) -> Result<(), sqlx::Error> {
    let sums_last = SUMS_LAST.max(decisions_last);
    for (span, last) in [(Span::Minute, MINUTES_KEPT), (Span::Hour, sums_last), (Span::Day, sums_last)] {
        sqlx::query(FORGET).bind(span.ms()).bind(before_now_ms(last)).execute(pool).await?;
    }
    Ok(())
}

fn scope_of(caller: Option<&str>) -> String {
    caller.map_or_else(|| EVERYBODY.to_owned(), |caller| format!("key:{caller}"))
}

/// A body that cannot be read was written by a later version, or by hand; it counts as nothing rather than to cost the rows.
fn read_body(body: &str) -> Summary {
    serde_json::from_str(body).unwrap_or_else(|error| {
        tracing::warn!(%error, "a sum of decisions cannot be read and begins anew");
        Summary::default()
    })
}

/// So long ago, in milliseconds since 1970.
pub(super) fn before_now_ms(ago: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(ago).as_millis()).unwrap_or(0)
}
