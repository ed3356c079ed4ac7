//! The calls of the scripts: what each is given and how its answer is read. Each is one round trip, and the script is sent along where Redis does
//! not have it.

use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{ErrorKind, RedisError, RedisResult, Script, ScriptInvocation};
use serde::Serialize;

use super::account_keys::AccountKeys;
use super::lease::{Settlement, SharedLease};
use crate::limits::terms::{Asked, Terms};

/// The scripts.
pub(super) struct Scripts {
    reserve: Script,
    settle: Script,
    tell: Script,
    renew: Script,
}

/// What `reserve.lua` answers.
pub(super) type Reply = [i64; 9];

/// What a replica knows of an account, and what it has spent that nobody else knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct News {
    #[serde(skip)]
    pub(super) identity: Option<String>,
    pub(super) day: i64,
    pub(super) day_known: i64,
    pub(super) day_more: i64,
    pub(super) month: i64,
    pub(super) month_known: i64,
    pub(super) month_more: i64,
}

/// Tells a batch from those before it, so that one that has to be sent again is not counted again.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    key: String,
    number: u64,
}

impl Batch {
    /// Before the first.
    pub(super) fn none(key: String) -> Self {
        Self { key, number: 0 }
    }

    /// The next one.
    pub(super) fn next(&self) -> Self {
        Self { key: self.key.clone(), number: self.number + 1 }
    }
}

#[derive(Serialize)]
struct ToReserve<'a> {
    lease: &'a str,
    lease_ms: u128,
    tokens: i64,
    nanos: i64,
    accounts: &'a [&'a Terms],
}

#[derive(Serialize)]
struct ToSettle<'a> {
    lease: &'a str,
    counts_tokens: bool,
    reserved_tokens: i64,
    reserved_nanos: i64,
    tokens: i64,
    nanos: i64,
    accounts: Vec<usize>,
}

/// The keys of several accounts, each pair once.
struct KeyList<'a> {
    keys: &'a AccountKeys,
    known: Vec<Option<&'a str>>,
}

impl<'a> KeyList<'a> {
    /// The place of an account, counted from 1 as Lua does.
    fn place(&mut self, identity: Option<&'a str>) -> usize {
        let at = self.known.iter().position(|known| *known == identity).unwrap_or_else(|| {
            self.known.push(identity);
            self.known.len() - 1
        });
        at + 1
    }

    fn add_to(&self, invocation: &mut ScriptInvocation<'_>) {
        for key in self.known.iter().flat_map(|identity| self.keys.of(*identity)) {
            invocation.key(key);
        }
    }
}

impl Scripts {
    pub(super) fn new() -> Self {
        let account = include_str!("account.lua");
        let script = |body: &str| Script::new(&format!("{account}\n{body}"));
        Self {
            reserve: script(include_str!("reserve.lua")),
            settle: script(include_str!("settle.lua")),
            tell: script(include_str!("tell.lua")),
            renew: script(include_str!("renew.lua")),
        }
    }

    pub(super) async fn reserve(
        &self,
        mut connection: ConnectionManager,
        keys: &AccountKeys,
        lease: &SharedLease,
        asked: &Asked,
        lasts: Duration,
    ) -> RedisResult<Reply> {
        let mut invocation = self.reserve.prepare_invoke();
        let both = [&asked.caller, &asked.everybody];
        let accounts = if asked.identity.is_some() { &both[..] } else { &both[1..] };
        let identities = asked.identity.as_deref().map(Some).into_iter().chain([None]);
        for key in identities.flat_map(|identity| keys.of(identity)) {
            invocation.key(key);
        }
        let (tokens, nanos) = (asked.tokens, asked.nanos);
        invocation.arg(json(&ToReserve { lease: lease.name(), lease_ms: lasts.as_millis(), tokens, nanos, accounts }));
        let reply: Vec<i64> = invocation.invoke_async(&mut connection).await?;
        Reply::try_from(reply).map_err(|_| RedisError::from((ErrorKind::UnexpectedReturnType, "not nine numbers")))
    }

    pub(super) async fn settle(
        &self,
        mut connection: ConnectionManager,
        keys: &AccountKeys,
        over: &[Settlement],
        batch: &Batch,
    ) -> RedisResult<()> {
        let mut list = KeyList { keys, known: Vec::new() };
        let mut settlements = Vec::with_capacity(over.len());
        for one in over {
            let callers = one.identity.as_deref().map(|identity| list.place(Some(identity)));
            let accounts = callers.into_iter().chain([list.place(None)]).collect();
            settlements.push(ToSettle {
                lease: &one.lease,
                counts_tokens: one.counts_tokens,
                reserved_tokens: one.reserved_tokens,
                reserved_nanos: one.reserved_nanos,
                tokens: one.tokens,
                nanos: one.nanos,
                accounts,
            });
        }
        let mut invocation = self.settle.prepare_invoke();
        list.add_to(&mut invocation);
        invocation.key(&batch.key).arg(json(&settlements)).arg(batch.number).invoke_async(&mut connection).await
    }

    pub(super) async fn tell(
        &self,
        mut connection: ConnectionManager,
        keys: &AccountKeys,
        news: &[News],
        batch: &Batch,
    ) -> RedisResult<()> {
        let mut invocation = self.tell.prepare_invoke();
        for key in news.iter().flat_map(|news| keys.of(news.identity.as_deref())) {
            invocation.key(key);
        }
        invocation.key(&batch.key).arg(json(&news)).arg(batch.number).invoke_async(&mut connection).await
    }

    pub(super) async fn renew(
        &self,
        mut connection: ConnectionManager,
        keys: &AccountKeys,
        live: &[(String, Option<String>)],
        lasts: Duration,
    ) -> RedisResult<()> {
        let mut invocation = self.renew.prepare_invoke();
        let mut list: Vec<String> = vec![keys.of(None)[1].clone()];
        invocation.arg(lasts.as_millis().to_string());
        for (lease, identity) in live {
            invocation.arg(1).arg(lease);
            if let Some(identity) = identity {
                let key = keys.of(Some(identity))[1].clone();
                let at = list.iter().position(|known| *known == key).unwrap_or_else(|| {
                    list.push(key);
                    list.len() - 1
                });
                invocation.arg(at + 1).arg(lease);
            }
        }
        for key in list {
            invocation.key(key);
        }
        invocation.invoke_async(&mut connection).await
    }
}

/// Numbers and names only, which always are JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
