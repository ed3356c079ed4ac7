//! One try's way to a provider: the endpoint and the key it goes by, and what must be given back or told when it is over.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::breaker::Passage;
use super::endpoint::{Endpoint, EndpointState};
use super::group::Account;
use super::quota::Quota;
use super::rate_headers::RateHeaders;
use crate::gateway::attempt::{Failure, TimeoutKind};
use crate::gateway::provider::Provider;

/// The way of one try.
pub(in crate::gateway) struct Lane<'a> {
    pub(in crate::gateway) endpoint: &'a Endpoint,
    pub(in crate::gateway) provider: &'a Provider,
    /// Place of the key among the provider's.
    pub(super) account: usize,
    pub(in crate::gateway) lease: Lease,
}

/// A place at an endpoint, given back when it is dropped. Lasts as long as the answer, streams included.
pub(in crate::gateway) struct Lease {
    state: Arc<EndpointState>,
    quota: Arc<Quota>,
    blocked: Arc<Quota>,
    passage: Passage,
    began: Instant,
    /// Whether breaker and load were told how the try went.
    is_told: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub(super) fn new(
        endpoint: &Endpoint,
        account: &Account,
        account_index: usize,
        passage: Passage,
        place: Option<OwnedSemaphorePermit>,
    ) -> Option<Self> {
        let state = Arc::clone(&endpoint.state);
        let quota = Arc::clone(state.quotas.get(account_index)?);
        state.load.begin();
        let (blocked, began) = (Arc::clone(&account.blocked), Instant::now());
        Some(Self { state, quota, blocked, passage, began, is_told: false, _place: place })
    }

    /// The head of an answer, whatever its status: what it says of quotas.
    pub(in crate::gateway) fn note_headers(&self, headers: &HeaderMap) {
        self.quota.read(&RateHeaders::read(headers), Instant::now());
    }

    /// A provider that is not well, and how long it asks to be left alone.
    pub(in crate::gateway) fn note_pause(&self, pause: Duration) {
        self.quota.rest(pause, Instant::now());
    }

    /// A rate limit, and how long the provider asks to wait.
    pub(in crate::gateway) fn note_rate_limit(&self, retry_after: Option<Duration>) {
        self.quota.strike(retry_after, Instant::now());
    }

    /// An answer came, or began to.
    pub(in crate::gateway) fn note_answer(&mut self, waited: Duration) {
        self.quota.clear_strikes();
        self.blocked.clear();
        let passage = self.take_passage();
        let now = Instant::now();
        self.state.breaker.note_success(passage, now);
        self.state.load.observe(waited, now);
        self.is_told = true;
    }

    /// None came, or it broke off. Returns whether the endpoint is left alone from now on.
    pub(in crate::gateway) fn note_failure(&mut self, failure: &Failure, waited: Option<Duration>) -> bool {
        let now = Instant::now();
        if matches!(failure, Failure::Status { status: 401 | 402, .. }) {
            self.blocked.strike(None, now);
        }
        if !is_the_endpoints(failure) {
            return false;
        }
        if let Some(waited) = waited {
            // Who fails quickly is not quick.
            self.state.load.observe_at_least(waited, now);
        }
        self.is_told = true;
        let passage = self.take_passage();
        self.state.breaker.note_failure(passage, now)
    }

    /// A probe decides once: a stream of it that breaks later is a failure like any other.
    fn take_passage(&mut self) -> Passage {
        std::mem::replace(&mut self.passage, Passage::Usual)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.state.load.end();
        if self.is_told {
            return;
        }
        // It was cancelled, as the slower of two is: an answer would have taken longer still.
        let now = Instant::now();
        self.state.load.observe_at_least(now.saturating_duration_since(self.began), now);
        if self.passage == Passage::Probe {
            self.state.breaker.give_up_probe(now);
        }
    }
}

/// Whether a failure says that the endpoint is not well. A rate limit, a refused key and a request that is not liked do not.
fn is_the_endpoints(failure: &Failure) -> bool {
    match failure {
        Failure::Connect(_)
        | Failure::Broken(_)
        | Failure::ErrorEvent
        | Failure::Unreadable
        | Failure::Timeout(
            TimeoutKind::Connect | TimeoutKind::FirstByte | TimeoutKind::BetweenChunks | TimeoutKind::Total,
        ) => true,
        Failure::Status { status, .. } => *status == 408 || *status >= 500,
        _ => false,
    }
}
