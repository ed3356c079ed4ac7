//! `send(decision, request)`: has the decision's plan carried out. Builds the gateway from the configuration; each kind of plan has a
//! file of its own.

use std::collections::HashMap;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::connection::Clients;
use super::course::Course;
use super::error::{GatewayError, MissingKey, SendError};
use super::provider::Provider;
use super::{ProviderConfig, chain, escalate, race};
use crate::chat::ChatRequest;
use crate::routing::{Decision, Plan, Prices, Registry};

/// The configured providers and where each model lives.
pub struct Gateway {
    providers: Vec<Provider>,
    models: HashMap<String, Upstream>,
    comparison: Option<Box<Comparison>>,
}

/// Which of several answers is nearest to the centre of all.
type Comparison = dyn Fn(&[&str]) -> Option<usize> + Send + Sync;

/// What a call needs to know of a model.
pub(super) struct Upstream {
    provider: usize,
    pub(super) upstream_name: String,
    pub(super) prices: Option<Prices>,
    /// Fields of the body that are set whenever it is asked.
    pub(super) settings: Map<String, Value>,
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
            let upstream = Upstream {
                provider,
                upstream_name: model.upstream_name.clone(),
                prices: model.prices,
                settings: model.settings.clone(),
            };
            models.insert(model.name.clone(), upstream);
        }
        if missing.is_empty() {
            Ok(Self { providers, models, comparison: None })
        } else {
            Err(GatewayError::MissingKeys(missing))
        }
    }

    /// With a way to tell which of several answers is nearest to the centre of all: its place among them, or `None` if it cannot tell.
    /// Races that pick the nearest take the first model's answer without one. It is called where answers are awaited, so it must be quick.
    #[must_use]
    pub fn with_comparison(mut self, compare: impl Fn(&[&str]) -> Option<usize> + Send + Sync + 'static) -> Self {
        self.comparison = Some(Box::new(compare));
        self
    }

    /// Carries out a decision. Dropping the future, or the stream it returns, cancels the work of every provider that was asked.
    pub async fn send(&self, decision: &Decision, request: &ChatRequest) -> Result<Answer, SendError> {
        let course = Course::new(&decision.id);
        match &decision.plan {
            Plan::Chain(candidates) => chain::carry_out(self, candidates, request, course).await,
            Plan::Escalate { candidates, gate } => escalate::carry_out(self, candidates, gate, request, course).await,
            Plan::Race { candidates, at_once, pick } => {
                race::carry_out(self, candidates, *at_once, pick, request, course).await
            }
        }
    }

    /// What is known of a model.
    pub(super) fn upstream(&self, model: &str) -> Option<&Upstream> {
        self.models.get(model)
    }

    /// Its provider.
    pub(super) fn provider(&self, upstream: &Upstream) -> &Provider {
        &self.providers[upstream.provider]
    }

    /// The name of its provider.
    pub(super) fn provider_name(&self, model: &str) -> Option<&str> {
        self.upstream(model).map(|upstream| self.provider(upstream).name.as_str())
    }

    /// Which of these answers is nearest to the centre of all.
    pub(super) fn compare(&self, texts: &[&str]) -> Option<usize> {
        self.comparison.as_ref().and_then(|compare| compare(texts))
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
