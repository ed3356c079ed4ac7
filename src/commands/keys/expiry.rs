//! Reads `--expires`: so long from now, the end of a day, or an instant. Pure.

use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// A key that lasts longer is one without an end.
const MOST_DAYS: i64 = 36_525;

/// When a key ends, in milliseconds since 1970: `90d`, `12h`, `8w`, a date (its last moment in UTC) or RFC 3339.
pub(super) fn read(text: &str, now_unix_ms: i64) -> Result<i64, String> {
    let text = text.trim();
    let expected = || {
        "expected a span such as 90d, 12h or 8w, a date such as 2027-01-31, or an instant such as 2027-01-31T18:00:00Z"
            .to_owned()
    };
    let ends = if let Some(span) = span(text) {
        now_unix_ms
            .checked_add(i64::try_from(span?.whole_milliseconds()).map_err(|_| expected())?)
            .ok_or_else(expected)?
    } else {
        let instant = end_of_day(text).or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok()).ok_or_else(expected)?;
        i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).map_err(|_| expected())?
    };
    if ends <= now_unix_ms {
        return Err("is past already".into());
    }
    if ends - now_unix_ms > Duration::days(MOST_DAYS).whole_seconds() * 1000 {
        return Err("is more than a century away; leave it out for a key without an end".into());
    }
    Ok(ends)
}

/// `None` where it is no span at all.
fn span(text: &str) -> Option<Result<Duration, String>> {
    let unit = text.chars().last().filter(|unit| matches!(unit, 'h' | 'd' | 'w'))?;
    let count = text[..text.len() - 1].parse::<u32>().ok()?;
    let hours = i64::from(count)
        * match unit {
            'h' => 1,
            'd' => 24,
            _ => 7 * 24,
        };
    Some(match count {
        0 => Err("ends at once; use 1 or more".into()),
        _ => Ok(Duration::hours(hours)),
    })
}

fn end_of_day(text: &str) -> Option<OffsetDateTime> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let day = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    Some(day.next_day()?.with_time(Time::MIDNIGHT).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn spans_days_and_instants_are_read() {
        for (text, expected) in [
            ("1h", HOUR),
            ("90d", 90 * 24 * HOUR),
            ("2w", 14 * 24 * HOUR),
            ("1970-01-01", 24 * HOUR),
            ("1972-02-29", 790 * 24 * HOUR),
            ("1970-01-01T02:00:00+01:00", HOUR),
            (" 1970-01-01T01:00:00Z ", HOUR),
        ] {
            assert_eq!(read(text, 0), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_and_what_is_past_are_refused() {
        for (text, expected) in [
            ("", "expected a span"),
            ("d", "expected a span"),
            ("-1d", "expected a span"),
            ("1.5d", "expected a span"),
            ("90", "expected a span"),
            ("90m", "expected a span"),
            ("9999999999d", "expected a span"),
            ("2027-02-30", "expected a span"),
            ("2027-1-3", "expected a span"),
            ("2027-01-31T18:00:00", "expected a span"),
            ("tomorrow", "expected a span"),
            ("ü", "expected a span"),
            ("0d", "ends at once"),
            ("1969-12-31T23:00:00Z", "is past"),
            ("4000000000d", "more than a century"),
            ("2999-01-01", "more than a century"),
        ] {
            let said = read(text, 0).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
