//! Moments as people write them: a date, a time, or how long ago.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const EXPECTED: &str =
    "expected a date (2026-11-01), a time (2026-11-01T08:00:00Z), or how long ago: a number and s, m, h, d or w (7d)";

/// Reads one, in milliseconds since 1970; a date is its midnight in UTC.
pub(super) fn read(text: &str, now: OffsetDateTime) -> Result<i64, &'static str> {
    let text = text.trim();
    if let Some(ago) = ago(text) {
        return now.checked_sub(ago).map(unix_ms).ok_or(EXPECTED);
    }
    let time = OffsetDateTime::parse(text, &Rfc3339);
    let date = || OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339);
    time.or_else(|_| date()).map(unix_ms).map_err(|_| EXPECTED)
}

/// Milliseconds since 1970.
pub(super) fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn ago(text: &str) -> Option<Duration> {
    let (at, unit) = text.char_indices().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        'w' => 7 * 24 * 3600,
        _ => return None,
    };
    let count: u32 = text[..at].parse().ok()?;
    Some(Duration::seconds(i64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        for (text, expected) in [
            ("2026-11-01", Ok(1_793_491_200_000)),
            ("2026-11-01T08:30:00Z", Ok(1_793_521_800_000)),
            ("2026-11-01T08:30:00.250+02:00", Ok(1_793_514_600_250)),
            ("7d", Ok(1_799_395_200_000)),
            ("90m", Ok(1_799_994_600_000)),
            ("", Err(EXPECTED)),
            ("d", Err(EXPECTED)),
            ("-1d", Err(EXPECTED)),
            ("7 days", Err(EXPECTED)),
            ("2026-13-01", Err(EXPECTED)),
            ("4294967295w", Err(EXPECTED)),
            ("gestern", Err(EXPECTED)),
            ("7é", Err(EXPECTED)),
        ] {
            assert_eq!(read(text, now), expected, "{text:?}");
        }
    }
}
