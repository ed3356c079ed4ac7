//! Against a real Redis of the test's own.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::*;
use crate::limits::book::SpentBefore;
use crate::limits::budget::now_ms;
use crate::limits::terms::Terms;

/// What `redis_server` says where there is none.
mod installation {
    pub(super) fn or_skip<T>(untested: &str, installed: Result<T, String>) -> Option<T> {
        use std::io::Write;
        match installed {
            Ok(installed) => Some(installed),
            Err(reason) if std::env::var_os("CI").is_some() => panic!("{untested} cannot be tested: {reason}"),
            Err(reason) => {
                writeln!(std::io::stderr(), "SKIPPED: {untested} was NOT tested: {reason}").unwrap();
                None
            }
        }
    }
}

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/common/redis.rs"]
mod redis_server;
use redis_server::Redis;

fn config(redis: &Redis, prefix: &str) -> SharedConfig {
    let text = format!("url = \"{}\"\nprefix = \"{prefix}\"\ntimeout_ms = 5000\nlease_seconds = 3\n", redis.url());
    toml::from_str(&text).unwrap()
}

async fn open(redis: &Redis, prefix: &str, book: &Arc<Mutex<Book>>) -> SharedBook {
    let shared = SharedBook::open(&config(redis, prefix), |_| None).unwrap();
    shared.keep_in_step(book);
    shared.connect().await;
    assert!(shared.is_up(), "Redis is reached");
    shared
}

fn asked(identity: &str, terms: Terms, tokens: i64, nanos: i64) -> Asked {
    let everybody = Terms { day_nanos: Some(700), ..Terms::default() };
    Asked { identity: Some(identity.into()), caller: terms, everybody, tokens, nanos }
}

/// Waits until what was dropped has been told.
async fn told(shared: &SharedBook) {
    while shared.0.ends_untold.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Reserve { caller: usize, tokens: i64, nanos: i64 },
    Settle { which: usize, tokens: i64, nanos: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..2_usize, 0..60_i64, 0..90_i64).prop_map(|(caller, tokens, nanos)| Step::Reserve { caller, tokens, nanos }),
        2 => (0..50_usize, 0..60_i64, 0..120_i64).prop_map(|(which, tokens, nanos)| Step::Settle { which, tokens, nanos }),
    ];
    proptest::collection::vec(step, 1..40)
}

#[test]
fn redis_and_memory_give_the_same_answers() {
    let Some(redis) = Redis::start("limits in Redis") else { return };
    let runtime = Runtime::new().unwrap();
    let terms = Terms {
        requests_per_minute: Some(15),
        tokens_per_minute: Some(200),
        concurrent: Some(5),
        day_nanos: Some(400),
        month_nanos: Some(500),
    };
    let cases = AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    let outcome = runner.run(&steps(), |steps| {
        let case = cases.fetch_add(1, Ordering::Relaxed) + 1;
        runtime.block_on(async {
            let unused = Arc::new(Mutex::new(Book::default()));
            let shared = open(&redis, &format!("case{case}"), &unused).await;
            let mut book = Book::default();
            let mut held: Vec<(Asked, SharedLease)> = Vec::new();
            for step in &steps {
                match *step {
                    Step::Reserve { caller, tokens, nanos } => {
                        let asked = asked(&format!("caller {caller}"), terms, tokens, nanos);
                        let (there, _, lease) = shared.reserve(&asked).await.unwrap();
                        // Redis's clock counts.
                        prop_assert_eq!(book.reserve(&asked, there.now_ms), there);
                        held.extend(lease.map(|lease| (asked, lease)));
                    }
                    Step::Settle { which, tokens, nanos } if !held.is_empty() => {
                        let (asked, lease) = held.swap_remove(which % held.len());
                        lease.settle(tokens, nanos);
                        told(&shared).await;
                        book.settle(&asked, tokens, nanos, now_ms());
                    }
                    Step::Settle { .. } => {}
                }
            }
            Ok(())
        })
    });
    outcome.unwrap();
    let keys = redis.ask(&["--scan"]);
    assert!(keys.contains("{case1}:account:everybody") && !keys.contains("caller"), "{keys}");
    for key in keys.lines() {
        let left: i64 = redis.ask(&["pttl", key]).trim().parse().unwrap();
        assert!(left > 0, "{key} never ends");
    }
}

#[tokio::test]
async fn two_replicas_count_together_and_what_one_leaves_behind_ends_by_itself() {
    let Some(redis) = Redis::start("limits of several replicas") else { return };
    let book = Arc::new(Mutex::new(Book::default()));
    let (one, two) = (open(&redis, "two", &book).await, open(&redis, "two", &book).await);
    let terms = Terms { concurrent: Some(2), day_nanos: Some(100), ..Terms::default() };
    let ask = asked("a", terms, 0, 40);
    let (_, _, first) = one.reserve(&ask).await.unwrap();
    let (_, _, second) = two.reserve(&ask).await.unwrap();
    let (verdict, ..) = one.reserve(&ask).await.unwrap();
    assert_eq!(verdict.short, Some((Why::Concurrent, 2)));
    second.unwrap().settle(0, 10);
    told(&two).await;
    let (verdict, ..) = one.reserve(&asked("a", terms, 0, 60)).await.unwrap();
    assert_eq!(verdict.short, Some((Why::CallersDay, 50)), "forty are reserved and ten are spent");
    // As if the replica died: nobody renews, and nobody tells.
    one.0.live.all().iter().for_each(|(lease, _)| one.0.live.forget(lease));
    let ended = async {
        loop {
            let (verdict, told, lease) =
                two.reserve(&asked("a", Terms { concurrent: Some(1), ..terms }, 0, 0)).await.unwrap();
            if verdict.short.is_none() {
                return (told, lease);
            }
            tokio::task::yield_now().await;
        }
    };
    let (told, _lease) = timeout(Duration::from_secs(20), ended).await.expect("its lease ends");
    assert_eq!(told[0], Told { day: 50, month: 50 }, "what it was expected to cost counts as spent");
    std::mem::forget(first);
}

#[tokio::test]
async fn what_was_spent_apart_is_added_when_redis_is_back() {
    let Some(mut redis) = Redis::start("limits while Redis is away") else { return };
    let now = now_ms();
    let spent = SpentBefore { day_usd: 20e-9, month_usd: 20e-9, by_caller: [("a".to_owned(), (20e-9, 20e-9))].into() };
    let book = Arc::new(Mutex::new(Book::new(spent, now)));
    let shared = open(&redis, "apart", &book).await;
    let terms = Terms { day_nanos: Some(100), ..Terms::default() };
    let ask = asked("a", terms, 0, 30);
    let (verdict, told_at_first, lease) = shared.reserve(&ask).await.unwrap();
    assert_eq!((verdict.short, told_at_first[0].day), (None, 20), "what the log knew is known to all");
    redis.stop();
    lease.unwrap().settle(0, 30);
    assert!(shared.reserve(&ask).await.is_err() && shared.reserve(&ask).await.is_err());
    book.lock().unwrap().reserve(&ask, now);
    book.lock().unwrap().settle(&ask, 0, 25, now);
    redis.restart();
    let back = async {
        loop {
            if let Ok((_, told, _)) = shared.reserve(&asked("a", terms, 0, 0)).await {
                return told;
            }
            tokio::task::yield_now().await;
        }
    };
    let told = timeout(Duration::from_secs(20), back).await.expect("it is found again");
    assert_eq!(told[0].day, 45, "what was known before and what was spent meanwhile, though the server is empty");
}
