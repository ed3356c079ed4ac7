//! What a page about the log asks: sums over a range of time, and the latest decisions one by one. Reads on connections that the writer does
//! not need, a few questions at once and each for a bounded time; changes nothing.

mod decisions;
mod overview;
mod range;

use std::sync::Arc;
use std::time::Duration;

use sqlx::Any;
use sqlx::AnyPool;
use sqlx::pool::PoolConnection;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::rollup::{self, before_now_ms};
use super::{Store, StoreError};
pub use decisions::{Decisions, DecisionsAsked};
pub use overview::Overview;
pub use range::OverviewAsked;

/// Of the pool's four connections; one is the writer's and one anybody's.
const QUESTIONS_AT_ONCE: usize = 2;
/// Waiting for others included.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum DashboardError {
    /// It is wrongly asked.
    #[error("{field}: {problem}")]
    Asked {
        /// The parameter.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The database takes too long, or too many ask.
    #[error("the store did not answer within {} seconds; ask for less, or try again shortly", ANSWERS_WITHIN.as_secs())]
    TooSlow,
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for DashboardError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Answers questions about the log. Clones share how many they may ask at once.
#[derive(Debug, Clone)]
pub struct Dashboard {
    pool: AnyPool,
    places: Arc<Semaphore>,
}

impl Store {
    /// Whoever shows the log to people asks this.
    pub fn dashboard(&self) -> Dashboard {
        Dashboard { pool: self.pool.clone(), places: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)) }
    }
}

impl Dashboard {
    /// Sums over a range of time, of everybody or one caller.
    pub async fn overview(&self, asked: &OverviewAsked) -> Result<Overview, DashboardError> {
        let now_ms = before_now_ms(Duration::ZERO);
        let range = asked.range(now_ms)?;
        self.within_limits(async |connection| {
            let callers = rollup::callers(connection, range.from_ms, range.to_ms).await?;
            let caller = asked.caller.as_deref();
            let sums = rollup::read(connection, range.span, caller, range.from_ms, range.to_ms).await?;
            Ok(Overview::of(range, now_ms, callers, sums))
        })
        .await
    }

    /// Decisions one by one, those that ended last first.
    pub async fn decisions(&self, asked: &DecisionsAsked) -> Result<Decisions, DashboardError> {
        let question = asked.question()?;
        self.within_limits(async |connection| Ok(question.answer(connection).await?)).await
    }

    async fn within_limits<T>(
        &self,
        ask: impl AsyncFnOnce(&mut PoolConnection<Any>) -> Result<T, DashboardError>,
    ) -> Result<T, DashboardError> {
        let answer = async {
            // Nobody closes it; if somebody did, the limit would be gone and the pool's own would hold.
            let _place = self.places.acquire().await;
            let mut connection = self.pool.acquire().await?;
            ask(&mut connection).await
        };
        timeout(ANSWERS_WITHIN, answer).await.unwrap_or(Err(DashboardError::TooSlow))
    }
}
