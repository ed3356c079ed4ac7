//! What a request asks of the ledger, in whole numbers: what it is expected to take, and the limits that hold for it.

use serde::Serialize;

use super::budget::nanos;
use super::{BudgetConfig, CallerLimits};

/// Limits of one account; `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Terms {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requests_per_minute: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tokens_per_minute: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrent: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) day_nanos: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) month_nanos: Option<i64>,
}

/// What a request asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Who asks; `None` is a stranger, who has no account.
    pub(super) identity: Option<String>,
    /// Its limits.
    pub(super) caller: Terms,
    /// Those that all callers share.
    pub(super) everybody: Terms,
    /// What the prompt and the answer are expected to take.
    pub(super) tokens: i64,
    /// What it is expected to cost, in billionths of a USD.
    pub(super) nanos: i64,
}

impl Asked {
    /// Whether any limit holds for it.
    pub(super) fn is_limited(&self) -> bool {
        self.caller.limit_anything() || self.everybody.limit_anything()
    }
}

impl Terms {
    /// Whether anything is limited.
    fn limit_anything(&self) -> bool {
        *self != Self::default()
    }
}

impl From<&BudgetConfig> for Terms {
    fn from(budget: &BudgetConfig) -> Self {
        Self { day_nanos: budget.day_usd.map(nanos), month_nanos: budget.month_usd.map(nanos), ..Self::default() }
    }
}

impl From<&CallerLimits> for Terms {
    fn from(limits: &CallerLimits) -> Self {
        Self {
            requests_per_minute: limits.requests_per_minute.map(i64::from),
            // A trillion tokens a minute is no limit, and can still be counted exactly.
            tokens_per_minute: limits
                .tokens_per_minute
                .map(|limit| i64::try_from(limit).unwrap_or(i64::MAX).min(100_000_000_000)),
            concurrent: limits.concurrent.map(i64::from),
            ..Self::from(&limits.budget)
        }
    }
}
