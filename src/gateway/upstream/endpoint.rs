//! One model at one provider, as all requests for it see it: its breaker, its load, and its quota by each key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{Breaker, Passage};
use super::group::{ProviderGroup, QuotaScope};
use super::load::Load;
use super::quota::Quota;

/// Whatever another replica says, this one looks for itself after an hour.
const LONGEST_TOLD_PAUSE: Duration = Duration::from_secs(3600);

/// A model at a provider. Models of the registry that are the same model of the same provider share it.
#[derive(Clone)]
pub(in crate::gateway) struct Endpoint {
    /// Place of its provider.
    pub(in crate::gateway) group: usize,
    /// What the provider calls the model.
    pub(in crate::gateway) upstream_name: String,
    pub(super) state: Arc<EndpointState>,
}

/// What changes with every request.
pub(super) struct EndpointState {
    pub(super) breaker: Arc<Breaker>,
    pub(super) load: Arc<Load>,
    /// By key, in the order of the provider's.
    pub(super) quotas: Vec<Arc<Quota>>,
    refuses_usage: AtomicBool,
}

impl Endpoint {
    pub(in crate::gateway) fn new(group_index: usize, group: &ProviderGroup, upstream_name: String) -> Self {
        let quota_of = |account: &super::Account| match group.quota {
            QuotaScope::Key => Arc::clone(&account.quota),
            QuotaScope::Model => Arc::default(),
        };
        let state = EndpointState {
            breaker: Arc::new(Breaker::new(group.breaker)),
            load: Arc::default(),
            quotas: group.accounts.iter().map(quota_of).collect(),
            refuses_usage: AtomicBool::new(false),
        };
        Self { group: group_index, upstream_name, state: Arc::new(state) }
    }

    /// The same endpoint with what was known of it before the configuration was read anew: its load, its breaker where the rules for it are the
    /// same, and the quota of each key that there was.
    #[must_use]
    pub(in crate::gateway) fn inheriting(
        group_index: usize,
        group: &ProviderGroup,
        before: &Self,
        group_before: &ProviderGroup,
    ) -> Self {
        let fresh = Self::new(group_index, group, before.upstream_name.clone());
        let known_quota = |account: &super::Account| {
            let at = group_before.accounts.iter().position(|known| known.provider.is_same(&account.provider))?;
            before.state.quotas.get(at).map(Arc::clone).filter(|_| group.quota == group_before.quota)
        };
        let quotas = group.accounts.iter().zip(&fresh.state.quotas);
        let state = EndpointState {
            breaker: Arc::clone(if group.breaker == group_before.breaker {
                &before.state.breaker
            } else {
                &fresh.state.breaker
            }),
            load: Arc::clone(&before.state.load),
            quotas: quotas.map(|(account, fresh)| known_quota(account).unwrap_or_else(|| Arc::clone(fresh))).collect(),
            refuses_usage: AtomicBool::new(before.refuses_usage()),
        };
        Self { state: Arc::new(state), ..fresh }
    }

    /// Whether it refuses requests that ask for the token counts of a stream.
    pub(in crate::gateway) fn refuses_usage(&self) -> bool {
        self.state.refuses_usage.load(Ordering::Relaxed)
    }

    /// It does.
    pub(in crate::gateway) fn note_usage_refused(&self) {
        self.state.refuses_usage.store(true, Ordering::Relaxed);
    }

    /// What of it is left alone, and how much longer: 0 is the whole of it, the others are its keys, counted from 1.
    pub(in crate::gateway) fn resting(&self, now: Instant) -> Vec<(usize, Duration)> {
        let quotas = self.state.quotas.iter().map(|quota| quota.shut_until(now));
        let ends = std::iter::once(self.state.breaker.open_until(now)).chain(quotas).enumerate();
        ends.filter_map(|(part, until)| Some((part, until?.saturating_duration_since(now)))).collect()
    }

    /// Another replica found that a part of it is to be left alone.
    pub(in crate::gateway) fn rest(&self, part: usize, pause: Duration, now: Instant) {
        match part.checked_sub(1) {
            None => self.state.breaker.open_as_told(now + pause.min(LONGEST_TOLD_PAUSE)),
            Some(key) => {
                if let Some(quota) = self.state.quotas.get(key) {
                    quota.wait_as_told(pause, now);
                }
            }
        }
    }

    /// A health check found it well, or not.
    pub(in crate::gateway) fn note_health(&self, is_well: bool) {
        let (breaker, now) = (&self.state.breaker, Instant::now());
        if is_well {
            breaker.note_success(Passage::Check, now);
        } else if breaker.note_failure(Passage::Check, now) {
            tracing::warn!(model = self.upstream_name, "a health check opened its breaker");
        }
    }
}
