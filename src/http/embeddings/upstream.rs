//! Embeddings of a configured model: decided, paid for and written down like any other request, and made by its provider.

use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use axum::response::Response;

use super::input::{EmbeddingsRequest, Input};
use crate::http::admission::Place;
use crate::http::chat_completions::AsItCame;
use crate::http::conversation::Client;
use crate::http::decision_log::LogEntry;
use crate::http::error::ApiError;
use crate::http::{AppState, answer_headers, budget, conversation, metrics, observation};
use crate::routing::{Caller, Model, ToEmbed};

/// Has the model's provider embed what is asked.
pub(super) async fn answer(
    state: &AppState,
    model: &str,
    request: EmbeddingsRequest,
    caller: &Caller,
    place: Place,
) -> Result<Response, ApiError> {
    if let Err(provider) = state.parts.gateway.gives_embeddings(model) {
        let why = format!(
            "model: the provider of {model}, {provider}, has no embeddings in OpenAI's shape; ask for a model of one that has, or for \
             semroute/builtin"
        );
        return Err(ApiError::invalid(why, Some("model")));
    }
    let started = Instant::now();
    let mut entry = LogEntry::open(state, started, caller, false);
    let input = match &request.input {
        Input::Texts(texts) => ToEmbed::Texts(texts),
        Input::Tokens(tokens) => ToEmbed::Tokens(*tokens),
    };
    let mut decision = match state.parts.router.decide_embeddings(model, input, caller).await {
        Ok(decision) => decision,
        Err(error) => {
            let answer = ApiError::from(&error);
            entry.undecided(error.to_string(), answer.status());
            return Err(answer);
        }
    };
    let tokens = |model: &Model| budget::tokens_to_embed(&request.input, model);
    let reservation = match budget::reserve(state, &place, &mut decision, tokens).await {
        Ok(reservation) => reservation,
        Err(error) => {
            let answer = ApiError::from(&error);
            entry.undecided(error.to_string(), answer.status());
            return Err(answer);
        }
    };
    let decision = Arc::new(decision);
    entry.note_decision(&decision, reservation);
    let mut headers = HeaderMap::with_capacity(8);
    answer_headers::write_decision(&mut headers, &decision);
    let sent = state.parts.gateway.embed(&decision, request.body).await;
    let (attempts, upstream_wait) = match &sent {
        Ok(answer) => (&answer.attempts, answer.upstream_wait),
        Err(error) => (&error.attempts, error.upstream_wait),
    };
    let attempts = attempts.iter().filter(|attempt| attempt.was_asked()).count();
    let overhead = started.elapsed().saturating_sub(upstream_wait);
    metrics::record_overhead(overhead);
    answer_headers::write_attempts(&mut headers, attempts);
    answer_headers::write_overhead(&mut headers, overhead);
    observation::note_sent(model, attempts);
    match sent {
        Ok(answer) => {
            entry.note_answer(&answer, overhead);
            Ok(conversation::respond(answer, headers, Client::of_whole(Box::new(AsItCame), entry, place)))
        }
        Err(error) => {
            let mut answer = ApiError::from(&error);
            entry.failed(&error, answer.status(), overhead);
            answer.headers_mut().extend(headers);
            Err(answer)
        }
    }
}
