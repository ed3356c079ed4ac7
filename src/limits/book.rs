//! The accounts of this process: reserves for a caller and for everybody in one step, or nothing at all. Pure but for its counters; the time is
//! given to it.

use std::collections::HashMap;

use super::account::Account;
use super::budget::nanos;
use super::terms::Asked;

/// Callers that are remembered. Beyond it those go whose account is as a new one would be, and then those that were quiet the longest.
const MOST_CALLERS: usize = 100_000;

/// What a request fell short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Concurrent,
    Requests,
    Tokens,
    CallersDay,
    CallersMonth,
    Day,
    Month,
}

/// The budgets of the two accounts that a request has.
pub(super) const CALLERS_BUDGETS: [Why; 2] = [Why::CallersDay, Why::CallersMonth];
pub(super) const EVERYBODYS_BUDGETS: [Why; 2] = [Why::Day, Why::Month];

/// What the caller's buckets hold after a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Levels {
    pub(super) requests: i64,
    pub(super) tokens: i64,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What it fell short of, with how many milliseconds to wait, or what is spent and reserved of a budget; `None`: all is reserved.
    pub(super) short: Option<(Why, i64)>,
    /// The caller's, after that.
    pub(super) levels: Levels,
    /// When that was, by the clock that counts.
    pub(super) now_ms: i64,
}

/// What was spent before the start, in USD: by all, and by each caller in the current day and month.
#[derive(Debug, Default)]
pub struct SpentBefore {
    /// In the current day.
    pub day_usd: f64,
    /// In the current month.
    pub month_usd: f64,
    /// By callers' identities: day and month.
    pub by_caller: HashMap<String, (f64, f64)>,
}

/// All accounts.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) everybody: Account,
    pub(super) callers: HashMap<String, Account>,
}

impl Book {
    pub(super) fn new(spent: SpentBefore, now_ms: i64) -> Self {
        let account = |day_usd: f64, month_usd: f64| {
            let mut account = Account { used_ms: now_ms, ..Account::default() };
            account.turn_periods(now_ms);
            (account.day.spent, account.month.spent) = (nanos(day_usd), nanos(month_usd));
            account
        };
        let by_caller = spent.by_caller.into_iter().take(MOST_CALLERS);
        Self {
            everybody: account(spent.day_usd, spent.month_usd),
            callers: by_caller.map(|(identity, (day, month))| (identity, account(day, month))).collect(),
        }
    }

    /// Counts what turns out late to have been spent by `then`, where its day or month still lasts. With other replicas (`is_shared`) it may have
    /// been counted already: then it is what has been spent at least, and they are told so.
    pub(super) fn count_earlier(&mut self, then_ms: i64, spent: SpentBefore, is_shared: bool) {
        self.everybody.count_earlier(then_ms, nanos(spent.day_usd), nanos(spent.month_usd), is_shared);
        for (identity, (day_usd, month_usd)) in spent.by_caller.into_iter().take(MOST_CALLERS) {
            let account = account(&mut self.callers, &identity, then_ms);
            account.count_earlier(then_ms, nanos(day_usd), nanos(month_usd), is_shared);
        }
    }

    /// Reserves all that a request asks, or nothing.
    pub(super) fn reserve(&mut self, asked: &Asked, now_ms: i64) -> Verdict {
        let Self { everybody, callers } = self;
        let mut caller = asked.identity.as_ref().map(|identity| account(callers, identity, now_ms));
        everybody.turn(&asked.everybody, now_ms);
        let of_caller = caller.as_mut().and_then(|caller| {
            caller.turn(&asked.caller, now_ms);
            caller.falls_short(&asked.caller, asked, CALLERS_BUDGETS)
        });
        let short = of_caller.or_else(|| everybody.falls_short(&asked.everybody, asked, EVERYBODYS_BUDGETS));
        if short.is_none() {
            everybody.take(&asked.everybody, asked);
            if let Some(caller) = &mut caller {
                caller.take(&asked.caller, asked);
            }
        }
        let levels = caller
            .map_or(Levels::default(), |caller| Levels { requests: caller.requests.used, tokens: caller.tokens.used });
        Verdict { short, levels, now_ms }
    }

    /// A request is over, and this is what it came to. Nothing of what it had reserved stays reserved.
    pub(super) fn settle(&mut self, asked: &Asked, tokens: i64, nanos: i64, now_ms: i64) {
        self.everybody.settle(&asked.everybody, asked, tokens, nanos, now_ms);
        if let Some(identity) = &asked.identity {
            account(&mut self.callers, identity, now_ms).settle(&asked.caller, asked, tokens, nanos, now_ms);
        }
    }

    /// All replicas together have spent so much, this one's untold spending not counted.
    pub(super) fn note_told(&mut self, identity: Option<&str>, told: [Told; 2], now_ms: i64) {
        let [of_caller, of_everybody] = told;
        if let Some(identity) = identity {
            // Opened where there is none: should the others be out of reach, this is what is known of the caller.
            let account = account(&mut self.callers, identity, now_ms);
            account.used_ms = now_ms;
            account.note_told(of_caller, now_ms);
        }
        self.everybody.note_told(of_everybody, now_ms);
    }

    /// Every account that spent something: `None` is everybody's.
    pub(super) fn accounts(&mut self) -> impl Iterator<Item = (Option<&str>, &mut Account)> {
        let callers = self.callers.iter_mut().map(|(identity, account)| (Some(identity.as_str()), account));
        std::iter::once((None, &mut self.everybody)).chain(callers)
    }
}

/// What all replicas together have spent, in billionths of a USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Told {
    pub(super) day: i64,
    pub(super) month: i64,
}

/// A caller's account, opened where there is none.
fn account<'a>(callers: &'a mut HashMap<String, Account>, identity: &str, now_ms: i64) -> &'a mut Account {
    if callers.len() >= MOST_CALLERS && !callers.contains_key(identity) {
        forget_some(callers, now_ms);
    }
    callers.entry(identity.to_owned()).or_default()
}

fn forget_some(callers: &mut HashMap<String, Account>, now_ms: i64) {
    callers.retain(|_, account| !account.is_as_new(now_ms));
    if callers.len() < MOST_CALLERS {
        return;
    }
    let mut quiet: Vec<i64> =
        callers.values().filter(|account| account.under_way == 0).map(|account| account.used_ms).collect();
    quiet.sort_unstable();
    if let Some(until_ms) = quiet.get(MOST_CALLERS / 10).or(quiet.last()).copied() {
        callers.retain(|_, account| account.under_way > 0 || account.used_ms > until_ms);
    }
}

#[cfg(test)]
#[path = "book/tests.rs"]
mod tests;
