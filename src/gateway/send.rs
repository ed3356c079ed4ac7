//! `send(decision, request)`: has the decision's plan carried out. Builds the gateway from the configuration; each kind of plan has a
//! file of its own.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};

use super::answer::Answer;
use super::bedrock::Signer;
use super::connection::Clients;
use super::course::Course;
use super::error::{GatewayError, MissingKey, SendError};
use super::health::{self, HealthConfig};
use super::provider::Provider;
use super::received::Received;
use super::retry::RetryConfig;
use super::try_trace::Operation;
use super::upstream::{Account, Endpoint, ProviderGroup};
use super::{ProviderConfig, chain, escalate, metering, own_keys, race};
use crate::chat::ChatRequest;
use crate::routing::{Balance, Decision, Plan, Prices, Registry};

/// The configured providers and where each model lives.
pub struct Gateway {
    groups: Vec<ProviderGroup>,
    endpoints: Vec<Endpoint>,
    models: HashMap<String, Upstream>,
    health: Checks,
    retry: RetryConfig,
    comparison: Option<Box<Comparison>>,
}

/// Places of the providers that are asked for their health, and how.
type Checks = Vec<(usize, HealthConfig)>;

/// Which of several answers is nearest to the centre of all.
type Comparison = dyn Fn(&[&str]) -> Option<usize> + Send + Sync;

