//! The store's keys, in memory: no request waits for the store. Whether they have changed is looked at every second; while the store is
//! down, those that are known go on holding. Writes nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use subtle::ConstantTimeEq as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::issued_key::public_id;
use super::{Allowance, BudgetConfig, BudgetedCaller, CallerLimits, KnownCaller, Refusal, Scopes};
use crate::store::{ApiKeyRecord, Store, StoreError};

/// A key that was revoked stops within this and the time of two queries.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer to say whether anything has changed is as good as down.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// What is known of the store's keys.
pub struct StoredKeys {
    store: Store,
    known: RwLock<Arc<Known>>,
}

#[derive(Default)]
struct Known {
    /// Of the table that was read; `None`: none was yet.
    revision: Option<i64>,
    by_id: HashMap<String, StoredKey>,
}

struct StoredKey {
    hash: [u8; blake3::OUT_LEN],
    caller: KnownCaller,
    expires_unix_ms: Option<i64>,
    is_revoked: bool,
}

impl StoredKeys {
    /// The store's keys, none of them read yet.
    pub fn unread(store: Store) -> Self {
        Self { store, known: RwLock::default() }
    }

    /// Reads the keys if they have changed since they were read; returns whether they had.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        let revision = self.store.keys_revision().await?;
        if self.known().revision == Some(revision) {
            return Ok(false);
        }
        // What changes while the keys are read has a later revision, and is read with the next look.
        let by_id: HashMap<String, StoredKey> = self
            .store
            .keys()
            .await?
            .into_iter()
            .filter_map(|key| Some((key.id.clone(), StoredKey::of(key)?)))
            .collect();
        let known = Arc::new(Known { revision: Some(revision), by_id });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(true)
    }

    /// How many keys would be accepted now; `None` where none were read yet.
    pub fn usable(&self) -> Option<usize> {
        let known = self.known();
        let now = now_unix_ms();
        known.revision.map(|_| known.by_id.values().filter(|key| key.verdict(now).is_ok()).count())
    }

    /// Looks for changes every second, without end.
    pub(super) async fn keep_fresh(&self) -> Infallible {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_down = false;
        loop {
            looks.tick().await;
            let failure = match timeout(STORE_PATIENCE, self.refresh()).await {
                Ok(Ok(has_changed)) => {
                    if has_changed {
                        tracing::info!(usable = self.usable(), "keys were read from the store");
                    }
                    if std::mem::take(&mut is_down) {
                        tracing::info!("the store tells of keys again");
                    }
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_elapsed) => "it does not answer".to_owned(),
            };
            // One line when it begins.
            if !std::mem::replace(&mut is_down, true) {
                tracing::warn!(
                    "the store cannot tell whether keys have changed, those that are known go on holding: {failure}"
                );
            }
        }
    }

    /// Whose key this is. What has not the shape of such a key, a public id that nobody has and a wrong secret take the same way.
    pub(super) fn recognise(&self, presented: &[u8], hash: &blake3::Hash) -> Result<KnownCaller, Refusal> {
        let known = self.known();
        let key = public_id(presented).and_then(|id| known.by_id.get(id));
        let kept = key.map_or([0; blake3::OUT_LEN], |key| key.hash);
        let fits = bool::from(kept.ct_eq(hash.as_bytes()));
        match key.filter(|_| fits) {
            Some(key) => key.verdict(now_unix_ms()).map(|()| key.caller.clone()),
            None if known.revision.is_none() && public_id(presented).is_some() => Err(Refusal::KeysUnread),
            None => Err(Refusal::UnknownKey),
        }
    }

    /// Those that have a budget of their own and still hold.
    pub(super) fn budgeted(&self) -> Vec<BudgetedCaller> {
        let now_unix_ms = now_unix_ms();
        let holds = |key: &&StoredKey| key.verdict(now_unix_ms).is_ok();
        let budgeted = |key: &StoredKey| {
            let budget = key.caller.allowance.limits.budget;
            let (name, identity) = (key.caller.name.as_ref()?.to_string(), key.caller.identity.clone());
            budget.limits_anything().then_some(BudgetedCaller { name, identity, budget })
        };
        let mut all: Vec<_> = self.known().by_id.values().filter(holds).filter_map(budgeted).collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StoredKey {
    /// `None` for a row whose hash is none.
    fn of(key: ApiKeyRecord) -> Option<Self> {
        let hash = key.secret_hash.try_into().ok()?;
        let allowance = Allowance {
            scopes: Scopes { models: key.models, strategies: key.strategies, endpoints: key.endpoints },
            limits: CallerLimits {
                requests_per_minute: key.requests_per_minute,
                tokens_per_minute: key.tokens_per_minute,
                concurrent: key.concurrent,
                budget: BudgetConfig { day_usd: key.budget_day_usd, month_usd: key.budget_month_usd },
            },
            is_admin: key.is_admin,
        };
        let caller = KnownCaller { name: Some(key.name.into()), identity: key.id, allowance: Arc::new(allowance) };
        let is_revoked = key.revoked_unix_ms.is_some();
        Some(Self { hash, caller, expires_unix_ms: key.expires_unix_ms, is_revoked })
    }

    fn verdict(&self, now_unix_ms: i64) -> Result<(), Refusal> {
        match self.expires_unix_ms {
            _ if self.is_revoked => Err(Refusal::RevokedKey),
            Some(expires) if expires <= now_unix_ms => Err(Refusal::ExpiredKey),
            _ => Ok(()),
        }
    }
}

/// A clock before 1970 counts as the end of time: no key outlives its end for it.
fn now_unix_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(i64::MAX, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}
