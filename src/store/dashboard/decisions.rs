//! Decisions one by one, in the order in which they ended, a page at a time from either side of a cursor. That order is the one in which they
//! are written, so a list that asks for what came after its head misses none. Never reads a prompt or its features.

use serde::Serialize;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _};

use super::DashboardError;
use crate::store::{DecisionRecord, PlannedModel, Try, columns};

/// Which decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionsAsked {
    /// A cursor: those that ended after it.
    pub after: Option<String>,
    /// A cursor: those that ended before it.
    pub before: Option<String>,
    /// 1 to 200; 50 if it is left out.
    pub limit: Option<u32>,
    /// A caller's name, or the empty one for requests without; `None` is everybody.
    pub caller: Option<String>,
}

/// A page of decisions.
#[derive(Debug, Clone, Serialize)]
pub struct Decisions {
    /// Ask for what came `after` this later.
    pub latest: String,
    /// Ask for what came `before` this for more; `None` when this is all.
    pub next: Option<String>,
    /// Those that ended last first.
    pub decisions: Vec<DecisionView>,
}

/// A decision as the page shows it; the fields are those of `DecisionRecord`.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionView {
    pub id: String,
    pub time_unix_ms: i64,
    pub caller: Option<String>,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub task: Option<String>,
    pub task_confidence: Option<f64>,
    pub complexity: Option<String>,
    pub complexity_confidence: Option<f64>,
    pub complexity_score: Option<f64>,
    pub known: Option<bool>,
    pub novelty: Option<f64>,
    pub truncated: Option<bool>,
    pub tier: Option<String>,
    pub artifact: Option<String>,
    pub strategy: Option<String>,
    pub reason: String,
    pub status: u16,
    pub outcome: &'static str,
    pub stream: bool,
    pub cache: Option<String>,
    pub attempts: u32,
    pub input_tokens: Option<u64>,
    pub cached_input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    pub best_model: Option<String>,
    pub best_usd: Option<f64>,
    pub predicted_quality: Option<f64>,
    pub overhead_ms: f64,
    pub latency_ms: f64,
    pub chain: Vec<PlannedModel>,
    pub tries: Vec<Try>,
    pub feedback: Option<Verdict>,
}

/// What a user said of the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// In one word.
    pub verdict: String,
    /// 0..1
    pub score: Option<f64>,
}

const LIMIT: u32 = 50;
const MOST: u32 = 200;
/// Our own ids are shorter.
const LONGEST_ID: usize = 64;
/// As the indexes of migration 8 have it, word for word.
const ENDED: &str = "(d.time_unix_ms + CAST(d.latency_ms AS BIGINT))";

/// A question whose parts were read.
pub(super) struct Question<'a> {
    after: Option<Cursor>,
    before: Option<Cursor>,
    limit: usize,
    caller: Option<&'a str>,
}

/// When a decision ended, and which one it is among those that ended in the same millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    ended_ms: i64,
    id: String,
}

impl Cursor {
    const BEFORE_ALL: Self = Self { ended_ms: i64::MIN, id: String::new() };

    fn read(field: &'static str, text: &str) -> Result<Self, DashboardError> {
        let read = text.split_once('.').and_then(|(ended, id)| Some((ended.parse().ok()?, id)));
        match read.filter(|(_, id)| id.len() <= LONGEST_ID) {
            Some((ended_ms, id)) => Ok(Self { ended_ms, id: id.to_owned() }),
            None => Err(DashboardError::Asked {
                field,
                problem: "is no cursor; give back a \"latest\" or a \"next\" as it came".into(),
            }),
        }
    }

    fn written(&self) -> String {
        format!("{}.{}", self.ended_ms, self.id)
    }
}

impl DecisionsAsked {
    pub(super) fn question(&self) -> Result<Question<'_>, DashboardError> {
        let cursor = |field, text: &Option<String>| text.as_ref().map(|text| Cursor::read(field, text)).transpose();
        let limit = self.limit.unwrap_or(LIMIT);
        if !(1..=MOST).contains(&limit) {
            return Err(DashboardError::Asked { field: "limit", problem: format!("must be from 1 to {MOST}") });
        }
        Ok(Question {
            after: cursor("after", &self.after)?,
            before: cursor("before", &self.before)?,
            limit: limit as usize,
            caller: self.caller.as_deref(),
        })
    }
}

