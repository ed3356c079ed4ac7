//! Addresses for mail. What only looks like one is left: `git@host:path`, users in URLs, `icon@2x.png`, packages with versions.

use std::ops::Range;

/// Longest part before the `@` and after it, in bytes.
const LOCAL_BYTES: usize = 64;
const DOMAIN_BYTES: usize = 253;

/// Ends of file names and units that are no ends of domains.
const NO_DOMAINS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "svg", "js", "json", "css", "html", "xml", "txt", "pdf", "yml", "yaml",
    "toml", "lock", "log", "service", "socket", "target", "timer", "mount", "exe", "dll", "jar",
];

/// The address around the `@` at a place. It begins no earlier than `free`.
pub(super) fn around(text: &str, at: usize, free: usize) -> Option<Range<usize>> {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let earliest = text.ceil_char_boundary(free.max(at.saturating_sub(LOCAL_BYTES)));
    let local = &text[earliest..at];
    let local = &local[local.rfind(|c| !is_local(c)).map_or(0, |last| local.ceil_char_boundary(last + 1))..];
    let local = local.trim_start_matches(|c: char| !c.is_alphanumeric());
    if local.is_empty() || local.ends_with('.') || local.contains("..") {
        return None;
    }
    if is_login(&text[..at - local.len()]) {
        return None;
    }
    let rest = &text[at + 1..text.floor_char_boundary(at + 1 + DOMAIN_BYTES)];
    let is_domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
    let domain = &rest[..rest.find(|c| !is_domain(c)).unwrap_or(rest.len())];
    let domain = domain.trim_end_matches(['.', '-']);
    let (before, end) = domain.rsplit_once('.')?;
    let ends_like_one = end.chars().count() >= 2 && (end.chars().all(char::is_alphabetic) || end.starts_with("xn--"));
    let whole = before.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let is_file = NO_DOMAINS.iter().any(|name| name.eq_ignore_ascii_case(end));
    let after = at + 1 + domain.len();
    if !ends_like_one || !whole || is_file || goes_on_as_path(&text[after..]) {
        return None;
    }
    Some(at - local.len()..after)
}

/// `https://user:password@host`: nothing but a name and a password stands after the scheme.
fn is_login(before: &str) -> bool {
    let end = &before[before.ceil_char_boundary(before.len().saturating_sub(LOCAL_BYTES))..];
    let after_scheme = end.rfind("://").map(|at| &end[at + 3..]);
    after_scheme.is_some_and(|rest| !rest.contains(|c: char| c.is_whitespace() || "/?#".contains(c)))
}

/// `git@host.org:path`, `user@host.org/path`, `user@host.org:5432`: a place on a machine, not an address.
fn goes_on_as_path(rest: &str) -> bool {
    let mut rest = rest.chars();
    matches!(rest.next(), Some(':' | '/')) && rest.next().is_some_and(|c| c.is_alphanumeric() || "/~_".contains(c))
}
