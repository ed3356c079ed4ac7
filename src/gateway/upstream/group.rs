//! One configured provider: an address, the keys it is asked with, and how many requests it may have under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use tokio::sync::Semaphore;

use super::breaker::BreakerConfig;
use super::quota::Quota;
use crate::gateway::provider::Provider;

/// What a provider's rate limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuotaScope {
    /// One model by one key, as most hosted providers count.
    #[default]
    Model,
    /// All models by one key.
    Key,
}

/// A provider with its keys.
pub(in crate::gateway) struct ProviderGroup {
    /// One for each key, callers' own included; one for a provider that asks for none.
    pub(in crate::gateway) accounts: Vec<Account>,
    pub(in crate::gateway) breaker: BreakerConfig,
    pub(super) quota: QuotaScope,
    /// `None` where requests under way are not bounded.
    pub(super) places: Option<Arc<Semaphore>>,
    max_in_flight: Option<usize>,
    turn: AtomicUsize,
}

/// The provider as one key sees it.
pub(in crate::gateway) struct Account {
    pub(in crate::gateway) provider: Provider,
    /// The caller whose own key it is; `None`: the gateway's, for everybody who has none.
    owner: Option<String>,
    /// Its key was refused, or has nothing left to pay with.
    pub(super) blocked: Arc<Quota>,
    /// What all of its models share, where the provider counts so.
    pub(super) quota: Arc<Quota>,
}

impl Account {
    pub(in crate::gateway) fn new(provider: Provider, owner: Option<String>) -> Self {
        Self { provider, owner, blocked: Arc::default(), quota: Arc::default() }
    }
}

impl ProviderGroup {
    pub(in crate::gateway) fn new(
        accounts: Vec<Account>,
        breaker: BreakerConfig,
        quota: QuotaScope,
        max_in_flight: Option<usize>,
    ) -> Self {
        let places = max_in_flight.map(|places| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))));
        Self { accounts, breaker, quota, places, max_in_flight, turn: AtomicUsize::new(0) }
    }

    /// The provider's name.
    pub(in crate::gateway) fn name(&self) -> &str {
        self.accounts.first().map_or("none", |account| &account.provider.name)
    }

    /// Whose account a caller's requests go by: the caller, where it has a key of its own, or else nobody in particular. A key of one's own is
    /// not an addition: who has used it up does not go on with the gateway's.
    pub(super) fn owner_for<'a>(&self, caller: Option<&'a str>) -> Option<&'a str> {
        caller.filter(|caller| self.accounts.iter().any(|account| account.owner.as_deref() == Some(caller)))
    }

    /// Whether requests that go by this owner's account may go by this one.
    pub(super) fn is_of(&self, account: usize, owner: Option<&str>) -> bool {
        self.accounts.get(account).is_some_and(|account| account.owner.as_deref() == owner)
    }

    /// Whether there is no key by which this caller's requests could go.
    pub(in crate::gateway) fn is_closed_to(&self, caller: Option<&str>) -> bool {
        let owner = self.owner_for(caller);
        !self.accounts.iter().any(|account| account.owner.as_deref() == owner)
    }

    /// Whose turn it is among the keys.
    pub(super) fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    /// It is the next key's.
    pub(super) fn end_turn(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether both are the same place, whatever the keys.
    pub(in crate::gateway) fn is_same_place(&self, other: &Self) -> bool {
        let first = |group: &Self| {
            group.accounts.first().map(|account| (account.provider.kind, account.provider.base_url.clone()))
        };
        self.name() == other.name() && first(self) == first(other)
    }

    /// What is known of the other's keys and requests is known of these, where both are the same.
    pub(in crate::gateway) fn inherit(&mut self, before: &Self) {
        for account in &mut self.accounts {
            if let Some(known) = before.accounts.iter().find(|known| known.provider.is_same(&account.provider)) {
                account.blocked = Arc::clone(&known.blocked);
                account.quota = Arc::clone(&known.quota);
            }
        }
        if self.max_in_flight == before.max_in_flight {
            self.places.clone_from(&before.places);
        }
    }
}
