//! `send(decision, request)`: walks the chain until a model answers. The next one is tried only while nothing has reached the
//! client, and only where another model may do better.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::ProviderConfig;
use super::answer::{Answer, AnswerBody};
use super::attempt::{Attempt, Failure, Outcome};
use super::connection::Clients;
use super::error::{GatewayError, MissingKey, SendError};
use super::exchange::{Reply, exchange};
use super::metering::{self, StreamMeter};
use super::provider::Provider;
use super::relay::relay;
use crate::chat::ChatRequest;
use crate::routing::{Candidate, Decision, Prices, Registry};

/// The configured providers and where each model lives.
pub struct Gateway {
    providers: Vec<Provider>,
    models: HashMap<String, Upstream>,
}

/// What a call needs to know of a model.
struct Upstream {
    provider: usize,
    upstream_name: String,
    prices: Option<Prices>,
}

impl Gateway {
    /// Builds the gateway with keys from `read_key`, which is given the variable's name. All missing ones are named at once.
    pub fn build(
        configs: &[ProviderConfig],
        registry: &Registry,
        read_key: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, GatewayError> {
        let mut clients = Clients::default();
        let mut providers: Vec<Provider> = Vec::with_capacity(configs.len());
        let mut missing = Vec::new();
        for (index, config) in configs.iter().enumerate() {
            if providers.iter().any(|provider| provider.name == config.name) {
                return Err(GatewayError::DuplicateName { index, name: config.name.clone() });
            }
            let key = match &config.api_key_env {
                None => None,
                Some(variable) => {
                    // A key read from a file by a shell often ends with a line break that is not part of it.
                    let key = read_key(variable).map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
                    if key.is_none() {
                        missing.push(MissingKey { provider: config.name.clone(), variable: variable.clone() });
                    }
                    key.map(SecretString::from)
                }
            };
            providers.push(Provider::from_config(config, index, key, &mut clients)?);
        }
        let mut models = HashMap::with_capacity(registry.models().len());
        for (index, model) in registry.models().iter().enumerate() {
            let provider = providers
                .iter()
                .position(|provider| provider.name == model.provider)
                .ok_or_else(|| GatewayError::UnknownProvider { index, provider: model.provider.clone() })?;
            let upstream = Upstream { provider, upstream_name: model.upstream_name.clone(), prices: model.prices };
            models.insert(model.name.clone(), upstream);
        }
        if missing.is_empty() { Ok(Self { providers, models }) } else { Err(GatewayError::MissingKeys(missing)) }
    }

    /// Carries out a decision. Dropping the future, or the stream it returns, cancels the provider's work.
    pub async fn send(&self, decision: &Decision, request: &ChatRequest) -> Result<Answer, SendError> {
        let mut attempts: Vec<Attempt> = Vec::with_capacity(1);
        let mut upstream_wait = Duration::ZERO;
        for candidate in decision.plan.candidates() {
            if let Some(left) = attempts.last() {
                metering::record_fallback(&left.model, &candidate.model);
            }
            let started = Instant::now();
            let result = self.try_candidate(candidate, request, &mut upstream_wait).await;
            let outcome = match &result {
                Ok((_, reply)) => Outcome::Answered { status: reply.head().status.as_u16() },
                Err(failure) => Outcome::Failed(failure.clone()),
            };
            let attempt = Attempt {
                model: candidate.model.clone(),
                provider: candidate.provider.clone(),
                outcome,
                elapsed: started.elapsed(),
            };
            metering::record_attempt(&attempt);
            if attempt.outcome.failure().is_some() {
                tracing::warn!(decision = decision.id, %attempt, "a try failed");
            }
            attempts.push(attempt);
            if let Ok((upstream, reply)) = result {
                return Ok(self.answer(candidate, upstream, reply, attempts, upstream_wait));
            }
        }
        Err(SendError::from_attempts(attempts, upstream_wait))
    }

    async fn try_candidate(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        upstream_wait: &mut Duration,
    ) -> Result<(&Upstream, Reply), Failure> {
        let upstream = self.models.get(&candidate.model).ok_or(Failure::NotConfigured)?;
        let provider = &self.providers[upstream.provider];
        let reply = exchange(provider, &upstream.upstream_name, request, upstream_wait).await?;
        Ok((upstream, reply))
    }

    fn answer(
        &self,
        candidate: &Candidate,
        upstream: &Upstream,
        reply: Reply,
        attempts: Vec<Attempt>,
        upstream_wait: Duration,
    ) -> Answer {
        let provider = &self.providers[upstream.provider];
        let (head, body) = match reply {
            Reply::Whole { head, bytes, usage } => {
                let is_success = head.status.is_success();
                let record = || metering::record_usage(&candidate.model, &provider.name, usage, upstream.prices);
                let cost_usd = is_success.then(record).flatten();
                (head, AnswerBody::Whole { bytes, usage, cost_usd })
            }
            Reply::Stream { head, begun } => {
                let (meter, receipt) =
                    StreamMeter::new(candidate.model.clone(), provider.name.clone(), upstream.prices);
                (head, AnswerBody::Stream { events: relay(provider.kind, begun, meter), receipt })
            }
        };
        Answer {
            status: head.status,
            content_type: head.content_type,
            retry_after: head.retry_after,
            model: candidate.model.clone(),
            provider: provider.name.clone(),
            attempts,
            upstream_wait,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_empty_is_as_missing_as_one_that_is_unset() {
        let provider = |name: &str, variable: &str| {
            let mut config = ProviderConfig::new(name, "http://127.0.0.1:1/v1");
            config.api_key_env = Some(variable.into());
            config
        };
        let providers = [provider("a", "UNSET"), provider("b", "EMPTY"), provider("c", "BLANK"), provider("d", "SET")];
        let read_key = |variable: &str| match variable {
            "EMPTY" => Some(String::new()),
            "BLANK" => Some(" \n".into()),
            "SET" => Some("sk-secret\n".into()),
            _ => None,
        };
        let Err(error) = Gateway::build(&providers, &Registry::default(), read_key) else {
            unreachable!("three keys are missing")
        };
        let expected = "missing environment variables: UNSET (the key of provider \"a\"), EMPTY (the key of provider \"b\"), \
                        BLANK (the key of provider \"c\"); set each to its key before semroute starts";
        assert_eq!(error.to_string(), expected);
    }
}
