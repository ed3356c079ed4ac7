//! What may be spent in a day and in a month, all callers together. A request reserves what it is expected to cost before anything is sent and settles
//! what it cost afterwards, so that requests at the same time cannot pass the limit together by more than their answers turn out longer.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use thiserror::Error;
use time::{Date, OffsetDateTime, Time};

/// `[budget]`
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// The most that a day may cost in USD. Days begin at midnight UTC.
    pub day_usd: Option<f64>,
    /// The most that a month may cost in USD. Months begin on the first at midnight UTC.
    pub month_usd: Option<f64>,
}

/// Why a request was not let through.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BudgetError {
    /// Nothing, or not enough, is left.
    #[error(
        "the budget of this {period} is used up: {spent_usd:.4} of {limit_usd} USD are spent or reserved, and this request is expected \
         to cost {asked_usd:.6} USD; the next {period} begins in {seconds_left} seconds"
    )]
    UsedUp {
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
}

/// The budget that all requests share.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Mutex<Periods>>);

#[derive(Debug)]
struct Periods {
    limits: BudgetConfig,
    day: Period,
    month: Period,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Period {
    began: Date,
    spent_usd: f64,
    reserved_usd: f64,
}

impl BudgetConfig {
    /// Whether anything is limited.
    pub fn limits_anything(&self) -> bool {
        self.day_usd.is_some() || self.month_usd.is_some()
    }

    /// What is written wrongly, as `KEY: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [("day_usd", self.day_usd), ("month_usd", self.month_usd)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(format!("budget.{key}: {value} is not a number of USD above 0"));
            }
        }
        Ok(())
    }
}

/// When the current day and the current month began.
pub fn periods_began(now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
    let day = now.date();
    let month = day.replace_day(1).unwrap_or(day);
    (day.with_time(Time::MIDNIGHT).assume_utc(), month.with_time(Time::MIDNIGHT).assume_utc())
}

impl Budget {
    /// A budget of which this much was spent before, in the current day and month.
    pub fn new(limits: BudgetConfig, now: OffsetDateTime, spent_day_usd: f64, spent_month_usd: f64) -> Self {
        let (day, month) = periods_began(now);
        let period = |began: OffsetDateTime, spent_usd| Period { began: began.date(), spent_usd, reserved_usd: 0.0 };
        Self(Arc::new(Mutex::new(Periods {
            limits,
            day: period(day, spent_day_usd),
            month: period(month, spent_month_usd),
        })))
    }

    /// Other limits from now on; what was spent and reserved stays.
    pub fn limit(&self, limits: BudgetConfig) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limits = limits;
    }

    /// Reserves what a request is expected to cost; `None`: nobody knows. The reservation is given back when it is dropped unsettled.
    pub fn reserve(
        &self,
        now: OffsetDateTime,
        model: &str,
        expected_usd: Option<f64>,
    ) -> Result<Reservation, BudgetError> {
        let expected_usd = expected_usd.ok_or_else(|| BudgetError::PriceUnknown { model: model.to_owned() })?;
        let mut periods = self.periods();
        periods.turn(now);
        let (day_left, month_left) = seconds_left(now);
        for (period, state, limit, seconds_left) in [
            ("day", periods.day, periods.limits.day_usd, day_left),
            ("month", periods.month, periods.limits.month_usd, month_left),
        ] {
            let spent_usd = state.spent_usd + state.reserved_usd;
            // What costs nothing is never too much.
            if let Some(limit_usd) = limit.filter(|limit| expected_usd > 0.0 && spent_usd + expected_usd > *limit) {
                return Err(BudgetError::UsedUp {
                    period,
                    spent_usd,
                    limit_usd,
                    asked_usd: expected_usd,
                    seconds_left,
                });
            }
        }
        let Periods { day, month, .. } = &mut *periods;
        day.reserved_usd += expected_usd;
        month.reserved_usd += expected_usd;
        Ok(Reservation { budget: self.clone(), expected_usd, cost_usd: 0.0 })
    }

    /// What is neither spent nor reserved of the tighter limit; `None`: nothing is limited.
    pub fn left_usd(&self, now: OffsetDateTime) -> Option<f64> {
        let mut periods = self.periods();
        periods.turn(now);
        let left =
            |limit: Option<f64>, period: Period| limit.map(|limit| limit - period.spent_usd - period.reserved_usd);
        let (day, month) = (left(periods.limits.day_usd, periods.day), left(periods.limits.month_usd, periods.month));
        day.into_iter().chain(month).reduce(f64::min)
    }

    fn periods(&self) -> std::sync::MutexGuard<'_, Periods> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Periods {
    /// Begins a new day or month where one has begun. What is still reserved goes along: it will be spent in the new one.
    fn turn(&mut self, now: OffsetDateTime) {
        let (day, month) = periods_began(now);
        for (period, began) in [(&mut self.day, day.date()), (&mut self.month, month.date())] {
            // A clock that was set back does not give back what is spent.
            if began > period.began {
                *period = Period { began, spent_usd: 0.0, reserved_usd: period.reserved_usd };
            }
        }
    }
}

