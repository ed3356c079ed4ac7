//! Keys as a table that fits a terminal of 80 columns. What does not fit is cut; `--json` has all of it. Pure.

use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::store::ApiKeyRecord;

const COLUMNS: usize = 80;
const NAME_COLUMNS: usize = 20;
const DAY_COLUMNS: usize = 10;

/// The table, newest first, with its heading.
pub(super) fn of(keys: &[ApiKeyRecord], now_unix_ms: i64) -> String {
    let name_columns = keys.iter().map(|key| key.name.len()).max().unwrap_or(0).clamp("NAME".len(), NAME_COLUMNS);
    let mut table = String::new();
    let mut line = |cells: [&str; 5]| {
        let [id, name, state, expires, may] = cells;
        let name = cut(name, name_columns);
        let line = format!("{id:<10}  {name:<name_columns$}  {state:<7}  {expires:<DAY_COLUMNS$}  {may}");
        // Writing to a string cannot fail.
        let _written = writeln!(table, "{}", cut(line.trim_end(), COLUMNS));
    };
    line(["ID", "NAME", "STATE", "EXPIRES", "BOUND TO"]);
    for key in keys {
        let expires = key.expires_unix_ms.map_or_else(|| "never".to_owned(), day);
        line([&key.id, &key.name, state(key, now_unix_ms), &expires, &bounds(key)]);
    }
    table
}

/// `active`, `expired` or `revoked`.
pub(super) fn state(key: &ApiKeyRecord, now_unix_ms: i64) -> &'static str {
    match key.expires_unix_ms {
        _ if key.revoked_unix_ms.is_some() => "revoked",
        Some(expires) if expires <= now_unix_ms => "expired",
        _ => "active",
    }
}

/// An instant as RFC 3339 has it, in UTC and whole seconds.
pub(super) fn instant(unix_ms: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1000)) else { return "unknown".into() };
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", day(unix_ms))
}

fn day(unix_ms: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1000)) else { return "unknown".into() };
    format!("{:04}-{:02}-{:02}", time.year(), u8::from(time.month()), time.day())
}

fn bounds(key: &ApiKeyRecord) -> String {
    let listed = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(","));
    let parts = [
        key.is_admin.then(|| "admin".to_owned()),
        key.requests_per_minute.map(|count| format!("{count} rpm")),
        key.tokens_per_minute.map(|count| format!("{count} tpm")),
        key.concurrent.map(|count| format!("{count} at once")),
        key.budget_day_usd.map(|usd| format!("{usd} USD/day")),
        key.budget_month_usd.map(|usd| format!("{usd} USD/month")),
        listed(&key.models),
        listed(&key.strategies),
        listed(&key.endpoints),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing".into() } else { parts.join(", ") }
}

/// At most so many characters.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_fits_and_tells_the_state() {
        let key = |name: &str| ApiKeyRecord { id: "abcdefghij".into(), name: name.into(), ..ApiKeyRecord::default() };
        let long = ApiKeyRecord {
            models: Some((0..20).map(|at| format!("model-{at}")).collect()),
            expires_unix_ms: Some(1_000),
            requests_per_minute: Some(60),
            ..key(&"n".repeat(64))
        };
        let revoked = ApiKeyRecord { revoked_unix_ms: Some(5), ..key("short") };
        let table = of(&[key("alice"), long, revoked], 2_000);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= COLUMNS), "{table}");
        assert_eq!(lines[1], "abcdefghij  alice                 active   never       nothing");
        assert!(lines[2].contains("nnn...  expired  1970-01-01  60 rpm, model-0,"), "{table}");
        assert!(lines[3].contains("  revoked  "), "{table}");
    }

    #[test]
    fn instants_are_utc() {
        assert_eq!(instant(1_800_000_000_999), "2027-01-15T08:00:00Z");
        assert_eq!(instant(i64::MIN), "unknown");
    }
}
