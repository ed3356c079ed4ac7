//! The real gateway with plans made by hand, for what a plan asks of it.

use std::time::Duration;

use futures_util::StreamExt;
use semroute::chat::ChatRequest;
use semroute::config::Config;
use semroute::gateway::{Answer, AnswerBody, AnswerStream, Gateway, Outcome, PendingReceipt, SendError};
use semroute::routing::{AnswerGate, Candidate, Decision, Pick, Plan};
use serde_json::{Value, json};

use super::router::model_at;
use super::soon;

/// A gateway of models `(name, base URL, more of its [[models]] table)`. The first costs 1 USD a million tokens, the next 10, then 100.
pub fn gateway(models: &[(&str, &str, &str)]) -> Gateway {
    let model = |(at, (name, url, more)): (usize, &(&str, &str, &str))| {
        model_at(name, url, 10f64.powi(i32::try_from(at).unwrap()), "") + more + "\n"
    };
    gateway_of(&models.iter().enumerate().map(model).collect::<String>())
}

/// A gateway of this configuration.
pub fn gateway_of(toml: &str) -> Gateway {
    let config = Config::from_toml(toml, "test").unwrap();
    Gateway::build(&config.providers, &config.build_registry("test").unwrap(), |_| None).unwrap()
}

/// A decision to carry out this plan.
pub fn decision(plan: Plan) -> Decision {
    Decision {
        id: Decision::new_id(),
        signals: None,
        plan,
        strategy: None,
        reason: "a test".into(),
        session: None,
        caller: None,
        considered: Vec::new(),
        outside: Vec::new(),
    }
}

pub fn chain(models: &[&str]) -> Decision {
    decision(Plan::Chain(candidates(models)))
}

pub fn escalate(models: &[&str], gate: AnswerGate) -> Decision {
    decision(Plan::Escalate { candidates: candidates(models), gate })
}

pub fn race(models: &[&str], at_once: usize, pick: Pick) -> Decision {
    decision(Plan::Race { candidates: candidates(models), at_once, pick, patience: None })
}

/// The same, where answers are not waited for any longer than this once there is one.
pub fn impatient_race(models: &[&str], pick: Pick, patience: Duration) -> Decision {
    let (candidates, at_once) = (candidates(models), models.len());
    decision(Plan::Race { candidates, at_once, pick, patience: Some(patience) })
}

pub fn candidates(models: &[&str]) -> Vec<Candidate> {
    let candidate = |name: &&str| Candidate {
        model: (*name).to_owned(),
        provider: format!("{name}-provider"),
        predicted_quality: None,
        expected_cost_usd: None,
        reason: "a test".into(),
        by_prediction: false,
    };
    models.iter().map(candidate).collect()
}

/// A one-turn request with more fields.
pub fn request(more: Value) -> ChatRequest {
    let mut body = json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]});
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    ChatRequest::from_value(&body).unwrap()
}

/// What the gateway makes of a decision.
pub async fn send(gateway: &Gateway, decision: &Decision, more: Value) -> Result<Answer, SendError> {
    soon("the gateway answers", gateway.send(decision, &request(more))).await
}

/// What became of each try, in order.
pub fn labels(answer: &Answer) -> Vec<String> {
    let label = |outcome: &Outcome| match outcome {
        Outcome::Answered { status } => status.to_string(),
        Outcome::Failed(failure) => failure.label(),
    };
    answer.attempts.iter().map(|attempt| format!("{} {}", attempt.model, label(&attempt.outcome))).collect()
}

/// The text of a whole answer, and what it cost.
pub fn whole(answer: Answer) -> (String, Option<f64>) {
    match answer.body {
        AnswerBody::Whole { bytes, cost_usd, .. } => (String::from_utf8(bytes.to_vec()).unwrap(), cost_usd),
        AnswerBody::Stream { .. } => panic!("a stream"),
    }
}

/// The events of a stream.
pub fn stream(answer: Answer) -> (AnswerStream, PendingReceipt) {
    match answer.body {
        AnswerBody::Stream { events, receipt } => (events, receipt),
        AnswerBody::Whole { bytes, .. } => panic!("whole: {bytes:?}"),
    }
}

/// What comes next of a stream.
pub async fn next(events: &mut AnswerStream) -> String {
    let chunk = soon("a chunk arrives", events.next()).await.expect("the stream ended");
    String::from_utf8(chunk.to_vec()).unwrap()
}

/// The rest of a stream.
pub async fn rest(events: AnswerStream) -> String {
    let chunks: Vec<_> = soon("the stream ends", events.collect()).await;
    String::from_utf8(chunks.concat()).unwrap()
}

/// Two costs in USD are the same.
pub fn assert_cost(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?} is not {expected}");
}
