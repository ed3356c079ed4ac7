//! The `x-semroute-*` response headers: how an answer came about. Values are plain ASCII whatever they are made of.

use std::time::Duration;

use axum::http::header::AGE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::routing::Decision;

const MODEL: HeaderName = HeaderName::from_static("x-semroute-model");
const PROVIDER: HeaderName = HeaderName::from_static("x-semroute-provider");
const TASK: HeaderName = HeaderName::from_static("x-semroute-task");
const COMPLEXITY: HeaderName = HeaderName::from_static("x-semroute-complexity");
const CONFIDENCE: HeaderName = HeaderName::from_static("x-semroute-confidence");
const REASON: HeaderName = HeaderName::from_static("x-semroute-reason");
const DECISION_ID: HeaderName = HeaderName::from_static("x-semroute-decision-id");
const DROPPED: HeaderName = HeaderName::from_static("x-semroute-dropped");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-semroute-attempts");
const COST_USD: HeaderName = HeaderName::from_static("x-semroute-cost-usd");
const TRUNCATED: HeaderName = HeaderName::from_static("x-semroute-truncated");
const CACHE: HeaderName = HeaderName::from_static("x-semroute-cache");
const OVERHEAD_MS: HeaderName = HeaderName::from_static("x-semroute-overhead-ms");

/// Proxies commonly give all headers together 8 KiB.
const MAX_VALUE_LENGTH: usize = 512;

/// What was decided.
pub(super) fn write_decision(headers: &mut HeaderMap, decision: &Decision) {
    write(headers, DECISION_ID, &decision.id);
    write(headers, REASON, &decision.reason);
    if let Some(signals) = &decision.signals {
        write(headers, TASK, &signals.task);
        write(headers, COMPLEXITY, &signals.complexity);
        write(headers, CONFIDENCE, &format!("{:.3}", signals.task_confidence));
    }
}

/// Who answers.
pub(super) fn write_served_by(headers: &mut HeaderMap, model: &str, provider: &str) {
    write(headers, MODEL, model);
    write(headers, PROVIDER, provider);
}

/// What of the request the provider could not be told; nothing where everything was.
pub(super) fn write_dropped(headers: &mut HeaderMap, dropped: &[&str]) {
    if !dropped.is_empty() {
        write(headers, DROPPED, &dropped.join(", "));
    }
}

/// How many of the texts to embed went on past what the embedder reads; nothing where none did.
pub(super) fn write_truncated(headers: &mut HeaderMap, texts: usize) {
    if texts > 0 {
        headers.insert(TRUNCATED, HeaderValue::from(texts));
    }
}

/// How many models were tried.
pub(super) fn write_attempts(headers: &mut HeaderMap, attempts: usize) {
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
}

/// What a whole answer cost, and with it everything that was asked on its way. `unknown` where a price or the token counts are missing: 0 would claim that it was free.
pub(super) fn write_cost(headers: &mut HeaderMap, cost_usd: Option<f64>) {
    let text = cost_usd.map_or_else(|| "unknown".to_owned(), |cost_usd| format!("{cost_usd:.9}"));
    write(headers, COST_USD, &text);
}

/// Time spent here rather than waiting for providers.
pub(super) fn write_overhead(headers: &mut HeaderMap, overhead: Duration) {
    write(headers, OVERHEAD_MS, &format!("{:.3}", overhead.as_secs_f64() * 1e3));
}

/// What the response cache did: `hit`, `semantic`, `miss` or `bypass`.
pub(super) fn write_cache(headers: &mut HeaderMap, result: &'static str) {
    headers.insert(CACHE, HeaderValue::from_static(result));
}

/// How old an answer is that was kept.
pub(super) fn write_age(headers: &mut HeaderMap, age: Duration) {
    headers.insert(AGE, HeaderValue::from(age.as_secs()));
}

/// By which id the log knows an answer that nothing was decided for.
pub(super) fn write_decision_id(headers: &mut HeaderMap, id: &str) {
    write(headers, DECISION_ID, id);
}

fn write(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    let safe: String =
        text.chars().take(MAX_VALUE_LENGTH).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    if let Ok(value) = HeaderValue::try_from(safe) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_break_or_forge_a_header() {
        let mut headers = HeaderMap::new();
        write(&mut headers, REASON, "naïve\r\nx-evil: 1 — ok");
        assert_eq!(headers[REASON], "na?ve??x-evil: 1 ? ok");
        write(&mut headers, REASON, &"é".repeat(5000));
        assert_eq!(headers[REASON].len(), MAX_VALUE_LENGTH);
    }

    #[test]
    fn an_unknown_cost_is_never_shown_as_a_number() {
        let mut headers = HeaderMap::new();
        write_cost(&mut headers, None);
        assert_eq!(headers[COST_USD], "unknown");
        write_cost(&mut headers, Some(0.000_001_5));
        assert_eq!(headers[COST_USD], "0.000001500");
    }
}
