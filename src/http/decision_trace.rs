//! The span of a decision, inside the one of its request: what was recognised and which model was chosen, never a word of the prompt. Decides
//! nothing itself.

use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use crate::chat::ChatRequest;
use crate::routing::{Decision, Overrides, RouteError, Router, Strategy};
use crate::telemetry::TRACE;

/// Has the router decide.
pub(super) async fn decide(
    router: &Router,
    request: &ChatRequest,
    overrides: &Overrides,
) -> Result<Decision, RouteError> {
    let span = info_span!(
        target: TRACE,
        "decide",
        otel.status_code = Empty,
        semroute.task = Empty,
        semroute.task_confidence = Empty,
        semroute.complexity = Empty,
        semroute.known = Empty,
        semroute.tier = Empty,
        semroute.model = Empty,
        semroute.strategy = Empty,
    );
    let decided = router.decide(request, overrides).instrument(span.clone()).await;
    match &decided {
        Ok(decision) => note(&span, decision),
        Err(_) => drop(span.record("otel.status_code", "ERROR")),
    }
    decided
}

fn note(span: &Span, decision: &Decision) {
    if let Some(signals) = &decision.signals {
        span.record("semroute.task", &signals.task)
            .record("semroute.task_confidence", signals.task_confidence)
            .record("semroute.complexity", &signals.complexity)
            .record("semroute.known", signals.known)
            .record("semroute.tier", &signals.tier);
    }
    if let Some(candidate) = decision.primary() {
        span.record("semroute.model", &candidate.model);
    }
    span.record("semroute.strategy", decision.strategy.map_or("named", Strategy::name));
}
