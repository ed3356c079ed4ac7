use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::limits::terms::Terms;

const NOON: OffsetDateTime = datetime!(2126-11-30 12:00 UTC);

fn ms(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000
}

fn budget(day: i64, month: i64) -> Terms {
    Terms { day_nanos: Some(day), month_nanos: Some(month), ..Terms::default() }
}

/// A caller's budget is its own; what everybody may spend is far more.
fn asked(identity: &str, caller: Terms, nanos: i64) -> Asked {
    Asked { identity: Some(identity.into()), caller, everybody: budget(1_000_000, 1_000_000), tokens: 10, nanos }
}

fn spend(book: &mut Book, asked: &Asked, now_ms: i64) -> Option<Why> {
    let short = book.reserve(asked, now_ms).short;
    if short.is_none() {
        book.settle(asked, asked.tokens, asked.nanos, now_ms);
    }
    short.map(|(why, _)| why)
}

#[test]
fn requests_at_once_cannot_pass_a_budget_together() {
    let mut book = Book::default();
    let ask = asked("a", budget(100, 1000), 25);
    assert!((0..4).all(|_| book.reserve(&ask, ms(NOON)).short.is_none()));
    assert_eq!(book.reserve(&ask, ms(NOON)).short, Some((Why::CallersDay, 100)));
    assert_eq!(book.reserve(&asked("b", budget(100, 1000), 25), ms(NOON)).short, None, "others have their own");
    (0..4).for_each(|_| book.settle(&ask, 0, 0, ms(NOON)));
    assert_eq!(book.reserve(&asked("a", budget(100, 1000), 100), ms(NOON)).short, None, "nothing was spent");
}

#[test]
fn what_it_cost_counts_and_what_is_free_is_never_too_much() {
    let mut book = Book::default();
    let ask = asked("a", budget(100, 1000), 50);
    book.reserve(&ask, ms(NOON));
    book.settle(&ask, 10, 110, ms(NOON));
    assert_eq!(spend(&mut book, &asked("a", budget(100, 1000), 1), ms(NOON)), Some(Why::CallersDay));
    assert_eq!(spend(&mut book, &asked("a", budget(100, 1000), 0), ms(NOON)), None);
}

#[test]
fn a_new_day_and_a_new_month_begin_anew() {
    let mut book = Book::default();
    let ask = |nanos| asked("a", budget(100, 150), nanos);
    assert_eq!(spend(&mut book, &ask(100), ms(NOON)), None);
    assert_eq!(spend(&mut book, &ask(10), ms(NOON)), Some(Why::CallersDay));
    assert_eq!(spend(&mut book, &ask(100), ms(datetime!(2126-12-01 00:00:01 UTC))), None);
    let next_day = ms(datetime!(2126-12-02 08:00 UTC));
    assert_eq!(spend(&mut book, &ask(60), next_day), Some(Why::CallersMonth));
    assert_eq!(spend(&mut book, &ask(50), next_day), None);
    assert_eq!(spend(&mut book, &ask(10), ms(NOON)), Some(Why::CallersMonth), "a clock set back gives nothing back");
}

#[test]
fn what_was_spent_before_the_start_counts() {
    let by_caller = [("a".to_owned(), (0.0, 95e-9))].into();
    let mut book = Book::new(SpentBefore { day_usd: 0.0, month_usd: 95e-9, by_caller }, ms(NOON));
    assert_eq!(spend(&mut book, &asked("a", budget(100, 100), 6), ms(NOON)), Some(Why::CallersMonth));
    assert_eq!(spend(&mut book, &asked("a", budget(100, 100), 5), ms(NOON)), None);
}

#[test]
fn a_refusal_by_everybodys_budget_takes_nothing_of_the_callers() {
    let mut book = Book::default();
    let terms =
        Terms { requests_per_minute: Some(1), tokens_per_minute: Some(10), concurrent: Some(1), ..Terms::default() };
    let too_dear = asked("a", terms, 2_000_000);
    assert_eq!(book.reserve(&too_dear, ms(NOON)).short, Some((Why::Day, 0)));
    assert_eq!(book.reserve(&asked("a", terms, 1), ms(NOON)).short, None, "request, tokens and place are all there");
    assert_eq!(book.reserve(&asked("a", terms, 1), ms(NOON)).short, Some((Why::Concurrent, 1)));
}

