//! Asks providers whether they are well, beside the requests that they get, and tells their breakers. Only where the configuration says so.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::provider::Provider;
use super::send::Gateway;

/// The `health` table of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// What is asked for below `base_url`.
    pub path: String,
    /// How often.
    pub every_seconds: u64,
    /// How long the answer may take to begin.
    pub timeout_ms: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { path: "models".into(), every_seconds: 30, timeout_ms: 5_000 }
    }
}

impl HealthConfig {
    /// What would make no sense, as `FIELD: what is wrong`.
    pub(super) fn check(&self) -> Result<(), String> {
        for (field, value) in [("every_seconds", self.every_seconds), ("timeout_ms", self.timeout_ms)] {
            if value == 0 {
                return Err(format!("{field}: 0 is no time; use 1 or more, or leave it out"));
            }
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let path = self.path.trim_start_matches('/');
        if path.is_empty() || path.contains("..") || !path.chars().all(is_plain) {
            return Err(format!("path: {:?} is not a path below base_url, such as models", self.path));
        }
        Ok(())
    }
}

/// Asks one provider for ever; does nothing where it has no `health` table.
pub(super) async fn watch(gateway: &Gateway, group: usize, config: &HealthConfig) {
    let mut ticks = interval(Duration::from_secs(config.every_seconds));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(provider) = gateway.any_account(group) else { return };
        let is_well = ask(provider, config).await;
        metrics::gauge!(super::metric::HEALTHY, "provider" => provider.name.clone()).set(f64::from(u8::from(is_well)));
        if !is_well {
            tracing::warn!(provider = provider.name, "a health check failed");
        }
        gateway.endpoints_of(group).for_each(|endpoint| endpoint.note_health(is_well));
    }
}

/// No key goes along: a provider that asks for one is well, as is one that does not know the path.
async fn ask(provider: &Provider, config: &HealthConfig) -> bool {
    let Ok(url) = provider.base_url.join(config.path.trim_start_matches('/')) else { return false };
    match timeout(Duration::from_millis(config.timeout_ms), provider.client.get(url).send()).await {
        Ok(Ok(response)) => !response.status().is_server_error(),
        _ => false,
    }
}
