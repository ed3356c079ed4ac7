//! Reads the log from its beginning, page by page, each decision with what was said of it: as much of it as memory has room for, however
//! long it is, and beside a server that goes on writing.

use super::feedback::{self, Feedback};
use super::{DecisionRecord, Store, StoreError, columns};

/// Rows of one page: some megabytes where prompts are kept.
const ROWS_A_PAGE: u32 = 500;

/// A decision and what was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The decision.
    pub decision: DecisionRecord,
    /// What was said.
    pub feedback: Option<Feedback>,
}

/// Which part of the log is read, and how far that has come.
#[derive(Debug, Clone)]
pub struct LogReading {
    until_unix_ms: i64,
    only_judged: bool,
    /// Time and id of the last row.
    after: (i64, String),
    is_at_end: bool,
}

impl LogReading {
    /// Decisions from one time to before another, in milliseconds since 1970; all of them, or those that something was said of.
    pub fn new(since_unix_ms: i64, until_unix_ms: i64, only_judged: bool) -> Self {
        // No id comes before the empty one.
        Self { until_unix_ms, only_judged, after: (since_unix_ms, String::new()), is_at_end: false }
    }
}

const PAGE: &str = "SELECT decisions.*, feedback.verdict AS said_verdict, feedback.score AS said_score, \
    feedback.task AS said_task, feedback.complexity AS said_complexity \
    FROM decisions LEFT JOIN feedback ON feedback.decision_id = decisions.id \
    WHERE decisions.time_unix_ms < $1 AND decisions.time_unix_ms >= $2 \
    AND (decisions.time_unix_ms > $2 OR decisions.id > $3) \
    AND ($4 = 0 OR feedback.verdict IS NOT NULL) \
    ORDER BY decisions.time_unix_ms, decisions.id LIMIT $5";

impl Store {
    /// The next page, oldest first; empty at the end.
    pub async fn read_on(&self, reading: &mut LogReading) -> Result<Vec<Judged>, StoreError> {
        if reading.is_at_end {
            return Ok(Vec::new());
        }
        let page = sqlx::query(PAGE)
            .bind(reading.until_unix_ms)
            .bind(reading.after.0)
            .bind(&reading.after.1)
            .bind(i64::from(reading.only_judged))
            .bind(i64::from(ROWS_A_PAGE))
            .fetch_all(&self.pool)
            .await?;
        reading.is_at_end = page.len() < ROWS_A_PAGE as usize;
        let judged = page
            .iter()
            .map(|row| Ok(Judged { decision: columns::read(row)?, feedback: feedback::read(row)? }))
            .collect::<Result<Vec<_>, sqlx::Error>>()?;
        if let Some(Judged { decision, .. }) = judged.last() {
            reading.after = (decision.time_unix_ms, decision.id.clone());
        }
        Ok(judged)
    }
}
