//! A chain: one model after the other, until one answers. The next is asked only while nothing has reached the client, and only where
//! another model may do better.

use std::time::{Duration, Instant};

use super::answer::Answer;
use super::course::Course;
use super::error::SendError;
use super::send::Gateway;
use crate::chat::ChatRequest;
use crate::routing::Candidate;

/// Tries these in order.
pub(super) async fn carry_out(
    gateway: &Gateway,
    candidates: &[Candidate],
    request: &ChatRequest,
    mut course: Course<'_>,
) -> Result<Answer, SendError> {
    for candidate in candidates {
        course.move_to(candidate);
        let (started, mut waited) = (Instant::now(), Duration::ZERO);
        let result = gateway.ask(&candidate.model, request, false, &mut waited).await;
        course.upstream_wait += waited;
        match result {
            Ok(received) => {
                course.note_answer(candidate, &received, started.elapsed());
                return Ok(course.hand_on(received));
            }
            Err(failure) => course.note_failure(candidate, failure, started.elapsed()),
        }
    }
    Err(course.fail())
}