/// What a call needs to know of a model.
pub(super) struct Upstream {
    /// Places of its endpoints, its own provider's first, and their weights.
    pub(super) endpoints: Vec<(usize, f64)>,
    pub(super) balance: Balance,
    pub(super) hedge_after: Option<Duration>,
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
        let (groups, health) = build_groups(configs, read_key)?;
        let mut endpoints: Vec<Endpoint> = Vec::with_capacity(registry.models().len());
        let mut models = HashMap::with_capacity(registry.models().len());
        for (index, model) in registry.models().iter().enumerate() {
            let mut places = Vec::with_capacity(model.endpoints.len());
            for place in &model.endpoints {
                let group_index = groups
                    .iter()
                    .position(|group| group.name() == place.provider)
                    .ok_or_else(|| GatewayError::UnknownProvider { index, provider: place.provider.clone() })?;
                let is_this =
                    |known: &Endpoint| known.group == group_index && known.upstream_name == place.upstream_name;
                let at = endpoints.iter().position(is_this).unwrap_or_else(|| {
                    endpoints.push(Endpoint::new(group_index, &groups[group_index], place.upstream_name.clone()));
                    endpoints.len() - 1
                });
                places.push((at, place.weight));
            }
            let upstream = Upstream {
                endpoints: places,
                balance: model.balance,
                hedge_after: model.hedge_after,
                prices: model.prices,
                settings: model.settings.clone(),
            };
            models.insert(model.name.clone(), upstream);
        }
        let retry = RetryConfig { rounds: 0, ..RetryConfig::default() };
        Ok(Self { groups, endpoints, models, health, retry, comparison: None })
    }

    /// With rounds of retries. Without them a plan in which nobody answers is over.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryConfig) -> Self {
        self.retry = retry;
        self
    }

    /// Goes on with what another gateway knows of breakers, quotas and load, as after a change of the configuration.
    #[must_use]
    pub fn inheriting(mut self, before: &Self) -> Self {
        for group in &mut self.groups {
            if let Some(known) = before.groups.iter().find(|known| known.name() == group.name()) {
                group.inherit(known);
            }
        }
        for endpoint in &mut self.endpoints {
            let group = &self.groups[endpoint.group];
            let is_same = |known: &&Endpoint| {
                known.upstream_name == endpoint.upstream_name && before.groups[known.group].is_same_place(group)
            };
            *endpoint = match before.endpoints.iter().find(is_same) {
                Some(known) => Endpoint::inheriting(endpoint.group, group, known, &before.groups[known.group]),
                // Made once more: its keys' quotas are the inherited ones now.
                None => Endpoint::new(endpoint.group, group, endpoint.upstream_name.clone()),
            };
        }
        self
    }

    /// Asks those providers that have a `health` table whether they are well, for ever.
    pub async fn watch_health(&self) -> std::convert::Infallible {
        let watching = self.health.iter().map(|(group, config)| health::watch(self, *group, config));
        futures_util::future::join_all(watching).await;
        std::future::pending().await
    }

    /// With a way to tell which of several answers is nearest to the centre of all: its place among them, or `None` if it cannot tell.
    /// Races that pick the nearest take the first model's answer without one. It is called where answers are awaited, so it must be quick.
    #[must_use]
    pub fn with_comparison(mut self, compare: impl Fn(&[&str]) -> Option<usize> + Send + Sync + 'static) -> Self {
        self.comparison = Some(Box::new(compare));
        self
    }

    /// The endpoints, by names that tell nothing of them and are the same wherever the configuration is.
    pub(super) fn named_endpoints(&self) -> impl Iterator<Item = (String, &Endpoint)> {
        self.endpoints.iter().filter_map(|endpoint| {
            let group = self.groups.get(endpoint.group)?;
            let place = group.accounts.first()?.provider.base_url.as_str();
            let name = blake3::hash(format!("{}\n{place}\n{}", group.name(), endpoint.upstream_name).as_bytes());
            Some((name.to_hex()[..16].to_owned(), endpoint))
        })
    }

    /// Carries out a decision. Dropping the future, or the stream it returns, cancels the work of every provider that was asked.
    pub async fn send(&self, decision: &Decision, request: &ChatRequest) -> Result<Answer, SendError> {
        let started = Instant::now();
        let mut course = Course::new(decision, Operation::Chat);
        match timeout(self.deadline(), Box::pin(self.carry_out(decision, request, started, &mut course))).await {
            Ok(Some(received)) => return Ok(course.hand_on(received)),
            Ok(None) => {}
            Err(_elapsed) => course.run_out(started.elapsed()),
        }
        Err(course.fail())
    }

    /// How long a request as a whole may take until its answer begins.
    pub(super) fn deadline(&self) -> Duration {
        Duration::from_millis(self.retry.deadline_ms)
    }

    /// The plan, and then the plan again, as often as is worth it.
    async fn carry_out(
        &self,
        decision: &Decision,
        request: &ChatRequest,
        started: Instant,
        course: &mut Course<'_>,
    ) -> Option<Received> {
        let mut pauses = self.retry.pauses();
        loop {
            let earlier = course.tries();
            let answer = match &decision.plan {
                Plan::Chain(candidates) => chain::carry_out(self, candidates, request, course).await,
                Plan::Escalate { candidates, gate } => {
                    escalate::carry_out(self, candidates, gate, request, course).await
                }
                Plan::Race { candidates, at_once, pick, patience } => {
                    let rules = race::Terms { at_once: *at_once, pick, patience: *patience };
                    race::carry_out(self, candidates, rules, request, course).await
                }
            };
            if answer.is_some() {
                return answer;
            }
            let wait = self.retry.wait_after(course.tries_since(earlier), pauses.next()?)?;
            // Who would wait until the time is over learns now what went wrong.
            if started.elapsed() + wait >= Duration::from_millis(self.retry.deadline_ms) {
                return None;
            }
            metering::record_retry();
            sleep(wait).await;
            course.upstream_wait += wait;
        }
    }

    /// Providers that serve only those who have a key of their own there, where this caller has none.
    pub fn closed_to(&self, caller: Option<&str>) -> Vec<String> {
        let closed = self.groups.iter().filter(|group| group.is_closed_to(caller));
        closed.map(|group| group.name().to_owned()).collect()
    }

    /// What is known of a model.
    pub(super) fn upstream(&self, model: &str) -> Option<&Upstream> {
        self.models.get(model)
    }

    /// A model's endpoints and their weights.
    pub(super) fn endpoints_by_weight(&self, upstream: &Upstream) -> Vec<(&Endpoint, f64)> {
        upstream.endpoints.iter().map(|(at, weight)| (&self.endpoints[*at], *weight)).collect()
    }

    /// One endpoint by its place.
    pub(super) fn endpoint(&self, at: usize) -> Option<&Endpoint> {
        self.endpoints.get(at)
    }

    /// Every provider with its keys.
    pub(super) fn groups(&self) -> &[ProviderGroup] {
        &self.groups
    }

    /// The name of the provider that stands first for a model.
    pub(super) fn main_provider(&self, upstream: &Upstream) -> &str {
        upstream.endpoints.first().map_or("none", |(at, _)| self.groups[self.endpoints[*at].group].name())
    }

    /// A provider as one of its keys sees it.
    pub(super) fn any_account(&self, group: usize) -> Option<&Provider> {
        self.groups.get(group)?.accounts.first().map(|account| &account.provider)
    }

    /// All models of a provider.
    pub(super) fn endpoints_of(&self, group: usize) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(move |endpoint| endpoint.group == group)
    }

    /// Which of these answers is nearest to the centre of all.
    pub(super) fn compare(&self, texts: &[&str]) -> Option<usize> {
        self.comparison.as_ref().and_then(|compare| compare(texts))
    }
}

