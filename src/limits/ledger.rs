//! The one place that reserves before anything is sent: for the caller and for everybody, all or nothing, here or with the other replicas. What
//! was reserved is settled, or given back, when its `Reservation` is dropped, whatever became of the request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::counter;
use time::OffsetDateTime;

use super::account::{Account, Period};
use super::book::{Book, CALLERS_BUDGETS, Levels, SpentBefore, Verdict};
use super::budget::{nanos, now_ms, seconds_left, usd};
use super::rates::{Bucket, RateStanding};
use super::shared::{OnFailure, SharedBook, SharedLease};
use super::terms::{Asked, Terms};
use super::{BudgetConfig, CallerLimits, LimitError};

/// Requests that were not let through, by the reason.
pub const REFUSALS: &str = "semroute_limit_refusals_total";
/// Requests that were counted by this replica alone because what is shared could not be reached.
pub const COUNTED_ALONE: &str = "semroute_shared_state_missed_total";

/// What all requests are counted in. Clones share it.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    everybody: Mutex<BudgetConfig>,
    book: Arc<Mutex<Book>>,
    shared: Option<SharedBook>,
}

/// What a request asks.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who asks, and the limits that hold for it; `None` is a stranger, for whom only everybody's hold.
    pub caller: Option<(&'a str, &'a CallerLimits)>,
    /// The model that is asked first, which an unknown price is told of.
    pub model: &'a str,
    /// What prompt and answer are expected to take.
    pub tokens: u64,
    /// What the request is expected to cost; `None`: nobody knows.
    pub usd: Option<f64>,
}

/// How a caller stands with the limits that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Requests a minute.
    pub requests: Option<RateStanding>,
    /// Tokens a minute.
    pub tokens: Option<RateStanding>,
}

/// A caller that has a budget of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetedCaller {
    /// What it is called.
    pub name: String,
    /// What its account goes by.
    pub identity: String,
    /// What it may spend.
    pub budget: BudgetConfig,
}

/// How a budget stands.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetStanding {
    /// Whose it is; `None` is everybody's.
    pub caller: Option<String>,
    /// `day` or `month`.
    pub period: &'static str,
    /// The limit.
    pub limit_usd: f64,
    /// What requests that are over cost.
    pub spent_usd: f64,
    /// What requests under way are expected to cost.
    pub reserved_usd: f64,
    /// Until the next period begins.
    pub seconds_left: u64,
}

/// Why a request was not let through, and how its caller stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Why.
    pub error: LimitError,
    /// How the caller stands.
    pub standing: Standing,
}

/// What one request may take. Dropped, it gives back the reservation and keeps what was settled: nothing, if nothing was.
pub struct Reservation {
    ledger: Ledger,
    asked: Asked,
    expected_usd: Option<f64>,
    standing: Standing,
    tokens: i64,
    nanos: i64,
    /// `None`: it is counted here.
    shared: Option<SharedLease>,
}

impl Ledger {
    /// A ledger of which this much was spent before.
    pub fn new(everybody: BudgetConfig, spent: SpentBefore) -> Self {
        let book = Arc::new(Mutex::new(Book::new(spent, now_ms())));
        Self(Arc::new(Inner { everybody: Mutex::new(everybody), book, shared: None }))
    }

    /// One that other replicas count in, too.
    pub fn shared(everybody: BudgetConfig, spent: SpentBefore, shared: SharedBook) -> Self {
        let book = Arc::new(Mutex::new(Book::new(spent, now_ms())));
        shared.keep_in_step(&book);
        Self(Arc::new(Inner { everybody: Mutex::new(everybody), book, shared: Some(shared) }))
    }

