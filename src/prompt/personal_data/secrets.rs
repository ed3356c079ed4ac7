//! Keys and tokens that say by their first letters what they are, and private keys by their header. A secret without such a mark
//! looks like any hash, and is not looked for.

use std::ops::Range;

/// Letters that a kind of token begins with, and how many more it has at least.
const PREFIXES: &[(&str, usize)] = &[
    // Model providers.
    ("sk-", 20),
    ("gsk_", 40),
    ("xai-", 40),
    ("hf_", 30),
    ("pplx-", 40),
    ("nvapi-", 40),
    ("r8_", 36),
    ("AIza", 35),
    // Code and packages.
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("npm_", 36),
    ("pypi-AgE", 50),
    ("dckr_pat_", 27),
    // Clouds and services.
    ("dop_v1_", 64),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xoxr-", 20),
    ("xoxs-", 20),
    ("xoxe-", 20),
    ("xapp-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("whsec_", 24),
    ("shpat_", 32),
    ("lin_api_", 32),
    ("sq0csp-", 40),
    ("sq0atp-", 22),
    ("ATATT3", 60),
    ("AGE-SECRET-KEY-1", 50),
];
/// The same where a dot follows the first letters.
const DOTTED: &[(&str, usize)] = &[("ya29.", 20), ("hvs.", 24), ("SG.", 60)];

/// The longest run without a hyphen or underscore that a token must have; longer after `sk-`, so that
/// `sk-loading-animation2-small` is none.
const RUN: usize = 8;
const LONG_RUN: usize = 16;

/// Longest label within a private key's header.
const LABEL_BYTES: usize = 64;
/// Shortest line of a private key.
const KEY_LINE_BYTES: usize = 24;

/// The token that begins at a place.
pub(super) fn token(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = &text[start..];
    if !matches!(
        rest.as_bytes()[0],
        b's' | b'g' | b'x' | b'h' | b'p' | b'n' | b'r' | b'A' | b'd' | b'w' | b'l' | b'y' | b'S' | b'e'
    ) {
        return None;
    }
    // A second start within one run of such letters would make many of them cost more than their length. For the same reason a
    // token with dots in it does not begin after a dot.
    if start > 0 && is_token_byte(&text.as_bytes()[start - 1]) {
        return None;
    }
    let after_dot = text[..start].ends_with('.');
    let end = if rest.starts_with("eyJ") {
        web_token(rest)?
    } else if let Some((prefix, least)) = DOTTED.iter().find(|(prefix, _)| rest.starts_with(prefix) && !after_dot) {
        let body = &rest[prefix.len()..];
        let length = body.bytes().take_while(|byte| is_token_byte(byte) || *byte == b'.').count();
        let body = body[..length].trim_end_matches('.');
        (body.len() >= *least && is_random(body, RUN)).then_some(prefix.len() + body.len())?
    } else if rest.starts_with("AKIA") || rest.starts_with("ASIA") {
        let length = rest.bytes().take_while(is_token_byte).count();
        let of_key = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        (length == 20 && rest[..20].bytes().all(of_key)).then_some(20)?
    } else {
        let (prefix, least) = PREFIXES.iter().find(|(prefix, _)| rest.starts_with(prefix))?;
        let body = &rest[prefix.len()..];
        let body = &body[..body.bytes().take_while(is_token_byte).count()];
        let run = if *prefix == "sk-" { LONG_RUN } else { RUN };
        (body.len() >= *least && is_random(body, run)).then_some(prefix.len() + body.len())?
    };
    Some(start..start + end)
}

fn is_token_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether a text looks drawn by lot: it has letters and digits, and a long run of them, not all the same (as in `sk-xxxxxxxx`).
fn is_random(body: &str, run_bytes: usize) -> bool {
    let runs = || body.split(|c: char| !c.is_ascii_alphanumeric());
    let varied = |run: &str| {
        let first = run.as_bytes().first();
        run.len() >= run_bytes && run.bytes().any(|byte| Some(&byte) != first)
    };
    body.bytes().any(|byte| byte.is_ascii_digit())
        && body.bytes().any(|byte| byte.is_ascii_alphabetic())
        && runs().any(varied)
}

/// A JSON web token: header, claims and signature, of which the first two are encoded objects (RFC 7519).
fn web_token(text: &str) -> Option<usize> {
    let segment = |from: usize| {
        let length = text.as_bytes()[from..].iter().take_while(|byte| is_token_byte(byte)).count();
        (length >= 10).then_some(from + length)
    };
    let header = segment(0)?;
    let claims = text[header..].starts_with(".eyJ").then(|| segment(header + 1))??;
    text[claims..].starts_with('.').then(|| segment(claims + 1))?
}

/// `-----BEGIN RSA PRIVATE KEY-----` at a place, to its end mark, or as far as its lines go, or the header alone.
pub(super) fn private_key(text: &str, start: usize) -> Option<Range<usize>> {
    let label = text[start..].strip_prefix("-----BEGIN ")?;
    let label = &label[..label.floor_char_boundary(LABEL_BYTES)];
    let (label, _) = label.split_once("-----")?;
    if !label.ends_with("PRIVATE KEY") && label != "PGP PRIVATE KEY BLOCK" {
        return None;
    }
    let header = start + "-----BEGIN ".len() + label.len() + "-----".len();
    // Within JSON a line break is written as `\n`.
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\\ \t\r\n:,.-".contains(byte);
    let rest = &text.as_bytes()[header..];
    let ends_at = |at: usize| !is_key(&rest[at]) || rest[at..].starts_with(b"-----");
    let body = (0..rest.len()).find(|at| ends_at(*at)).unwrap_or(rest.len());
    let body = &text[header..header + body];
    let is_encoded = |line: &str| line.len() >= KEY_LINE_BYTES && !line.contains([' ', '.', ',']);
    if !body.split(['\n', '\\']).any(|line| is_encoded(line.trim())) {
        return Some(start..header);
    }
    let end = header + body.len();
    let mark = text[end..].strip_prefix("-----END ").map(|rest| &rest[..rest.floor_char_boundary(LABEL_BYTES)]);
    let mark = mark.and_then(|rest| Some("-----END ".len() + rest.find("-----")? + "-----".len()));
    Some(start..end + mark.unwrap_or(0))
}
