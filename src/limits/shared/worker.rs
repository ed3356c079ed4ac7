//! What goes on behind the requests' backs: ends of requests are told in batches, leases renewed, spending that nobody else knows of is told, and
//! a Redis that went away is looked for. It ends with the ledger.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::RedisResult;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::lease::Settlement;
use super::scripts::{Batch, News};
use super::{CONNECTS_WITHIN, SharedBook, Unreachable};
use crate::limits::account::Period;
use crate::limits::book::Book;
use crate::limits::budget::now_ms;

/// So many are told at once: a script holds up everybody while it runs.
const BATCH: usize = 128;

/// How often a Redis that is away is looked for, and what was spent here is told.
const LOOKS_EVERY: Duration = Duration::from_millis(250);
/// A server that is slow for a moment is not lost and found several times a second.
const LEAST_ABSENCE: Duration = Duration::from_millis(500);

/// Runs until the book is dropped.
pub(super) async fn work(shared: SharedBook, book: Weak<Mutex<Book>>, to_be_told: mpsc::Receiver<Settlement>) {
    let batches = |kind| Batch::none(shared.0.keys.batches(&shared.0.replica, kind));
    let (last_ends, last_news) = (batches("ends"), batches("news"));
    let worker = Worker {
        shared,
        to_be_told,
        ends: Vec::with_capacity(BATCH),
        last_ends,
        news: VecDeque::new(),
        last_news,
        has_told_all: false,
    };
    worker.run(book).await;
}

struct Worker {
    shared: SharedBook,
    to_be_told: mpsc::Receiver<Settlement>,
    /// The batch that is being told. It stays as it is until that has been done.
    ends: Vec<Settlement>,
    last_ends: Batch,
    news: VecDeque<(Batch, Vec<News>)>,
    last_news: Batch,
    /// Since Redis went away, everything that is known here has been put into `news`.
    has_told_all: bool,
}

impl Worker {
    async fn run(mut self, book: Weak<Mutex<Book>>) {
        let mut looks = interval(LOOKS_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut renewed, mut told) = (Instant::now(), Instant::now());
        let mut went_down = None;
        loop {
            let may_take = self.ends.is_empty() && self.shared.is_up();
            tokio::select! {
                taken = self.to_be_told.recv_many(&mut self.ends, BATCH), if may_take => {
                    if taken > 0 {
                        self.last_ends = self.last_ends.next();
                    }
                }
                _ = looks.tick() => {}
                () = self.shared.0.went_down.notified() => went_down = Some(Instant::now()),
            }
            let Some(book) = book.upgrade() else { return };
            if !self.shared.is_up() {
                if went_down.is_some_and(|at| at.elapsed() < LEAST_ABSENCE) {
                    continue;
                }
                if self.meet_again(&book).await.is_err() {
                    continue;
                }
                self.shared.note_up();
                self.has_told_all = false;
            }
            let _told_later = self.tell_ends().await;
            if renewed.elapsed() > self.shared.0.lease / 3 {
                renewed = Instant::now();
                let _renewed_later = self.renew().await;
            }
            if self.shared.is_up() && told.elapsed() >= LOOKS_EVERY {
                told = Instant::now();
                self.note_news(&book, |day, month| has_news(day) || has_news(month));
                let _told_later = self.tell_news().await;
            }
        }
    }

    async fn tell_ends(&mut self) -> Result<(), Unreachable> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let inner = &self.shared.0;
        let telling = inner.scripts.settle(inner.connection.clone(), &inner.keys, &self.ends, &self.last_ends);
        call(&self.shared, telling).await?;
        inner.ends_untold.fetch_sub(self.ends.len(), Ordering::SeqCst);
        self.ends.clear();
        Ok(())
    }

    async fn renew(&self) -> Result<(), Unreachable> {
        let inner = &self.shared.0;
        for live in inner.live.all().chunks(BATCH) {
            call(&self.shared, inner.scripts.renew(inner.connection.clone(), &inner.keys, live, inner.lease)).await?;
        }
        Ok(())
    }

    /// Everything that is known here of this day's and month's spending: Redis may have begun anew. Even with nothing to tell, it is found out
    /// whether it is there.
    async fn meet_again(&mut self, book: &Mutex<Book>) -> Result<(), Unreachable> {
        if !self.has_told_all {
            self.has_told_all = true;
            self.note_news(book, |day, month| day.spent > 0 || month.spent > 0);
        }
        if self.news.is_empty() {
            self.last_news = self.last_news.next();
            self.news.push_back((self.last_news.clone(), Vec::new()));
        }
        self.tell_news().await?;
        // What was spent while that batch waited.
        self.note_news(book, |day, month| has_news(day) || has_news(month));
        self.tell_news().await
    }

    fn note_news(&mut self, book: &Mutex<Book>, is_news: impl Fn(&Period, &Period) -> bool) {
        let news = news_of(book, is_news);
        for batch in news.chunks(BATCH) {
            self.last_news = self.last_news.next();
            self.news.push_back((self.last_news.clone(), batch.to_vec()));
        }
    }

    async fn tell_news(&mut self) -> Result<(), Unreachable> {
        let inner = &self.shared.0;
        while let Some((batch, news)) = self.news.front() {
            call(&self.shared, inner.scripts.tell(inner.connection.clone(), &inner.keys, news, batch)).await?;
            self.news.pop_front();
        }
        Ok(())
    }
}

async fn call<T>(shared: &SharedBook, calling: impl Future<Output = RedisResult<T>>) -> Result<T, Unreachable> {
    match timeout(CONNECTS_WITHIN, calling).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(shared.note_down(&error)),
        Err(_elapsed) => Err(shared.note_down(&"no answer in time")),
    }
}

fn has_news(period: &Period) -> bool {
    period.untold > 0 || period.must_tell
}

/// What is to be told of accounts. It counts as told from here on: what is in a batch is told until it has been heard.
fn news_of(book: &Mutex<Book>, is_news: impl Fn(&Period, &Period) -> bool) -> Vec<News> {
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    let now_ms = now_ms();
    let mut news = Vec::new();
    for (identity, account) in book.accounts() {
        account.turn_periods(now_ms);
        if !is_news(&account.day, &account.month) {
            continue;
        }
        let tell = |period: &mut Period| {
            let more = std::mem::take(&mut period.untold);
            period.must_tell = false;
            (period.number, period.spent - more, more)
        };
        let (day, day_known, day_more) = tell(&mut account.day);
        let (month, month_known, month_more) = tell(&mut account.month);
        let identity = identity.map(str::to_owned);
        news.push(News { identity, day, day_known, day_more, month, month_known, month_more });
    }
    news
}
