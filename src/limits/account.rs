//! What one caller, or all together, have under way, have spent and have sent within the minute. Whole numbers and a clock that is given to it:
//! `shared/account.lua` is the same in Redis, and a test holds the two together.

use super::book::{Told, Why};
use super::budget::{day_number, month_number};
use super::rates::Bucket;
use super::terms::{Asked, Terms};

/// The counters of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) requests: Bucket,
    pub(super) tokens: Bucket,
    pub(super) under_way: i64,
    pub(super) reserved: i64,
    pub(super) day: Period,
    pub(super) month: Period,
    /// When it was last asked of.
    pub(super) used_ms: i64,
}

/// A day or a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) number: i64,
    /// In billionths of a USD.
    pub(super) spent: i64,
    /// What of it the other replicas have not been told.
    pub(super) untold: i64,
    /// Whether they are to be told how much it is at least.
    pub(super) must_tell: bool,
}

impl Period {
    /// Begins anew where a new one has begun. A clock that was set back does not give back what is spent.
    fn turn(&mut self, number: i64) {
        if number > self.number {
            *self = Self { number, ..Self::default() };
        }
    }

    pub(super) fn spend(&mut self, nanos: i64) {
        self.spent += nanos;
        self.untold += nanos;
    }
}

impl Account {
    /// Brings every counter to this moment. What is still reserved goes along into a new day: it will be spent there.
    pub(super) fn turn(&mut self, terms: &Terms, now_ms: i64) {
        self.requests.drain(terms.requests_per_minute.unwrap_or(1), now_ms);
        self.tokens.drain(terms.tokens_per_minute.unwrap_or(1), now_ms);
        self.turn_periods(now_ms);
        self.used_ms = now_ms;
    }

    pub(super) fn turn_periods(&mut self, now_ms: i64) {
        self.day.turn(day_number(now_ms));
        self.month.turn(month_number(now_ms));
    }

    /// Counts what had been spent by `then`, where the day or the month of then still lasts; see `Book::count_earlier`.
    pub(super) fn count_earlier(&mut self, then_ms: i64, day: i64, month: i64, is_shared: bool) {
        self.turn_periods(then_ms);
        for (period, number, spent) in
            [(&mut self.day, day_number(then_ms), day), (&mut self.month, month_number(then_ms), month)]
        {
            if period.number == number && is_shared {
                period.spent = period.spent.max(spent.saturating_add(period.untold));
                period.must_tell = true;
            } else if period.number == number {
                period.spent += spent;
            }
        }
    }

    /// What it falls short of, and by how much: milliseconds to wait, or what is spent and reserved.
    pub(super) fn falls_short(&self, terms: &Terms, asked: &Asked, budgets: [Why; 2]) -> Option<(Why, i64)> {
        if terms.concurrent.is_some_and(|limit| self.under_way >= limit) {
            return Some((Why::Concurrent, self.under_way));
        }
        let rates = [
            (Why::Requests, &self.requests, terms.requests_per_minute, 1),
            (Why::Tokens, &self.tokens, terms.tokens_per_minute, asked.tokens),
        ];
        for (why, bucket, limit, asked) in rates {
            if let Some(wait_ms) = limit.map(|limit| bucket.wait_ms(limit, asked)).filter(|wait_ms| *wait_ms > 0) {
                return Some((why, wait_ms));
            }
        }
        let periods = [(self.day, terms.day_nanos), (self.month, terms.month_nanos)];
        periods.into_iter().zip(budgets).find_map(|((period, limit), why)| {
            let gone = period.spent + self.reserved;
            // What costs nothing is never too much.
            let is_too_much = limit.is_some_and(|limit| asked.nanos > 0 && gone + asked.nanos > limit);
            is_too_much.then_some((why, gone))
        })
    }

    pub(super) fn take(&mut self, terms: &Terms, asked: &Asked) {
        if terms.requests_per_minute.is_some() {
            self.requests.take(1);
        }
        if terms.tokens_per_minute.is_some() {
            self.tokens.take(asked.tokens);
        }
        self.under_way += 1;
        self.reserved += asked.nanos;
    }

    /// The request is over, and this is what it came to.
    pub(super) fn settle(&mut self, terms: &Terms, asked: &Asked, tokens: i64, nanos: i64, now_ms: i64) {
        // What ends after midnight is spent in the new day.
        self.turn_periods(now_ms);
        if terms.tokens_per_minute.is_some() {
            self.tokens.correct(tokens - asked.tokens);
        }
        self.under_way = (self.under_way - 1).max(0);
        self.reserved = (self.reserved - asked.nanos).max(0);
        self.day.spend(nanos);
        self.month.spend(nanos);
    }

    /// All replicas together have spent so much, this one's untold spending not counted.
    pub(super) fn note_told(&mut self, told: Told, now_ms: i64) {
        self.turn_periods(now_ms);
        self.day.spent = told.day + self.day.untold;
        self.month.spent = told.month + self.month.untold;
    }

    /// Whether a new account would answer just the same.
    pub(super) fn is_as_new(&self, now_ms: i64) -> bool {
        let is_drained = |bucket: &Bucket| bucket.used == 0 || now_ms - bucket.at_ms > 120_000;
        let is_unspent =
            |period: &Period, number: i64| (period.number < number || period.spent == 0) && period.untold == 0;
        self.under_way == 0
            && is_drained(&self.requests)
            && is_drained(&self.tokens)
            && is_unspent(&self.day, day_number(now_ms))
            && is_unspent(&self.month, month_number(now_ms))
    }
}
