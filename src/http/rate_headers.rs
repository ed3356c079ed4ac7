//! How a caller stands with its limits, in the headers that the SDKs of OpenAI and of Anthropic read. They are always ours: what a provider says of
//! its own limits is never handed on.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use time::{Duration, OffsetDateTime};

use crate::limits::{RateStanding, Standing};

/// Limit, what remains, and when all of it is there again.
type Names = [HeaderName; 3];

const OPENAI_REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const OPENAI_TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const ANTHROPIC_REQUESTS: Names = [
    HeaderName::from_static("anthropic-ratelimit-requests-limit"),
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];
const ANTHROPIC_TOKENS: Names = [
    HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
];

/// Writes them, by the names that clients of this route know. Nothing where nothing is limited.
pub(super) fn write(headers: &mut HeaderMap, standing: Standing, route: &str) {
    let is_anthropics = route.starts_with("/v1/messages");
    let (requests, tokens) =
        if is_anthropics { (ANTHROPIC_REQUESTS, ANTHROPIC_TOKENS) } else { (OPENAI_REQUESTS, OPENAI_TOKENS) };
    for (names, rate) in [(requests, standing.requests), (tokens, standing.tokens)] {
        let Some(RateStanding { limit, remaining, reset_ms }) = rate else { continue };
        let reset = if is_anthropics { at(OffsetDateTime::now_utc(), reset_ms) } else { within(reset_ms) };
        let [limit_name, remaining_name, reset_name] = names;
        headers.insert(limit_name, HeaderValue::from(limit));
        headers.insert(remaining_name, HeaderValue::from(remaining));
        if let Ok(reset) = HeaderValue::try_from(reset) {
            headers.insert(reset_name, reset);
        }
    }
}

/// As OpenAI writes a span of time: `20ms`, `8.64s`, `6m0s`, `1h0m30s`.
fn within(ms: u64) -> String {
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let seconds = (ms % 60_000) as f64 / 1000.0;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The moment itself in whole seconds, rounded up, as RFC 3339 writes it.
fn at(now: OffsetDateTime, ms: u64) -> String {
    let later = Duration::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX).saturating_add(999));
    let then = now.checked_add(later).unwrap_or(now);
    let (year, month, day) = then.to_calendar_date();
    let (hour, minute, second) = then.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn spans_and_moments_are_written_as_the_sdks_read_them() {
        for (ms, expected) in
            [(0, "0ms"), (20, "20ms"), (1_000, "1s"), (8_640, "8.64s"), (360_000, "6m0s"), (3_630_000, "1h0m30s")]
        {
            assert_eq!(within(ms), expected);
        }
        assert_eq!(at(datetime!(2026-12-31 23:59:59 UTC), 1), "2027-01-01T00:00:00Z");
        assert_eq!(at(datetime!(2026-01-02 03:04:05 UTC), 0), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn what_is_not_limited_has_no_header() {
        let rate = RateStanding { limit: 60, remaining: 59, reset_ms: 1000 };
        let mut headers = HeaderMap::new();
        write(&mut headers, Standing { requests: Some(rate), tokens: None }, "/v1/chat/completions");
        assert_eq!(headers.len(), 3);
        assert_eq!(headers["x-ratelimit-reset-requests"], "1s");
        write(&mut headers, Standing { requests: None, tokens: Some(rate) }, "/v1/messages");
        assert_eq!(headers["anthropic-ratelimit-tokens-remaining"], "59");
    }
}
