//! Opens the ledger that requests are counted in, with what the log knows was spent before. Where the log cannot be reached yet, that is counted
//! once it can be.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::sleep;

use super::UsageError;
use crate::config::Config;
use crate::limits::budget::periods_began;
use crate::limits::{Ledger, SharedBook, SpentBefore};
use crate::store::{Store, StoreError};

/// Callers whose spending is read: those that spent the most.
const MOST_CALLERS_READ: u32 = 100_000;
/// While the store comes and goes.
const SPENDING_IS_ASKED_EVERY: Duration = Duration::from_secs(5);

/// The ledger of a server that starts now.
pub(super) async fn open(config: &Config, origin: &str, store: Option<&Store>) -> anyhow::Result<Ledger> {
    let start = OffsetDateTime::now_utc();
    let spent = match store {
        Some(store) if store.is_ready() => spent_before(store, start).await?,
        _ => SpentBefore::default(),
    };
    let ledger = match &config.shared {
        None => Ledger::new(config.budget, spent),
        Some(shared) => {
            let shared = SharedBook::open(shared, |variable| std::env::var(variable).ok())
                .map_err(|error| UsageError(format!("{origin}: {error}")))?;
            let ledger = Ledger::shared(config.budget, spent, shared.clone());
            shared.connect().await;
            ledger
        }
    };
    if let Some(store) = store.filter(|store| !store.is_ready()) {
        tracing::warn!("what was spent before is not known until the store comes; until then budgets count from zero");
        tokio::spawn(count_when_ready(ledger.clone(), store.clone(), start));
    }
    Ok(ledger)
}

async fn count_when_ready(ledger: Ledger, store: Store, start: OffsetDateTime) {
    let spent = loop {
        store.ready().await;
        match spent_before(&store, start).await {
            Ok(spent) => break spent,
            Err(error) => tracing::warn!(%error, "what was spent before is still not known"),
        }
        sleep(SPENDING_IS_ASKED_EVERY).await;
    };
    tracing::info!(
        of_day = spent.day_usd,
        of_month = spent.month_usd,
        "what was spent before counts in the budgets from now on"
    );
    ledger.count_earlier(start, spent);
}

/// What was spent in the day and in the month before the server started, by all and by each caller.
async fn spent_before(store: &Store, start: OffsetDateTime) -> Result<SpentBefore, StoreError> {
    let (day, month) = periods_began(start);
    let milliseconds =
        |time: OffsetDateTime| i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    let (day, month, until) = (milliseconds(day), milliseconds(month), milliseconds(start));
    let (day_usd, month_usd, by_day, by_month) = tokio::try_join!(
        store.spent_between(day, until),
        store.spent_between(month, until),
        store.spent_by_caller(day, until, MOST_CALLERS_READ),
        store.spent_by_caller(month, until, MOST_CALLERS_READ)
    )?;
    let mut by_caller: HashMap<String, (f64, f64)> =
        by_month.into_iter().map(|(caller, spent_usd)| (caller, (0.0, spent_usd))).collect();
    for (caller, spent_usd) in by_day {
        by_caller.entry(caller).or_default().0 = spent_usd;
    }
    Ok(SpentBefore { day_usd, month_usd, by_caller })
}
