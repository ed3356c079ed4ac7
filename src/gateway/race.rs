//! A race: several models asked at once. Either the first that begins is handed on and the others are cancelled, or all answers are
//! read and one is picked. Should every contestant fail, the rest of the plan follows one by one.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::answer::Answer;
use super::attempt::Failure;
use super::course::Course;
use super::error::SendError;
use super::held::Held;
use super::received::{Received, ReceivedBody};
use super::said::{Said, excerpt};
use super::send::Gateway;
use super::{chain, judge};
use crate::chat::ChatRequest;
use crate::routing::{Candidate, Pick};

/// What is compared of an answer, or shown to a judge: both of its ends.
const EXCERPT_CHARACTERS: usize = 4000;

/// A contestant that came to an end.
struct Ended {
    index: usize,
    result: Result<(Received, Option<Said>), Lost>,
    elapsed: Duration,
    waited: Duration,
}

/// A contestant that failed, and what it cost.
struct Lost {
    failure: Failure,
    cost_usd: Option<f64>,
}

/// Asks the first `at_once` of these together.
pub(super) async fn carry_out(
    gateway: &Gateway,
    candidates: &[Candidate],
    at_once: usize,
    pick: &Pick,
    request: &ChatRequest,
    mut course: Course<'_>,
) -> Result<Answer, SendError> {
    let (contestants, fallbacks) = candidates.split_at(at_once.min(candidates.len()));
    if contestants.len() < 2 {
        return chain::carry_out(gateway, candidates, request, course).await;
    }
    let started = Instant::now();
    let reads_all = *pick != Pick::First;
    let mut running: FuturesUnordered<_> = (contestants.iter().enumerate())
        .map(|(index, candidate)| contest(gateway, index, candidate, request, reads_all))
        .collect();
    let mut ended: Vec<Option<Ended>> = contestants.iter().map(|_| None).collect();
    let mut wait = Duration::ZERO;
    while let Some(one) = running.next().await {
        wait = wait.max(one.waited);
        let wins = !reads_all && is_answer(&one);
        let index = one.index;
        ended[index] = Some(one);
        if wins {
            break;
        }
    }
    // Whoever is still at work is cancelled here.
    drop(running);
    course.upstream_wait += wait;
    let (winner, verdict) = choose(gateway, &ended, pick, request, &mut course).await;
    let mut answer = None;
    for (index, (candidate, ended)) in contestants.iter().zip(ended).enumerate() {
        let Some(Ended { result, elapsed, .. }) = ended else {
            gateway.note_left(&candidate.model);
            course.add_unused(None);
            course.note_failure(candidate, Failure::LostRace, started.elapsed());
            continue;
        };
        match result {
            Ok((received, _)) if winner == Some(index) => {
                course.note_answer(candidate, &received, elapsed);
                answer = Some(received);
            }
            Ok((received, _)) => {
                let failure = if received.is_refusal() { received.as_failure() } else { Failure::LostRace };
                course.add_unused(received.discard(&failure));
                course.note_failure(candidate, failure, elapsed);
            }
            Err(Lost { failure, cost_usd }) => {
                course.add_unused(cost_usd);
                course.note_failure(candidate, failure, elapsed);
            }
        }
    }
    if let Some(verdict) = verdict {
        course.add_attempt(verdict);
    }
    match answer {
        Some(received) => Ok(course.hand_on(received)),
        None => chain::carry_out(gateway, fallbacks, request, course).await,
    }
}

/// Asks one contestant; where answers are compared, reads all of its answer.
async fn contest(
    gateway: &Gateway,
    index: usize,
    candidate: &Candidate,
    request: &ChatRequest,
    reads_all: bool,
) -> Ended {
    let (started, mut waited) = (Instant::now(), Duration::ZERO);
    let result = match gateway.ask(&candidate.model, request, false, &mut waited).await {
        Err(failure) => Err(Lost { failure, cost_usd: Some(0.0) }),
        Ok(received) if reads_all && !received.is_refusal() => {
            let reading = Instant::now();
            let read = read_all(received).await;
            waited += reading.elapsed();
            read
        }
        Ok(received) => Ok((received, None)),
    };
    Ended { index, result, elapsed: started.elapsed(), waited }
}

async fn read_all(mut received: Received) -> Result<(Received, Option<Said>), Lost> {
    let read = match &mut received.body {
        ReceivedBody::Whole { .. } => Ok(received.said()),
        ReceivedBody::Stream(stream) => {
            let limit_bytes = stream.limit_bytes;
            let mut held = Held::new(stream);
            loop {
                if held.is_full() {
                    break Err(Failure::TooLarge { limit_bytes });
                }
                match held.read_on(None).await {
                    Ok(true) => {}
                    Ok(false) => break Ok(Some(held.take_said())),
                    Err(failure) => break Err(failure),
                }
            }
        }
    };
    match read {
        Ok(said) => Ok((received, said)),
        Err(failure) => Err(Lost { cost_usd: received.discard(&failure), failure }),
    }
}

fn is_answer(ended: &Ended) -> bool {
    ended.result.as_ref().is_ok_and(|(received, _)| !received.is_refusal())
}

/// Whose answer counts, and the judge's try where one was asked. A refusal of the request counts only where nobody answered it.
async fn choose(
    gateway: &Gateway,
    ended: &[Option<Ended>],
    pick: &Pick,
    request: &ChatRequest,
    course: &mut Course<'_>,
) -> (Option<usize>, Option<super::Attempt>) {
    let of_those = |wanted: fn(&Ended) -> bool| {
        ended.iter().flatten().filter(|one| wanted(one)).map(|one| one.index).collect::<Vec<_>>()
    };
    let mut answered = of_those(is_answer);
    if answered.is_empty() {
        return (of_those(|one| one.result.is_ok()).first().copied(), None);
    }
    let said_by = |index: usize| ended[index].as_ref().and_then(|one| one.result.as_ref().ok()?.1.as_ref());
    // Nobody prefers an answer without a word to one with some.
    let text_of = |index: usize| excerpt(said_by(index).map_or("", Said::text), EXCERPT_CHARACTERS);
    if answered.iter().any(|index| !text_of(*index).is_empty()) {
        answered.retain(|index| !text_of(*index).is_empty());
    }
    if *pick == Pick::First || answered.len() < 2 {
        return (answered.first().copied(), None);
    }
    let texts: Vec<_> = answered.iter().map(|index| text_of(*index)).collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    let mut verdict = None;
    if let Pick::Judge(model) = pick {
        let (best, attempt) = judge::ask(gateway, model, request, &texts, course).await;
        verdict = Some(attempt);
        if let Some(best) = best {
            return (answered.get(best).copied(), verdict);
        }
    }
    let nearest = gateway.compare(&texts).and_then(|nearest| answered.get(nearest).copied());
    (nearest.or(answered.first().copied()), verdict)
}