    /// Counts what turns out late to have been spent before, in the day and the month that had begun by `then`.
    pub fn count_earlier(&self, then: OffsetDateTime, spent: SpentBefore) {
        let then_ms = i64::try_from(then.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        self.book().count_earlier(then_ms, spent, self.0.shared.is_some());
    }

    /// How each budget stands that is set: everybody's first, which has no name, and then those of the callers that are named here.
    pub fn budgets(&self, callers: &[BudgetedCaller]) -> Vec<BudgetStanding> {
        let now_ms = now_ms();
        let everybody = self.everybody();
        let mut book = self.book();
        let Book { everybody: account, callers: accounts } = &mut *book;
        account.turn_periods(now_ms);
        let mut standings = standings(None, &everybody, account, now_ms);
        for BudgetedCaller { name, identity, budget } in callers {
            let account = accounts.entry(identity.clone()).or_default();
            account.turn_periods(now_ms);
            standings.extend(self::standings(Some(name), budget, account, now_ms));
        }
        standings
    }

    /// What is shared with other replicas, if there are any.
    pub fn shared_book(&self) -> Option<&SharedBook> {
        self.0.shared.as_ref()
    }

    /// Another budget of everybody's from now on; what was spent and reserved stays.
    pub fn limit(&self, everybody: BudgetConfig) {
        *self.0.everybody.lock().unwrap_or_else(PoisonError::into_inner) = everybody;
    }

    /// Whether a request of this caller needs a price.
    pub fn is_budgeted(&self, limits: Option<&CallerLimits>) -> bool {
        self.everybody().limits_anything() || limits.is_some_and(|limits| limits.budget.limits_anything())
    }

    /// Reserves all that a request is expected to take, or nothing. Waits for the other replicas' counters for a bounded time only.
    pub async fn reserve(&self, ask: Ask<'_>) -> Result<Reservation, Refused> {
        let limits = ask.caller.map(|(_, limits)| limits);
        if ask.usd.is_none() && self.is_budgeted(limits) {
            let error = LimitError::PriceUnknown { model: ask.model.to_owned() };
            return Err(Refused { error, standing: Standing::default() });
        }
        let asked = Asked {
            identity: ask.caller.map(|(identity, _)| identity.to_owned()),
            caller: limits.map(Terms::from).unwrap_or_default(),
            everybody: Terms::from(&self.everybody()),
            tokens: i64::try_from(ask.tokens).unwrap_or(i64::MAX).min(1_000_000_000_000),
            nanos: ask.usd.map_or(0, nanos),
        };
        let (verdict, shared) = match &self.0.shared {
            // What nothing bounds waits for nobody; the others are told of its cost later.
            Some(shared) if asked.is_limited() => match shared.reserve(&asked).await {
                Ok((verdict, told, lease)) => {
                    self.book().note_told(asked.identity.as_deref(), told, verdict.now_ms);
                    (verdict, lease)
                }
                Err(_unreachable) if shared.on_failure() == OnFailure::Refuse => {
                    return Err(Refused { error: LimitError::Unreachable, standing: Standing::default() });
                }
                Err(_unreachable) => {
                    counter!(COUNTED_ALONE).increment(1);
                    (self.book().reserve(&asked, now_ms()), None)
                }
            },
            _ => (self.book().reserve(&asked, now_ms()), None),
        };
        let Verdict { short, levels, now_ms } = verdict;
        let standing = Standing::of(levels, &asked.caller);
        if let Some(short) = short {
            return Err(Refused { error: LimitError::of(short, now_ms, &asked), standing });
        }
        let ledger = self.clone();
        Ok(Reservation { ledger, asked, expected_usd: ask.usd, standing, tokens: 0, nanos: 0, shared })
    }

    /// What a caller falls short of already, before anything is known of its request: requests of the minute, places, tokens that were overdrawn.
    /// Counts nothing. With other replicas it is only found out by reserving.
    pub fn refuses_already(&self, identity: &str, limits: &CallerLimits) -> Option<Refused> {
        if self.0.shared.is_some() {
            return None;
        }
        let asked =
            Asked { identity: None, caller: Terms::from(limits), everybody: Terms::default(), tokens: 0, nanos: 0 };
        let now_ms = now_ms();
        let mut book = self.book();
        let account = book.callers.get_mut(identity)?;
        account.turn(&asked.caller, now_ms);
        let short = account.falls_short(&asked.caller, &asked, CALLERS_BUDGETS)?;
        let levels = Levels { requests: account.requests.used, tokens: account.tokens.used };
        Some(Refused { error: LimitError::of(short, now_ms, &asked), standing: Standing::of(levels, &asked.caller) })
    }

    /// Waits until the other replicas know all that was spent, as long as they can be told. For the end of the program.
    pub async fn flush(&self) {
        if let Some(shared) = &self.0.shared {
            shared.flush(&self.0.book).await;
        }
    }

    fn everybody(&self) -> BudgetConfig {
        *self.0.everybody.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn standings(caller: Option<&str>, budget: &BudgetConfig, account: &Account, now_ms: i64) -> Vec<BudgetStanding> {
    let (day_left, month_left) = seconds_left(now_ms);
    let periods =
        [("day", budget.day_usd, account.day, day_left), ("month", budget.month_usd, account.month, month_left)];
    let standing = |(period, limit_usd, state, seconds_left): (&'static str, Option<f64>, Period, u64)| {
        Some(BudgetStanding {
            caller: caller.map(str::to_owned),
            period,
            limit_usd: limit_usd?,
            spent_usd: usd(state.spent),
            reserved_usd: usd(account.reserved),
            seconds_left,
        })
    };
    periods.into_iter().filter_map(standing).collect()
}

impl Standing {
    fn of(levels: Levels, terms: &Terms) -> Self {
        Self {
            requests: terms.requests_per_minute.map(|limit| Bucket::standing(levels.requests, limit)),
            tokens: terms.tokens_per_minute.map(|limit| Bucket::standing(levels.tokens, limit)),
        }
    }
}

impl Reservation {
    /// How the caller stood when it was made.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// What the request cost and took; `None`: nobody knows, and what was expected counts. Returns what counts against a budget; `None` where there
    /// is none.
    pub fn settle(&mut self, cost_usd: Option<f64>, tokens: Option<u64>) -> Option<f64> {
        let counted_usd = cost_usd.or(self.expected_usd);
        self.nanos = counted_usd.map_or(0, nanos);
        self.tokens = tokens.map_or(self.asked.tokens, |tokens| i64::try_from(tokens).unwrap_or(i64::MAX));
        let is_budgeted = |terms: &Terms| terms.day_nanos.is_some() || terms.month_nanos.is_some();
        counted_usd.filter(|_| is_budgeted(&self.asked.caller) || is_budgeted(&self.asked.everybody))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        match self.shared.take() {
            Some(lease) => lease.settle(self.tokens, self.nanos),
            None => self.ledger.book().settle(&self.asked, self.tokens, self.nanos, now_ms()),
        }
    }
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
