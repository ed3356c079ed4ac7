//! Reads what a provider's headers say of its rate limits: how long to wait, and what is left. Headers that cannot be read say nothing.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What is left, by the names that OpenAI's and Anthropic's APIs give it, and others after them: what is left, its limit, and when it is
/// full again.
const BUCKETS: [[&str; 3]; 5] = [
    ["x-ratelimit-remaining-requests", "x-ratelimit-limit-requests", "x-ratelimit-reset-requests"],
    ["x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens"],
    [
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-reset",
    ],
    ["anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-reset"],
    ["x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"],
];

/// What the headers say.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct RateHeaders {
    /// The smallest share of a bucket that is left.
    pub(super) left_share: Option<f64>,
    /// A bucket is empty for so long.
    pub(super) used_up_for: Option<Duration>,
}

impl RateHeaders {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let mut read = Self::default();
        for [remaining, limit, reset] in BUCKETS {
            let Some(left) = text(remaining).and_then(number) else { continue };
            if let Some(limit) = text(limit).and_then(number).filter(|limit| *limit > 0.0) {
                let share = (left / limit).clamp(0.0, 1.0);
                read.left_share = Some(read.left_share.map_or(share, |other| other.min(share)));
            }
            if left <= 0.0 {
                read.used_up_for = read.used_up_for.max(text(reset).and_then(pause));
            }
        }
        read
    }
}

/// How long the provider asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date.
pub(in crate::gateway) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = headers.get("retry-after-ms").and_then(|value| number(value.to_str().ok()?.trim()));
    if let Some(milliseconds) = milliseconds {
        return duration(milliseconds / 1e3);
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match number(text) {
        Some(seconds) => duration(seconds),
        None => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// `12`, `1.5`, or several limits of which the first counts.
fn number(text: &str) -> Option<f64> {
    let first = text.split([',', ';']).next()?.trim();
    first.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// `6m0s`, `20ms`, `1h2m3.5s`, a number of seconds, or a time of RFC 3339.
fn pause(text: &str) -> Option<Duration> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some((time - OffsetDateTime::now_utc()).try_into().unwrap_or_default());
    }
    if let Some(seconds) = number(text) {
        // Some give the second since 1970 at which the bucket is full, and some the millisecond.
        let since_1970 = OffsetDateTime::now_utc().unix_timestamp() as f64;
        let seconds = if seconds > 1e12 { seconds / 1e3 } else { seconds };
        return duration(if seconds > 1e9 { (seconds - since_1970).max(0.0) } else { seconds });
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let value = number(&rest[..digits])?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        seconds += value
            * match &rest[..letters] {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    duration(seconds)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_emptiest_bucket_counts() {
        let read = RateHeaders::read(&headers(&[
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-reset-tokens", "6m0.5s"),
        ]));
        let expected = RateHeaders { left_share: Some(0.0), used_up_for: Some(Duration::from_millis(360_500)) };
        assert_eq!(read, expected);
        assert_eq!(RateHeaders::read(&headers(&[("x-ratelimit-remaining-requests", "many")])), RateHeaders::default());
    }

    #[test]
    fn a_pause_is_read_in_every_way_that_it_is_written() {
        let of = |name, value| retry_after(&headers(&[(name, value)]));
        assert_eq!(of("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(of("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(of("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(of("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "it is over");
        for unreadable in ["soon", "-1", "", "1e400", "NaN"] {
            assert_eq!(of("retry-after", unreadable), None, "{unreadable}");
        }
        for (text, expected) in [("20ms", 0.02), ("1h2m3s", 3723.0), ("90", 90.0), ("1970-01-01T00:00:00Z", 0.0)] {
            assert_eq!(pause(text).map(|pause| pause.as_secs_f64()), Some(expected), "{text}");
        }
        let soon = OffsetDateTime::now_utc().unix_timestamp() + 20;
        for (text, what) in [(soon.to_string(), "seconds"), ((soon * 1000).to_string(), "milliseconds")] {
            let pause = pause(&text).unwrap().as_secs();
            assert!((15..=20).contains(&pause), "{what} since 1970: {pause}");
        }
        for unreadable in ["1x", "m", "1m2", "--"] {
            assert_eq!(pause(unreadable), None, "{unreadable}");
        }
    }
}
