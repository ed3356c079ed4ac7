//! What may be spent in a day and in a month, and when those begin and end: at midnight UTC, whatever the clocks on walls say. Counts nothing;
//! `book.rs` does.

use serde::Deserialize;
use time::{Duration, OffsetDateTime, Time};

const DAY_MS: i64 = 86_400_000;

/// USD are counted in billionths, which are whole numbers here as in Redis, so that sums are exact.
const NANOS_PER_USD: f64 = 1e9;

/// `[budget]`, and the `budget` of a key.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// The most that a day may cost in USD. Days begin at midnight UTC.
    pub day_usd: Option<f64>,
    /// The most that a month may cost in USD. Months begin on the first at midnight UTC.
    pub month_usd: Option<f64>,
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

/// The days since 1970, which number the day.
pub(super) fn day_number(now_ms: i64) -> i64 {
    now_ms.div_euclid(DAY_MS)
}

/// The months since the year 0, which number the month.
pub(super) fn month_number(now_ms: i64) -> i64 {
    let now = at(now_ms);
    i64::from(now.year()) * 12 + i64::from(u8::from(now.month())) - 1
}

/// Seconds until the next day and the next month begin, at least 1.
pub(super) fn seconds_left(now_ms: i64) -> (u64, u64) {
    let now = at(now_ms);
    let (day, month) = periods_began(now);
    let until = |next: Option<OffsetDateTime>| {
        next.map_or(0, |next| u64::try_from((next - now).whole_seconds()).unwrap_or(0)).max(1)
    };
    let next_month = month.date().replace_day(28).ok().and_then(|late| late.checked_add(Duration::days(4)));
    let next_month =
        next_month.and_then(|date| date.replace_day(1).ok()).map(|date| date.with_time(Time::MIDNIGHT).assume_utc());
    (until(day.checked_add(Duration::days(1))), until(next_month))
}

/// In billionths of a USD, rounded up: what costs something never counts as free. Not a number is nothing.
pub(super) fn nanos(usd: f64) -> i64 {
    // Far below what a double counts exactly, and above what anybody spends.
    let nanos = (usd * NANOS_PER_USD - 1e-6).ceil().clamp(0.0, 1e15);
    if nanos.is_nan() { 0 } else { nanos as i64 }
}

/// In USD.
pub(super) fn usd(nanos: i64) -> f64 {
    nanos as f64 / NANOS_PER_USD
}

/// Milliseconds since 1970 by this machine's clock.
pub(super) fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn at(now_ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn ms(time: OffsetDateTime) -> i64 {
        time.unix_timestamp() * 1000
    }

    #[test]
    fn days_and_months_end_at_midnight() {
        assert_eq!(seconds_left(ms(datetime!(2126-11-30 12:00 UTC))), (43_200, 43_200));
        assert_eq!(seconds_left(ms(datetime!(2126-12-31 23:59:00 UTC))), (60, 60));
        assert_eq!(seconds_left(ms(datetime!(2024-02-28 00:00 UTC))), (86_400, 2 * 86_400), "a leap year");
        let (november, december) = (ms(datetime!(2126-11-30 23:59:59 UTC)), ms(datetime!(2126-12-01 0:00 UTC)));
        assert_eq!(month_number(december) - month_number(november), 1);
        assert_eq!(day_number(december) - day_number(november), 1);
    }

    #[test]
    fn nothing_that_costs_counts_as_free() {
        assert_eq!([0.0, 1e-12 + 1e-9, 0.25, f64::NAN, -1.0].map(nanos), [0, 2, 250_000_000, 0, 0]);
        assert_eq!(nanos(0.1 + 0.2), 300_000_000, "the noise of doubles costs nothing");
        assert!((usd(nanos(12.345)) - 12.345).abs() < 1e-12);
    }
}
