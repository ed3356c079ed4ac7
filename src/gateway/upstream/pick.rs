//! Picks the endpoint and the key for one try of a model: none whose breaker is open, whose quota is used up or whose places are taken.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::balance::{self, Contender};
use super::endpoint::Endpoint;
use super::group::ProviderGroup;
use super::lane::{Lane, Lease};
use crate::gateway::attempt::{Failure, Shut};
use crate::routing::Balance;

/// Nobody knows when a place is free again; it is worth another look after this.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What was tried already for one model of one request.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct Tried {
    endpoints: Vec<usize>,
    keys: Vec<(usize, usize)>,
}

impl Tried {
    /// The endpoint failed, whatever the key.
    pub(in crate::gateway) fn endpoint(&mut self, place: usize) {
        self.endpoints.push(place);
    }

    /// The key was not good enough there.
    pub(in crate::gateway) fn key(&mut self, place: usize, lane: &Lane<'_>) {
        self.keys.push((place, lane.account));
    }
}

/// An endpoint that could be asked now.
struct Open<'a> {
    place: usize,
    endpoint: &'a Endpoint,
    weight: f64,
    group: &'a ProviderGroup,
    account: usize,
}

/// Picks among a model's endpoints, given by their weights, and among those keys that `caller`'s requests may go by. The number is the place of the endpoint picked.
pub(in crate::gateway) fn pick<'a>(
    endpoints: &[(&'a Endpoint, f64)],
    groups: &'a [ProviderGroup],
    balance: Balance,
    tried: &Tried,
    caller: Option<&str>,
) -> Result<(usize, Lane<'a>), Failure> {
    let now = Instant::now();
    let mut shut: Option<(Shut, Option<Instant>)> = None;
    let mut lacks_own_key = false;
    let mut open: Vec<Open<'a>> = Vec::with_capacity(endpoints.len());
    for (place, (endpoint, weight)) in endpoints.iter().enumerate() {
        let Some(group) = groups.get(endpoint.group) else { continue };
        if tried.endpoints.contains(&place) {
            continue;
        }
        if let Some(until) = endpoint.state.breaker.shut_until(now) {
            note(&mut shut, Shut::Breaker, Some(until));
            continue;
        }
        if group.is_closed_to(caller) {
            lacks_own_key = true;
            continue;
        }
        match free_key(place, endpoint, group, tried, group.owner_for(caller), now) {
            Ok(account) => open.push(Open { place, endpoint, weight: *weight, group, account }),
            Err(Some((until, why))) => note(&mut shut, why, Some(until)),
            Err(None) => {}
        }
    }
    while !open.is_empty() {
        let contenders: Vec<Contender<'_>> =
            open.iter().map(|open| Contender { load: &open.endpoint.state.load, weight: open.weight }).collect();
        let Some(chosen) = balance::choose(balance, &contenders, now) else { break };
        let Open { place, endpoint, group, account, .. } = open.swap_remove(chosen);
        let Ok(permit) = take_place(group) else {
            note(&mut shut, Shut::Places, Some(now + A_MOMENT));
            continue;
        };
        let Some(passage) = endpoint.state.breaker.pass(now) else {
            // Another request took the probe in between.
            note(&mut shut, Shut::Breaker, endpoint.state.breaker.shut_until(now));
            continue;
        };
        let (index, account) = (account, &group.accounts[account]);
        let Some(lease) = Lease::new(endpoint, account, index, passage, permit) else { continue };
        group.end_turn();
        return Ok((place, Lane { endpoint, provider: &account.provider, account: index, lease }));
    }
    let (why, until) = shut.unwrap_or((if lacks_own_key { Shut::NoOwnKey } else { Shut::Tried }, None));
    Err(Failure::Shut { why, wait: until.map(|until| until.saturating_duration_since(now)) })
}

/// What opens the soonest says why nobody is asked.
fn note(shut: &mut Option<(Shut, Option<Instant>)>, why: Shut, until: Option<Instant>) {
    let sooner = match (*shut, until) {
        (Some((_, Some(known))), Some(until)) => until < known,
        (Some((_, None)), _) => false,
        _ => true,
    };
    if sooner {
        *shut = Some((why, until));
    }
}

/// The key with the most left, those with as much in turns. A key that was refused comes last: it may be good again. The error is until
/// when the soonest has to wait, if one has.
fn free_key(
    place: usize,
    endpoint: &Endpoint,
    group: &ProviderGroup,
    tried: &Tried,
    owner: Option<&str>,
    now: Instant,
) -> Result<usize, Option<(Instant, Shut)>> {
    let keys = group.accounts.len();
    let turn = group.turn();
    let mut best: Option<(usize, (bool, f64))> = None;
    let mut soonest: Option<(Instant, Shut)> = None;
    for index in (0..keys).map(|step| (turn + step) % keys) {
        if !group.is_of(index, owner) || tried.keys.contains(&(place, index)) {
            continue;
        }
        let Some(quota) = endpoint.state.quotas.get(index) else { continue };
        if let Some(until) = quota.shut_until(now) {
            if soonest.is_none_or(|(known, _)| until < known) {
                soonest = Some((until, quota.why_shut()));
            }
            continue;
        }
        let is_accepted = group.accounts[index].blocked.shut_until(now).is_none();
        // Keys that are nearly as full as each other take turns.
        let fullness = (quota.left_share() * 10.0).floor();
        if best.is_none_or(|(_, known)| (is_accepted, fullness) > known) {
            best = Some((index, (is_accepted, fullness)));
        }
    }
    best.map(|(index, _)| index).ok_or(soonest)
}

/// A place among the provider's requests under way; an error where all are taken.
fn take_place(group: &ProviderGroup) -> Result<Option<OwnedSemaphorePermit>, ()> {
    match &group.places {
        None => Ok(None),
        Some(places) => Arc::clone(places).try_acquire_owned().map(Some).map_err(|_taken| ()),
    }
}
