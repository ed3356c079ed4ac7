//! Asks a provider for embeddings. One model is asked and no other in its place: vectors of two models mean two things; its endpoints and keys
//! serve the same model and take turns as ever. The request and its answer have OpenAI's shape and go through as they came, but for the
//! model's name and the fields that its settings fix.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::value::{RawValue, to_raw_value};
use tokio::time::timeout;
use tracing::Instrument;

use super::answer::Answer;
use super::ask::{MOST_TRIES, settle};
use super::attempt::Failure;
use super::course::Course;
use super::error::SendError;
use super::exchange::{Reply, exchange_embeddings};
use super::received::Received;
use super::send::Gateway;
use super::try_once::{Ended, Got};
use super::try_trace::{Operation, TryTrace};
use super::upstream::{Lane, Tried};
use crate::routing::Decision;

/// The fields of a request for embeddings, as they were written.
pub type EmbeddingsBody = BTreeMap<String, Box<RawValue>>;

impl Gateway {
    /// Whether the model's provider has embeddings in OpenAI's shape; otherwise its name.
    pub fn gives_embeddings(&self, model: &str) -> Result<(), &str> {
        let Some(upstream) = self.upstream(model) else { return Err("no configured provider") };
        let mut groups = upstream.endpoints.iter().filter_map(|(at, _)| self.any_account(self.endpoint(*at)?.group));
        match groups.find(|provider| provider.kind.dialect().embeddings().is_none()) {
            Some(without) => Err(&without.name),
            None => Ok(()),
        }
    }

    /// Asks the first model of the decision. Dropping the future cancels the provider's work.
    pub async fn embed(&self, decision: &Decision, body: EmbeddingsBody) -> Result<Answer, SendError> {
        let mut course = Course::new(decision, Operation::Embeddings);
        let Some(candidate) = decision.primary() else { return Err(course.fail()) };
        course.move_to(candidate);
        let started = Instant::now();
        match timeout(self.deadline(), self.ask_for_embeddings(&candidate.model, body, &mut course)).await {
            Ok(Some(received)) => {
                course.note_answer(&received);
                return Ok(course.hand_on(received));
            }
            Ok(None) => {}
            Err(_elapsed) => course.run_out(started.elapsed()),
        }
        Err(course.fail())
    }

    async fn ask_for_embeddings(
        &self,
        model: &str,
        mut body: EmbeddingsBody,
        course: &mut Course<'_>,
    ) -> Option<Received> {
        let Some(upstream) = self.upstream(model) else {
            course.note_failure(model, "none", Failure::NotConfigured, Duration::ZERO);
            return None;
        };
        for (field, value) in &upstream.settings {
            body.insert(field.clone(), to_raw_value(value).ok()?);
        }
        let mut tried = Tried::default();
        for _ in 0..MOST_TRIES {
            let (place, lane) = match self.pick(upstream, &tried, course.caller) {
                Ok(picked) => picked,
                Err(shut) => {
                    if course.tries() == 0 {
                        course.note_failure(model, self.main_provider(upstream), shut, Duration::ZERO);
                    }
                    return None;
                }
            };
            let (started, mut waited) = (Instant::now(), Duration::ZERO);
            let trace = TryTrace::begin(Operation::Embeddings, model, &lane);
            let reply = try_lane(&lane, &mut body, &mut waited).instrument(trace.span().clone()).await;
            let result = reply.map(|reply| Got::as_it_came(reply, upstream.prices));
            let ended = Ended { place, lane, result, trace, elapsed: started.elapsed(), waited };
            if let Ok(received) = settle(ended, model, course, &mut tried) {
                return Some(received);
            }
        }
        None
    }
}

async fn try_lane(lane: &Lane<'_>, body: &mut EmbeddingsBody, waited: &mut Duration) -> Result<Reply, Failure> {
    let unwritable = |error| Failure::Broken(format!("cannot write the request: {error}"));
    let write = lane.provider.kind.dialect().embeddings().ok_or(Failure::Unsupported("embeddings"))?;
    let model = lane.endpoint.upstream_name.as_str();
    body.insert("model".into(), to_raw_value(model).map_err(unwritable)?);
    let builder = write(lane.provider, model, serde_json::to_vec(body).map_err(unwritable)?)?;
    exchange_embeddings(lane, builder, waited).await
}
