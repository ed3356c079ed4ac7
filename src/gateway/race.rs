//! A race: several models asked at once. Either the first that begins is handed on and the others are cancelled, or all answers are
//! read and one is picked. Should every contestant fail, the rest of the plan follows one by one.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::attempt::Failure;
use tokio::time::timeout;

use super::course::Course;
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
struct Ended<'a> {
    index: usize,
    /// `None`: it failed, which its course tells.
    result: Option<(Received, Option<Said>)>,
    course: Course<'a>,
}

/// How a race is run.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// So many are asked together.
    pub(super) at_once: usize,
    pub(super) pick: &'a Pick,
    /// How long answers that are compared are waited for, once there is one.
    pub(super) patience: Option<Duration>,
}

/// Asks the first of these together.
pub(super) async fn carry_out(
    gateway: &Gateway,
    candidates: &[Candidate],
    terms: Terms<'_>,
    request: &ChatRequest,
    course: &mut Course<'_>,
) -> Option<Received> {
    let Terms { at_once, pick, patience } = terms;
    let (contestants, fallbacks) = candidates.split_at(at_once.min(candidates.len()));
    if contestants.len() < 2 {
        return chain::carry_out(gateway, candidates, request, course).await;
    }
    let started = Instant::now();
    let reads_all = *pick != Pick::First;
    let mut running: FuturesUnordered<_> = (contestants.iter().enumerate())
        .map(|(index, candidate)| contest(gateway, index, candidate, request, reads_all, course.beside()))
        .collect();
    let mut ended: Vec<Option<Ended<'_>>> = contestants.iter().map(|_| None).collect();
    let mut wait = Duration::ZERO;
    let mut has_answer = false;
    loop {
        let left = patience.filter(|_| has_answer).map(|patience| patience.saturating_sub(started.elapsed()));
        let next = match left {
            None => running.next().await,
            Some(left) => timeout(left, running.next()).await.unwrap_or(None),
        };
        let Some(one) = next else { break };
        has_answer |= is_answer(&one);
        wait = wait.max(one.course.upstream_wait);
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
    let (winner, verdict) = choose(gateway, &ended, pick, request, course.beside()).await;
    let mut answer = None;
    for (index, (candidate, ended)) in contestants.iter().zip(ended).enumerate() {
        let Some(Ended { result, course: of_contestant, .. }) = ended else {
            gateway.note_left(&candidate.model);
            course.add_unused(None);
            course.note_failure(&candidate.model, &candidate.provider, Failure::LostRace, started.elapsed());
            continue;
        };
        course.absorb(of_contestant);
        match result {
            Some((received, _)) if winner == Some(index) => {
                course.note_answer(&received);
                answer = Some(received);
            }
            Some((received, _)) => {
                let failure = if received.is_refusal() { received.as_failure() } else { Failure::LostRace };
                course.note_failure(&received.model, &received.provider, failure.clone(), received.elapsed);
                course.add_unused(received.discard(&failure));
            }
            None => {}
        }
    }
    if let Some(verdict) = verdict {
        course.upstream_wait += verdict.upstream_wait;
        course.absorb(verdict);
    }
    match answer {
        Some(received) => Some(received),
        None => chain::carry_out(gateway, fallbacks, request, course).await,
    }
}

/// Asks one contestant; where answers are compared, reads all of its answer.
async fn contest<'a>(
    gateway: &Gateway,
    index: usize,
    candidate: &Candidate,
    request: &ChatRequest,
    reads_all: bool,
    mut course: Course<'a>,
) -> Ended<'a> {
    let result = match gateway.ask(&candidate.model, request, false, &mut course).await {
        Err(_noted) => None,
        Ok(received) if reads_all && !received.is_refusal() => read_all(received, &mut course).await,
        Ok(received) => Some((received, None)),
    };
    Ended { index, result, course }
}

async fn read_all(mut received: Received, course: &mut Course<'_>) -> Option<(Received, Option<Said>)> {
    let reading = Instant::now();
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
    course.upstream_wait += reading.elapsed();
    received.elapsed += reading.elapsed();
    match read {
        Ok(said) => Some((received, said)),
        Err(failure) => {
            course.note_failure(&received.model, &received.provider, failure.clone(), received.elapsed);
            course.add_unused(received.discard(&failure));
            None
        }
    }
}

fn is_answer(ended: &Ended<'_>) -> bool {
    ended.result.as_ref().is_some_and(|(received, _)| !received.is_refusal())
}

/// Whose answer counts, and the course of the judge where one was asked. A refusal of the request counts only where nobody answered it.
async fn choose<'a>(
    gateway: &Gateway,
    ended: &[Option<Ended<'_>>],
    pick: &Pick,
    request: &ChatRequest,
    mut of_judge: Course<'a>,
) -> (Option<usize>, Option<Course<'a>>) {
    let of_those = |wanted: fn(&Ended<'_>) -> bool| {
        ended.iter().flatten().filter(|one| wanted(one)).map(|one| one.index).collect::<Vec<_>>()
    };
    let mut answered = of_those(is_answer);
    if answered.is_empty() {
        return (of_those(|one| one.result.is_some()).first().copied(), None);
    }
    let said_by = |index: usize| ended[index].as_ref().and_then(|one| one.result.as_ref()?.1.as_ref());
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
        let best = judge::ask(gateway, model, request, &texts, &mut of_judge).await;
        verdict = Some(of_judge);
        if let Some(best) = best {
            return (answered.get(best).copied(), verdict);
        }
    }
    let nearest = gateway.compare(&texts).and_then(|nearest| answered.get(nearest).copied());
    (nearest.or(answered.first().copied()), verdict)
}
