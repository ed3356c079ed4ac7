//! A cascade: one model after the other, until an answer passes the gate. Holds a stream back until it has passed. Where none passes,
//! the last answer that came is handed on as it is, rather than an error.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::answer_gate::{Gate, Verdict};
use super::attempt::{Failure, GateFailure};
use super::course::Course;
use super::held::Held;
use super::received::{Received, ReceivedBody};
use super::send::Gateway;
use crate::chat::ChatRequest;
use crate::routing::{AnswerGate, Candidate};

/// A stream that is not wanted is read on for this long, because its token counts come last.
const COUNTS_COME_WITHIN: Duration = Duration::from_millis(500);

/// Tries these in order. The last one's answer passes no gate: there is nobody left to ask.
pub(super) async fn carry_out(
    gateway: &Gateway,
    candidates: &[Candidate],
    rules: &AnswerGate,
    request: &ChatRequest,
    course: &mut Course<'_>,
) -> Option<Received> {
    let gate = Gate::new(*rules, request);
    // The last answer that came and did not convince.
    let mut kept: Option<(Received, Failure)> = None;
    for (index, candidate) in candidates.iter().enumerate() {
        course.move_to(candidate);
        let gate = (index + 1 < candidates.len()).then_some(&gate);
        let started = Instant::now();
        let limit = gate.and(rules.timeout_ms).map(|timeout_ms| started + Duration::from_millis(timeout_ms));
        let with_logprobs = gate.is_some() && rules.min_mean_logprob.is_some();
        let Some(mut received) = ask(gateway, candidate, request, with_logprobs, limit, course).await else { continue };
        let judged = match gate {
            // Somebody could answer this request, so the refusal is this model's own.
            _ if received.is_refusal() && kept.is_some() => Err(received.as_failure()),
            Some(gate) if !received.is_refusal() => {
                let judging = Instant::now();
                let judged = judge(gate, &mut received, limit).await;
                course.upstream_wait += judging.elapsed();
                judged
            }
            _ => Ok(()),
        };
        let Err(failure) = judged else {
            received.elapsed = started.elapsed();
            course.note_answer(&received);
            discard(kept, course);
            return Some(received);
        };
        course.note_failure(&received.model, &received.provider, failure.clone(), started.elapsed());
        let came = matches!(failure, Failure::Gate(why) if why != GateFailure::Timeout);
        let unused = if came { kept.replace((received, failure)) } else { Some((received, failure)) };
        discard(unused, course);
    }
    kept.map(|(received, _)| received)
}

/// Asks one model, within the time of the gate.
async fn ask(
    gateway: &Gateway,
    candidate: &Candidate,
    request: &ChatRequest,
    with_logprobs: bool,
    limit: Option<Instant>,
    course: &mut Course<'_>,
) -> Option<Received> {
    let model = &candidate.model;
    let (started, waited) = (Instant::now(), course.upstream_wait);
    let asking = gateway.ask(model, request, with_logprobs, course);
    let Some(limit) = limit else { return asking.await.ok() };
    if let Ok(in_time) = timeout_at(limit, asking).await {
        return in_time.ok();
    }
    course.upstream_wait = waited + started.elapsed();
    gateway.note_left(model);
    course.add_unused(None);
    course.note_failure(model, &candidate.provider, Failure::Gate(GateFailure::Timeout), started.elapsed());
    None
}

fn discard(unused: Option<(Received, Failure)>, course: &mut Course<'_>) {
    if let Some((received, failure)) = unused {
        course.add_unused(received.discard(&failure));
    }
}

/// Whether a success may be handed on. Of a stream, as little is read as tells.
async fn judge(gate: &Gate, received: &mut Received, limit: Option<Instant>) -> Result<(), Failure> {
    match &mut received.body {
        ReceivedBody::Whole { .. } => gate.judge_whole(received.said().as_ref()).map_err(Failure::Gate),
        ReceivedBody::Stream(stream) => judge_stream(gate, Held::new(stream), limit).await,
    }
}

async fn judge_stream(gate: &Gate, mut held: Held<'_>, limit: Option<Instant>) -> Result<(), Failure> {
    loop {
        // The end of the first choice is the end of what is judged; token counts may still come.
        if held.said.finish.is_some() || held.is_over() {
            break;
        }
        match gate.judge_part(&held.said) {
            Verdict::Passes => return Ok(()),
            Verdict::Fails(why) => return Err(Failure::Gate(why)),
            Verdict::Hold if held.is_full() => return Ok(()),
            Verdict::Hold => {}
        }
        if !held.read_on(limit).await? {
            break;
        }
    }
    let verdict = gate.judge_whole(Some(&held.said)).map_err(Failure::Gate);
    if verdict.is_err() {
        let rest = async { while !held.is_full() && held.read_on(None).await.unwrap_or(false) {} };
        // Without them the cost is unknown, and nothing else is lost.
        let _in_time = timeout(COUNTS_COME_WITHIN, rest).await;
    }
    verdict
}