#[test]
fn callers_come_and_go_and_memory_stays_bounded() {
    let mut book = Book::default();
    let terms = Terms { concurrent: Some(9), ..Terms::default() };
    let held = asked("held", terms, 1);
    book.reserve(&held, ms(NOON));
    for at in 0..MOST_CALLERS as i64 + 10 {
        let ask = asked(&format!("caller {at}"), terms, 1);
        book.reserve(&ask, ms(NOON) + at);
        book.settle(&ask, 0, i64::from(at % 2 == 0), ms(NOON) + at);
    }
    assert!(book.callers.len() <= MOST_CALLERS);
    assert_eq!(book.callers["held"].under_way, 1, "what is under way is not forgotten");
    assert!(!book.callers.contains_key("caller 1"), "an account as a new one goes first");
    assert!(book.callers.contains_key("caller 0"), "what was spent is kept while there is room");
}

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        caller: usize,
        tokens: i64,
        nanos: i64,
    },
    /// Of those under way, counted round; the shares, in hundredths, of what was reserved.
    Settle {
        which: usize,
        tokens: i64,
        nanos: i64,
    },
    Wait {
        ms: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize, 0..40_i64, 0..60_i64).prop_map(|(caller, tokens, nanos)| Step::Reserve { caller, tokens, nanos }),
        3 => (0..50_usize, 0..=100_i64, 0..=100_i64).prop_map(|(which, tokens, nanos)| Step::Settle { which, tokens, nanos }),
        1 => (0..30_000_i64).prop_map(|ms| Step::Wait { ms }),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    /// Whatever the order, as long as answers come to no more than was reserved.
    #[test]
    fn no_limit_is_ever_passed(steps in steps()) {
        let terms = Terms {
            requests_per_minute: Some(12),
            tokens_per_minute: Some(100),
            concurrent: Some(4),
            ..budget(300, 500)
        };
        let everybody = budget(600, 800);
        let (mut book, mut held, mut now_ms, mut spent) = (Book::default(), Vec::<Asked>::new(), ms(NOON), 0);
        for step in steps {
            match step {
                Step::Wait { ms } => now_ms += ms,
                Step::Reserve { caller, tokens, nanos } => {
                    let asked = Asked { identity: Some(format!("caller {caller}")), caller: terms, everybody, tokens, nanos };
                    let before = (book.everybody.reserved, book.callers.get(&format!("caller {caller}")).map_or(0, |account| account.under_way));
                    if book.reserve(&asked, now_ms).short.is_none() {
                        held.push(asked);
                    } else {
                        prop_assert_eq!(before, (book.everybody.reserved, book.callers[&format!("caller {caller}")].under_way));
                    }
                }
                Step::Settle { which, tokens, nanos } if !held.is_empty() => {
                    let asked = held.swap_remove(which % held.len());
                    let cost = asked.nanos * nanos / 100;
                    spent += cost;
                    book.settle(&asked, asked.tokens * tokens / 100, cost, now_ms);
                }
                Step::Settle { .. } => {}
            }
            for account in book.callers.values() {
                prop_assert!(account.under_way <= 4);
                prop_assert!(account.day.spent + account.reserved <= 300);
                prop_assert!(account.requests.used <= 12 * 60_000 && account.tokens.used <= 100 * 60_000);
            }
            prop_assert!(book.everybody.day.spent + book.everybody.reserved <= 600);
            prop_assert_eq!(book.everybody.day.spent, spent);
            prop_assert_eq!(book.everybody.reserved, held.iter().map(|asked| asked.nanos).sum::<i64>());
        }
        for asked in held.drain(..) {
            book.settle(&asked, 0, 0, now_ms);
        }
        prop_assert!(book.callers.values().all(|account| account.under_way == 0 && account.reserved == 0));
    }
}
