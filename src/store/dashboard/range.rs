//! Which sums answer for a range of time: how fine they are and how many of them make a point. Bounds both, so that a question about a year
//! costs what one about a day does.

use std::time::Duration;

use super::DashboardError;
use crate::store::rollup::{MINUTES_LAST, SUMS_LAST, Span};

/// Sums over which time, and of whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverviewAsked {
    /// In milliseconds since 1970; a day before `to_ms` if it is left out.
    pub from_ms: Option<i64>,
    /// As `from_ms`, and not part of the range; now if it is left out.
    pub to_ms: Option<i64>,
    /// A caller's name, or the empty one for requests without; `None` is everybody.
    pub caller: Option<String>,
}

/// A range whose ends fall on the sums that answer for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) span: Span,
    /// A multiple of the span.
    pub(super) bucket_ms: i64,
}

/// Points of a line, and never more.
const MOST_POINTS: i64 = 200;
/// Beyond year 5000 stands a mistake, and arithmetic on times may not overflow.
const LATEST_MS: i64 = 100_000_000_000_000;
/// Longer ranges are read from hours.
const LONGEST_OF_MINUTES_MS: i64 = 6 * 3_600_000;
/// Longer ranges are read from days.
const LONGEST_OF_HOURS_MS: i64 = 33 * 24 * 3_600_000;
const DEFAULT_MS: i64 = 24 * 3_600_000;
/// Spans that make a point, where one each would be too many points.
const SPANS_A_POINT: [i64; 4] = [1, 2, 4, 8];

impl OverviewAsked {
    pub(super) fn range(&self, now_ms: i64) -> Result<Range, DashboardError> {
        let to_ms = moment("to_ms", self.to_ms.unwrap_or(now_ms))?;
        let from_ms = moment("from_ms", self.from_ms.unwrap_or((to_ms - DEFAULT_MS).max(0)))?;
        if from_ms >= to_ms {
            return Err(DashboardError::Asked { field: "from_ms", problem: "must be before to_ms".into() });
        }
        let length_ms = to_ms - from_ms;
        if length_ms > milliseconds(SUMS_LAST) {
            let days = SUMS_LAST.as_secs() / (24 * 3600);
            let problem = format!("the range is longer than the {days} days that sums are kept; ask for less");
            return Err(DashboardError::Asked { field: "from_ms", problem });
        }
        let span = if length_ms <= LONGEST_OF_MINUTES_MS && from_ms >= now_ms - milliseconds(MINUTES_LAST) {
            Span::Minute
        } else if length_ms <= LONGEST_OF_HOURS_MS {
            Span::Hour
        } else {
            Span::Day
        };
        let from_ms = span.start_of(from_ms);
        let to_ms = span.start_of(to_ms - 1) + span.ms();
        let spans = (to_ms - from_ms) / span.ms();
        let is_enough =
            |a_point: &i64| spans.unsigned_abs().div_ceil(a_point.unsigned_abs()) <= MOST_POINTS.unsigned_abs();
        let a_point = SPANS_A_POINT.into_iter().find(is_enough).unwrap_or(spans);
        Ok(Range { from_ms, to_ms, span, bucket_ms: a_point * span.ms() })
    }
}

impl Range {
    /// When each point begins. The last one may reach beyond the range, where nothing is counted.
    pub(super) fn points(self) -> impl Iterator<Item = i64> {
        (0..).map(move |at| self.from_ms + at * self.bucket_ms).take_while(move |start| *start < self.to_ms)
    }
}

fn moment(field: &'static str, ms: i64) -> Result<i64, DashboardError> {
    let is_one = (0..=LATEST_MS).contains(&ms);
    let problem = || format!("{ms} is no time in milliseconds since 1970");
    if is_one { Ok(ms) } else { Err(DashboardError::Asked { field, problem: problem() }) }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const NOW: i64 = 1_800_000_000_000 + 1234;

    fn range(from_ms: i64, to_ms: i64) -> Result<Range, DashboardError> {
        OverviewAsked { from_ms: Some(from_ms), to_ms: Some(to_ms), caller: None }.range(NOW)
    }

    #[test]
    fn a_range_has_few_points_and_few_sums_whatever_its_length() {
        for hours in (1..=48).chain((50..9600).step_by(7)).chain([9600]) {
            for to_ms in [NOW, NOW - 9 * 24 * HOUR] {
                let asked = to_ms - hours * HOUR;
                let found = range(asked, to_ms).unwrap();
                assert!(found.from_ms <= asked && found.to_ms >= to_ms, "{hours}: it is rounded outward");
                assert!(asked - found.from_ms < found.span.ms() && found.to_ms - to_ms < found.span.ms());
                let points = found.points().count();
                assert!((1..=200).contains(&points), "{hours}: {points} points");
                assert!((found.to_ms - found.from_ms) / found.span.ms() <= 800, "{hours}: {found:?}");
            }
        }
    }

    #[test]
    fn lately_there_are_minutes() {
        assert_eq!(range(NOW - HOUR, NOW).unwrap().bucket_ms, 60_000);
        assert_eq!(range(NOW - 6 * HOUR, NOW).unwrap().bucket_ms, 120_000);
        assert_eq!(range(NOW - 7 * HOUR, NOW).unwrap().bucket_ms, HOUR);
        assert_eq!(range(NOW - 60 * HOUR, NOW - 59 * HOUR).unwrap().bucket_ms, HOUR);
        assert_eq!(OverviewAsked::default().range(NOW).unwrap().bucket_ms, HOUR);
    }

    #[test]
    fn what_is_no_range_is_refused_by_name() {
        for (from_ms, to_ms, starts) in [
            (5, 5, "from_ms: must be before"),
            (-1, 5, "from_ms: -1 is no time"),
            (0, i64::MAX, "to_ms: 9223372036854775807 is no time"),
            (NOW - 9601 * HOUR, NOW, "from_ms: the range is longer than the 400 days"),
        ] {
            let error = range(from_ms, to_ms).unwrap_err().to_string();
            assert!(error.starts_with(starts), "{error}");
        }
    }
}