fn seconds_left(now: OffsetDateTime) -> (u64, u64) {
    let (day, month) = periods_began(now);
    let until = |next: Option<OffsetDateTime>| {
        next.map_or(0, |next| u64::try_from((next - now).whole_seconds()).unwrap_or(0).max(1))
    };
    let next_month = month.date().replace_day(28).ok().and_then(|late| late.checked_add(time::Duration::days(4)));
    let next_month =
        next_month.and_then(|date| date.replace_day(1).ok()).map(|date| date.with_time(Time::MIDNIGHT).assume_utc());
    (until(day.checked_add(time::Duration::days(1))), until(next_month))
}

/// What one request may cost. Dropped, it gives back the reservation and keeps what was settled.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    expected_usd: f64,
    cost_usd: f64,
}

impl Reservation {
    /// What the request cost; `None`: nobody knows, and what was expected counts. Returns what counts.
    pub fn settle(&mut self, cost_usd: Option<f64>) -> f64 {
        self.cost_usd = cost_usd.unwrap_or(self.expected_usd);
        self.cost_usd
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut periods = self.budget.periods();
        // What ends after midnight is spent in the new day.
        periods.turn(OffsetDateTime::now_utc());
        let Periods { day, month, .. } = &mut *periods;
        for period in [day, month] {
            period.reserved_usd = (period.reserved_usd - self.expected_usd).max(0.0);
            period.spent_usd += self.cost_usd;
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2126-11-30 12:00 UTC);

    fn budget(day_usd: f64, month_usd: f64) -> Budget {
        Budget::new(BudgetConfig { day_usd: Some(day_usd), month_usd: Some(month_usd) }, NOON, 0.0, 0.0)
    }

    #[test]
    fn requests_at_once_cannot_pass_the_limit_together() {
        let budget = budget(1.0, 100.0);
        let held: Vec<Reservation> = (0..4).map(|_| budget.reserve(NOON, "m", Some(0.25)).unwrap()).collect();
        let refused = budget.reserve(NOON, "m", Some(0.25)).unwrap_err();
        assert!(refused.to_string().starts_with("the budget of this day is used up: 1.0000 of 1 USD"), "{refused}");
        assert!(matches!(refused, BudgetError::UsedUp { seconds_left: 43_200, .. }), "{refused}");
        drop(held);
        assert!(budget.reserve(NOON, "m", Some(1.0)).is_ok(), "nothing was spent, so nothing is gone");
    }

    #[test]
    fn what_it_cost_counts_and_what_nobody_knows_counts_as_expected() {
        let budget = budget(1.0, 100.0);
        let mut known = budget.reserve(NOON, "m", Some(0.5)).unwrap();
        known.settle(Some(0.1));
        drop(known);
        let mut unknown = budget.reserve(NOON, "m", Some(0.5)).unwrap();
        unknown.settle(None);
        drop(unknown);
        assert!(budget.reserve(NOON, "m", Some(0.41)).is_err());
        assert!(budget.reserve(NOON, "m", Some(0.39)).is_ok());
        let error = budget.reserve(NOON, "mystery", None).unwrap_err().to_string();
        assert!(error.contains("the price of mystery is unknown"), "{error}");
    }

    #[test]
    fn a_new_day_and_a_new_month_begin_anew() {
        let budget = budget(1.0, 1.5);
        let spend = |now, usd| budget.reserve(now, "m", Some(usd)).map(|mut held| held.settle(Some(usd)));
        spend(NOON, 1.0).unwrap();
        assert!(spend(NOON, 0.1).is_err());
        let december = datetime!(2126-12-01 00:00:01 UTC);
        spend(december, 1.0).unwrap();
        let next_day = datetime!(2126-12-02 08:00 UTC);
        assert!(matches!(spend(next_day, 0.6), Err(BudgetError::UsedUp { period: "month", .. })));
        spend(next_day, 0.5).unwrap();
        assert!(spend(NOON, 0.1).is_err(), "a clock that was set back gives nothing back");
        assert_eq!(seconds_left(datetime!(2126-12-31 23:59:00 UTC)), (60, 60));
    }

    #[test]
    fn what_was_spent_before_the_start_counts() {
        let limits = BudgetConfig { day_usd: None, month_usd: Some(10.0) };
        let budget = Budget::new(limits, NOON, 0.0, 9.5);
        assert!(budget.reserve(NOON, "m", Some(0.6)).is_err());
        assert!(budget.reserve(NOON, "m", Some(0.4)).is_ok());
    }
}
