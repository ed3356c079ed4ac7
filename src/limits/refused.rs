//! Why a request was not let through by the limits of its caller or of everybody, and what would help. Statuses are `http`'s.

use thiserror::Error;

use super::book::Why;
use super::budget::{seconds_left, usd};
use super::terms::Asked;

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own.
    Caller,
    /// All callers' together.
    Everybody,
}

/// Why a request was not let through.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LimitError {
    /// Too many began within a minute.
    #[error("this key may send {limit} requests a minute, and they are used up; try again in {} s", seconds(*wait_ms))]
    Requests {
        /// A minute's.
        limit: i64,
        /// Until one more passes.
        wait_ms: u64,
    },
    /// Too many tokens within a minute.
    #[error(
        "this key may use {limit} tokens a minute, and this request is expected to take {asked}, more than are left; try again in {} s",
        seconds(*wait_ms)
    )]
    Tokens {
        /// A minute's.
        limit: i64,
        /// What the request is expected to take.
        asked: i64,
        /// Until so many pass.
        wait_ms: u64,
    },
    /// More tokens than a minute has.
    #[error(
        "this key may use {limit} tokens a minute, and this request alone is expected to take {asked}; shorten it, or lower its max_tokens"
    )]
    TooLarge {
        /// A minute's.
        limit: i64,
        /// What the request is expected to take.
        asked: i64,
    },
    /// Too many at once.
    #[error("this key may have {limit} requests under way at once, and has; try again when one has ended")]
    Concurrent {
        /// How many.
        limit: i64,
    },
    /// Nothing, or not enough, is left of a budget.
    #[error(
        "{} of this {period} is used up: {spent_usd:.4} of {limit_usd} USD are spent or reserved, and this request is expected \
         to cost {asked_usd:.6} USD; the next {period} begins in {seconds_left} seconds",
        match whose { Whose::Caller => "this key's budget", Whose::Everybody => "the budget" }
    )]
    UsedUp {
        /// Whose budget.
        whose: Whose,
        /// `day` or `month`.
        period: &'static str,
        /// Spent and reserved.
        spent_usd: f64,
        /// The limit.
        limit_usd: f64,
        /// What the request is expected to cost.
        asked_usd: f64,
        /// Until the next period begins.
        seconds_left: u64,
    },
    /// Nobody knows what the request would cost.
    #[error(
        "a budget is set and the price of {model} is unknown; state input_usd_per_mtok and output_usd_per_mtok of its [[models]] entry"
    )]
    PriceUnknown {
        /// The model.
        model: String,
    },
    /// What is shared with the other replicas cannot be reached, and `shared.on_failure` is `refuse`.
    #[error("what was spent and how much is under way cannot be read just now; try again shortly")]
    Unreachable,
}

impl LimitError {
    /// One word of a closed set, for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Requests { .. } => "requests",
            Self::Tokens { .. } => "tokens",
            Self::TooLarge { .. } => "too_large",
            Self::Concurrent { .. } => "concurrent",
            Self::UsedUp { whose: Whose::Caller, .. } => "key_budget",
            Self::UsedUp { whose: Whose::Everybody, .. } => "budget",
            Self::PriceUnknown { .. } => "price_unknown",
            Self::Unreachable => "unreachable",
        }
    }

    /// In how many seconds it would pass, as far as anybody knows.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Requests { wait_ms, .. } | Self::Tokens { wait_ms, .. } => Some(seconds(*wait_ms)),
            Self::Concurrent { .. } | Self::Unreachable => Some(1),
            Self::UsedUp { seconds_left, .. } => Some(*seconds_left),
            Self::TooLarge { .. } | Self::PriceUnknown { .. } => None,
        }
    }

    /// What came of asking for this.
    pub(super) fn of((why, number): (Why, i64), now_ms: i64, asked: &Asked) -> Self {
        let (limits, tokens) = (&asked.caller, asked.tokens);
        let (day_left, month_left) = seconds_left(now_ms);
        let used_up = |whose, period, limit: Option<i64>, seconds_left| Self::UsedUp {
            whose,
            period,
            spent_usd: usd(number),
            limit_usd: usd(limit.unwrap_or_default()),
            asked_usd: usd(asked.nanos),
            seconds_left,
        };
        let wait_ms = number.unsigned_abs();
        match why {
            Why::Concurrent => Self::Concurrent { limit: limits.concurrent.unwrap_or_default() },
            Why::Requests => Self::Requests { limit: limits.requests_per_minute.unwrap_or_default(), wait_ms },
            Why::Tokens if number == i64::MAX => {
                Self::TooLarge { limit: limits.tokens_per_minute.unwrap_or_default(), asked: tokens }
            }
            Why::Tokens => Self::Tokens { limit: limits.tokens_per_minute.unwrap_or_default(), asked: tokens, wait_ms },
            Why::CallersDay => used_up(Whose::Caller, "day", limits.day_nanos, day_left),
            Why::CallersMonth => used_up(Whose::Caller, "month", limits.month_nanos, month_left),
            Why::Day => used_up(Whose::Everybody, "day", asked.everybody.day_nanos, day_left),
            Why::Month => used_up(Whose::Everybody, "month", asked.everybody.month_nanos, month_left),
        }
    }
}

/// Rounded up and never zero: who comes back too early is turned away again.
fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000).max(1)
}
