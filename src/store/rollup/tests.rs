//! A database of an earlier version, and more callers than anybody has.

use sqlx::Connection as _;
use sqlx::migrate::Migrator;

use super::*;
use crate::store::database::{Address, Engine};
use crate::store::{Store, StoreConfig, migrations};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_database_from_before_there_were_sums_is_caught_up_with() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("old.db").display());
    let mut old = Address::read(&url).unwrap().connect().await.unwrap();
    let before: Vec<_> = migrations::all(Engine::Sqlite).iter().filter(|one| one.version < 8).cloned().collect();
    assert!(before.len() >= 6);
    Migrator::with_migrations(before).run(&mut old).await.unwrap();
    let insert = "INSERT INTO decisions (id, time_unix_ms, reason, attempts, status, outcome, stream, overhead_ms, latency_ms) \
        VALUES ($1, $2, 'r', 1, 200, 'answered', 0, 1.0, 2.0)";
    for at in 0..BACKLOG_BATCH as i64 + 3 {
        sqlx::query(insert).bind(format!("dec_{at}")).bind(at % 2 * HOUR).execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();

    let store = Store::open(&StoreConfig::new(&url)).await.unwrap();
    let new = DecisionRecord { id: "dec_new".into(), ..DecisionRecord::default() };
    store.write_now(&[new]).await.unwrap();
    while catch_up_some(&store.pool).await.unwrap() {}
    let mut connection = store.pool.acquire().await.unwrap();
    let hours = read(&mut connection, Span::Hour, None, 0, 2 * HOUR).await.unwrap();
    let requests: Vec<u64> = hours.iter().map(|(_, sum)| sum.counts.requests).collect();
    assert_eq!(requests, [253, 251], "the old ones and the new one, each once");
}

#[tokio::test]
async fn callers_beyond_count_are_counted_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("log.db").display());
    let store = Store::open(&StoreConfig::new(&url)).await.unwrap();
    let record = |at: usize| DecisionRecord {
        id: format!("dec_{at}"),
        caller: Some(format!("token {at:04}")),
        ..DecisionRecord::default()
    };
    for half in [0..150, 100..300] {
        store.write_now(&half.map(record).collect::<Vec<_>>()).await.unwrap();
    }
    let mut connection = store.pool.acquire().await.unwrap();
    let everybody = read(&mut connection, Span::Day, None, 0, HOUR).await.unwrap();
    assert_eq!(everybody[0].1.counts.requests, 300);
    assert_eq!(callers(&mut connection, 0, HOUR).await.unwrap().len(), MOST_CALLERS);
}

#[tokio::test]
async fn what_is_old_is_forgotten_span_by_span() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("log.db").display());
    let store = Store::open(&StoreConfig::new(&url)).await.unwrap();
    let ages = [Duration::from_secs(3600), Duration::from_secs(90 * 86_400), Duration::from_secs(500 * 86_400)];
    let record = |age: Duration| DecisionRecord {
        id: format!("dec_{}", age.as_secs()),
        time_unix_ms: before_now_ms(age),
        ..DecisionRecord::default()
    };
    store.write_now(&ages.map(record)).await.unwrap();
    prune(&store.pool, Duration::from_secs(86_400)).await.unwrap();
    let mut connection = store.pool.acquire().await.unwrap();
    for (span, left) in [(Span::Minute, 1), (Span::Hour, 2), (Span::Day, 2)] {
        assert_eq!(read(&mut connection, span, None, 0, i64::MAX).await.unwrap().len(), left, "{span:?}");
    }
}