impl Question<'_> {
    pub(super) async fn answer(&self, connection: &mut AnyConnection) -> Result<Decisions, sqlx::Error> {
        let sql = AssertSqlSafe(self.sql());
        let mut rows = self.bind(sqlx::query(sql)).fetch_all(connection).await?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let cursors = rows.iter().map(|row| Ok(Cursor { ended_ms: row.try_get("ended_ms")?, id: row.try_get("id")? }));
        let cursors: Vec<Cursor> = cursors.collect::<Result<_, sqlx::Error>>()?;
        let mut decisions = Vec::with_capacity(rows.len());
        for row in &rows {
            let verdict: Option<String> = row.try_get("verdict")?;
            let score = row.try_get("score")?;
            decisions.push(view(columns::read(row)?, verdict.map(|verdict| Verdict { verdict, score })));
        }
        let latest = cursors.first().or(self.after.as_ref()).unwrap_or(&Cursor::BEFORE_ALL).written();
        Ok(Decisions { latest, next: cursors.last().filter(|_| has_more).map(Cursor::written), decisions })
    }

    /// Places in the order of `bind`; nothing of a client's stands in it.
    fn sql(&self) -> String {
        let mut places = 0;
        let mut place = || {
            places += 1;
            places
        };
        let mut conditions = Vec::new();
        match self.caller {
            Some("") => conditions.push("d.caller IS NULL".to_owned()),
            Some(_) => conditions.push(format!("d.caller = ${}", place())),
            None => {}
        }
        for (cursor, sign) in [(&self.after, '>'), (&self.before, '<')] {
            if cursor.is_some() {
                let (ended, id) = (place(), place());
                // The first half says nothing new, but SQLite finds no place in an index of expressions by a pair.
                conditions.push(format!("{ENDED} {sign}= ${ended} AND ({ENDED}, d.id) {sign} (${ended}, ${id})"));
            }
        }
        let columns = columns::shown("d");
        let condition =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        format!(
            "SELECT {columns}, {ENDED} AS ended_ms, f.verdict AS verdict, f.score AS score \
             FROM decisions d LEFT JOIN feedback f ON f.decision_id = d.id \
             {condition} ORDER BY {ENDED} DESC, d.id DESC LIMIT ${}",
            place()
        )
    }

    fn bind<'q>(&'q self, mut query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        if let Some(caller) = self.caller.filter(|caller| !caller.is_empty()) {
            query = query.bind(caller);
        }
        for cursor in self.after.iter().chain(&self.before) {
            query = query.bind(cursor.ended_ms).bind(&cursor.id);
        }
        query.bind(i64::try_from(self.limit + 1).unwrap_or(i64::MAX))
    }
}

fn view(record: DecisionRecord, feedback: Option<Verdict>) -> DecisionView {
    DecisionView {
        id: record.id,
        time_unix_ms: record.time_unix_ms,
        caller: record.caller,
        model: record.model,
        provider: record.provider,
        task: record.task,
        task_confidence: record.task_confidence,
        complexity: record.complexity,
        complexity_confidence: record.complexity_confidence,
        complexity_score: record.complexity_score,
        known: record.known,
        novelty: record.novelty,
        truncated: record.truncated,
        tier: record.tier,
        artifact: record.artifact,
        strategy: record.strategy,
        reason: record.reason,
        status: record.status,
        outcome: record.outcome.name(),
        stream: record.stream,
        cache: record.cache,
        attempts: record.attempts,
        input_tokens: record.input_tokens,
        cached_input_tokens: record.cached_input_tokens,
        output_tokens: record.output_tokens,
        cost_usd: record.cost_usd,
        best_model: record.best_model,
        best_usd: record.best_usd,
        predicted_quality: record.predicted_quality,
        overhead_ms: record.overhead_ms,
        latency_ms: record.latency_ms,
        chain: record.chain,
        tries: record.tries,
        feedback,
    }
}
