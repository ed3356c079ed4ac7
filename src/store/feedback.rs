//! What users said of answers: one verdict a decision, of which the last one counts.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

use super::double::Double;
use super::{Store, StoreError};

/// What a user says of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answer was good.
    Good,
    /// The model was too weak for it.
    Underpowered,
    /// A lesser model would have done.
    Overprovisioned,
    /// The answer was of no use.
    Failed,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Good, Self::Underpowered, Self::Overprovisioned, Self::Failed];

    /// The word in the database and in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Underpowered => "underpowered",
            Self::Overprovisioned => "overprovisioned",
            Self::Failed => "failed",
        }
    }

    /// The verdict of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// What was said of one decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feedback {
    /// The verdict.
    pub verdict: Verdict,
    /// How good the answer was, 0..1, where that was said.
    pub score: Option<f64>,
    /// What the prompt asked for, where that was said.
    pub task: Option<String>,
    /// How hard it was, where that was said.
    pub complexity: Option<String>,
}

const CALLER_OF: &str = "SELECT caller_id FROM decisions WHERE id = $1";
const JUDGE: &str = "INSERT INTO feedback (decision_id, time_unix_ms, caller_id, verdict, score, task, complexity) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (decision_id) DO UPDATE SET time_unix_ms = excluded.time_unix_ms, \
    caller_id = excluded.caller_id, verdict = excluded.verdict, score = excluded.score, task = excluded.task, \
    complexity = excluded.complexity";

impl Store {
    /// Whose decision it is, as `caller_id` of its row; `None` where there is no such decision.
    pub async fn caller_of(&self, decision_id: &str) -> Result<Option<Option<String>>, StoreError> {
        let row = sqlx::query(CALLER_OF).bind(decision_id).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get("caller_id")).transpose()?)
    }

    /// Writes down what a caller says of a decision, in place of what was said of it before.
    pub async fn judge(
        &self,
        decision_id: &str,
        time_unix_ms: i64,
        caller_id: Option<&str>,
        said: &Feedback,
    ) -> Result<(), StoreError> {
        let judge = sqlx::query(JUDGE)
            .bind(decision_id)
            .bind(time_unix_ms)
            .bind(caller_id)
            .bind(said.verdict.name())
            .bind(said.score.map(Double))
            .bind(&said.task)
            .bind(&said.complexity);
        judge.execute(&self.pool).await?;
        Ok(())
    }
}

/// The feedback that stands beside a decision in a row, under these names; `None` where there is none.
pub(super) fn read(row: &AnyRow) -> Result<Option<Feedback>, sqlx::Error> {
    let verdict: Option<String> = row.try_get("said_verdict")?;
    // What a later version calls a verdict means nothing here.
    let Some(verdict) = verdict.and_then(|name| Verdict::from_name(&name)) else { return Ok(None) };
    Ok(Some(Feedback {
        verdict,
        score: row.try_get("said_score")?,
        task: row.try_get("said_task")?,
        complexity: row.try_get("said_complexity")?,
    }))
}
