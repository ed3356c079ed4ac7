//! A chain: one model after the other, until one answers. The next is asked only while nothing has reached the client, and only where
//! another model may do better.

use reqwest::StatusCode;

use super::course::Course;
use super::received::Received;
use super::send::Gateway;
use crate::chat::ChatRequest;
use crate::routing::Candidate;

/// Tries these in order; `None` where no one answers. What is forbidden may be so for one key alone, so others are asked; where nobody
/// answers, its explanation is the client's to hear.
pub(super) async fn carry_out(
    gateway: &Gateway,
    candidates: &[Candidate],
    request: &ChatRequest,
    course: &mut Course<'_>,
) -> Option<Received> {
    let mut forbidden = None;
    for candidate in candidates {
        course.move_to(candidate);
        match gateway.ask(&candidate.model, request, false, course).await {
            Ok(received) if received.head.status == StatusCode::FORBIDDEN => {
                course.note_failure(&received.model, &received.provider, received.as_failure(), received.elapsed);
                forbidden = Some(received);
            }
            Ok(received) => {
                course.note_answer(&received);
                return Some(received);
            }
            Err(_noted) => {}
        }
    }
    forbidden
}