/// Each provider with its keys, and those that are asked for their health.
fn build_groups(
    configs: &[ProviderConfig],
    read_key: impl Fn(&str) -> Option<String>,
) -> Result<(Vec<ProviderGroup>, Checks), GatewayError> {
    let mut clients = Clients::default();
    let mut groups: Vec<ProviderGroup> = Vec::with_capacity(configs.len());
    let (mut health, mut missing) = (Vec::new(), Vec::new());
    for (index, config) in configs.iter().enumerate() {
        if groups.iter().any(|group| group.name() == config.name) {
            return Err(GatewayError::DuplicateName { index, name: config.name.clone() });
        }
        let mut keys = Vec::with_capacity(1);
        for variable in config.api_key_env.names() {
            // A key read from a file by a shell often ends with a line break that is not part of it.
            match read_key(variable).map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()) {
                Some(key) => keys.push(Some((variable.as_str(), SecretString::from(key)))),
                None => missing.push(MissingKey { provider: config.name.clone(), variable: variable.clone() }),
            }
        }
        if keys.is_empty() && !config.own_keys_only {
            keys.push(None);
        }
        // Requests that are signed bring no key, so this is of the one account.
        let mut signer = match config.own_keys_only {
            true => None,
            false => Signer::from_config(config, index, &read_key, &mut missing)?,
        };
        let mut accounts = Vec::with_capacity(keys.len() + config.own_keys.len());
        for key in keys {
            accounts.push(Account::new(Provider::from_config(config, index, key, signer.take(), &mut clients)?, None));
        }
        for own_keys::OwnKey { caller, key } in own_keys::read(config, index, &read_key)? {
            let provider = Provider::from_config(config, index, Some(("own_keys", key)), None, &mut clients)?;
            accounts.push(Account::new(provider, Some(caller)));
        }
        let max_in_flight = config.max_in_flight.map(NonZeroUsize::get);
        groups.push(ProviderGroup::new(accounts, config.breaker, config.quota, max_in_flight));
        if let Some(check) = &config.health {
            check.check().map_err(|problem| GatewayError::BadHealth { index, problem })?;
            health.push((index, check.clone()));
        }
    }
    if missing.is_empty() { Ok((groups, health)) } else { Err(GatewayError::MissingKeys(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_empty_is_as_missing_as_one_that_is_unset() {
        let provider = |name: &str, variable: &str| {
            let mut config = ProviderConfig::new(name, "http://127.0.0.1:1/v1");
            config.api_key_env = variable.into();
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
