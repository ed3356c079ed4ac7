//! The store against a real SQLite file: rows arrive, nothing waits, what is lost is counted.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use semroute::store::{DecisionRecord, Outcome, Store, StoreConfig, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;

fn config(folder: &TempDir) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}", folder.path().join("semroute.db").display()))
}

async fn connect(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("semroute.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Old rows are deleted, so those of these tests are of today.
static TODAY_MS: LazyLock<i64> = LazyLock::new(|| {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_1970.as_millis()).unwrap()
});

fn record(number: usize) -> DecisionRecord {
    DecisionRecord {
        id: format!("dec_{number:06}"),
        time_unix_ms: *TODAY_MS + i64::try_from(number).unwrap(),
        model: Some("small".to_owned()),
        provider: Some("here".to_owned()),
        task: Some("code".to_owned()),
        task_confidence: Some(0.75),
        complexity: Some("high".to_owned()),
        complexity_score: Some(0.66),
        known: Some(true),
        strategy: Some("balanced".to_owned()),
        reason: "cheapest that is good enough".to_owned(),
        attempts: 2,
        status: 200,
        outcome: Outcome::Answered,
        stream: true,
        input_tokens: Some(12),
        cached_input_tokens: Some(3),
        cache_write_tokens: Some(4),
        output_tokens: Some(45),
        reasoning_tokens: Some(5),
        counted_usd: None,
        cost_usd: Some(0.25),
        overhead_ms: 0.5,
        latency_ms: 12.5,
    }
}

#[tokio::test]
async fn rows_come_back_as_they_were_recorded() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    let recorder = store.recorder();
    let unclassified =
        DecisionRecord { id: "dec_none".to_owned(), time_unix_ms: *TODAY_MS, ..DecisionRecord::default() };
    recorder.record(unclassified.clone());
    recorder.record(record(1));
    recorder.record(record(2));
    recorder.flush().await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [record(2), record(1), unclassified]);
    assert_eq!(store.recent(1).await.unwrap(), [record(2)]);
    assert_eq!((recorder.written(), recorder.dropped(), recorder.failed()), (3, 0, 0));
}

#[tokio::test]
async fn the_file_is_in_write_ahead_mode() {
    let folder = TempDir::new().unwrap();
    let _store = Store::open(&config(&folder)).await.unwrap();
    let row = sqlx::query("PRAGMA journal_mode").fetch_one(&mut connect(&folder).await).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "wal");
}

#[tokio::test]
async fn a_full_queue_drops_and_counts_and_never_waits() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    let recorder = store.recorder_with_queue(4);
    // One thread, and nothing here gives way: the writer cannot run before the flush.
    for number in 0..1000 {
        recorder.record(record(number));
    }
    assert_eq!(recorder.dropped(), 996);
    recorder.flush().await.unwrap();
    assert_eq!(recorder.written(), 4);
    assert_eq!(store.recent(1000).await.unwrap().len(), 4);
}

#[tokio::test]
async fn more_than_a_batch_arrives() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    let recorder = store.recorder();
    for number in 0..1500 {
        recorder.record(record(number));
    }
    recorder.close().await.unwrap();
    assert_eq!((recorder.written(), recorder.dropped()), (1500, 0));
    assert_eq!(store.totals().await.unwrap().requests(), 1500);
}

#[tokio::test]
async fn closing_writes_what_waits_and_takes_nothing_more() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    let recorder = store.recorder();
    recorder.record(record(1));
    recorder.close().await.unwrap();
    recorder.record(record(2));
    assert_eq!((recorder.written(), recorder.dropped()), (1, 1));
    assert!(matches!(recorder.flush().await, Err(StoreError::WriterStopped)));
}

#[tokio::test]
async fn a_failing_database_is_counted_and_recovers() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    let recorder = store.recorder();
    let mut other = connect(&folder).await;
    sqlx::query("ALTER TABLE decisions RENAME TO elsewhere").execute(&mut other).await.unwrap();
    recorder.record(record(1));
    recorder.flush().await.unwrap();
    assert_eq!((recorder.written(), recorder.failed()), (0, 1));
    sqlx::query("ALTER TABLE elsewhere RENAME TO decisions").execute(&mut other).await.unwrap();
    recorder.record(record(2));
    recorder.flush().await.unwrap();
    assert_eq!((recorder.written(), recorder.failed()), (1, 1));
    assert_eq!(store.recent(10).await.unwrap(), [record(2)]);
}

#[test]
fn a_killed_writer_costs_rows_and_no_request() {
    let folder = TempDir::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let recorder = runtime.block_on(async {
        let recorder = Store::open(&config(&folder)).await.unwrap().recorder();
        recorder.record(record(1));
        recorder.flush().await.unwrap();
        recorder
    });
    drop(runtime);
    recorder.record(record(2));
    assert_eq!((recorder.written(), recorder.dropped()), (1, 1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(matches!(runtime.block_on(recorder.flush()), Err(StoreError::WriterStopped)));
    let kept = runtime.block_on(async { Store::open(&config(&folder)).await.unwrap().recent(10).await.unwrap() });
    assert_eq!(kept, [record(1)]);
}

#[tokio::test]
async fn reopening_keeps_rows_and_a_repeated_id_changes_nothing() {
    let folder = TempDir::new().unwrap();
    for status in [200, 500] {
        let store = Store::open(&config(&folder)).await.unwrap();
        let recorder = store.recorder();
        recorder.record(DecisionRecord { status, ..record(1) });
        recorder.close().await.unwrap();
        store.close().await;
    }
    let store = Store::open(&config(&folder)).await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [record(1)]);
}

#[tokio::test]
async fn unknown_cost_stays_apart_from_cost() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    assert_eq!(store.totals().await.unwrap().requests(), 0);
    let recorder = store.recorder();
    recorder.record(record(1));
    recorder.record(DecisionRecord { cost_usd: None, output_tokens: None, outcome: Outcome::Broken, ..record(2) });
    recorder.record(DecisionRecord {
        cost_usd: None,
        outcome: Outcome::Refused,
        status: 400,
        model: None,
        ..record(4)
    });
    recorder.record(DecisionRecord { model: Some("large".to_owned()), cost_usd: Some(0.0), ..record(3) });
    recorder.flush().await.unwrap();
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.requests(), totals.unknown_cost_requests()), (4, 1), "a refusal costs nothing");
    assert!((totals.known_cost_usd() - 0.25).abs() < 1e-12);
    let small = &totals.by_model[0];
    assert_eq!((small.model.as_deref(), small.requests, small.failed_requests), (Some("small"), 2, 1));
    assert_eq!((small.input_tokens, small.cached_input_tokens, small.output_tokens), (24, 6, 45));
    let large = totals.by_model.iter().find(|totals| totals.model.as_deref() == Some("large")).unwrap();
    assert_eq!((large.requests, large.unknown_cost_requests), (1, 0));
}

#[tokio::test]
async fn a_number_that_is_none_does_not_cost_its_batch() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&config(&folder)).await.unwrap();
    let recorder = store.recorder();
    recorder.record(DecisionRecord { overhead_ms: f64::NAN, latency_ms: f64::INFINITY, ..record(1) });
    recorder.record(record(2));
    recorder.flush().await.unwrap();
    assert_eq!((recorder.written(), recorder.failed()), (2, 0));
}

#[tokio::test]
async fn old_decisions_are_deleted_and_others_kept() {
    let folder = TempDir::new().unwrap();
    let day_ms = 24 * 3600 * 1000;
    let old = |number: usize| DecisionRecord { time_unix_ms: *TODAY_MS - 31 * day_ms, ..record(number) };
    let young = DecisionRecord { time_unix_ms: *TODAY_MS - 29 * day_ms, ..record(0) };
    let kept_long = Store::open(&config(&folder)).await.unwrap();
    let recorder = kept_long.recorder();
    // More than a few batches of deletions.
    (1..=3500).for_each(|number| recorder.record(old(number)));
    recorder.record(young.clone());
    recorder.close().await.unwrap();
    assert_eq!(kept_long.totals().await.unwrap().requests(), 3501, "90 days are kept by default");
    let store = Store::open(&StoreConfig { keep_days: 30, ..config(&folder) }).await.unwrap();
    let recorder = store.recorder();
    let pruned = async { while store.totals().await.unwrap().requests() > 1 {} };
    tokio::time::timeout(Duration::from_secs(20), pruned).await.expect("old rows are deleted");
    recorder.record(record(9));
    recorder.close().await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [record(9), young]);
}

#[tokio::test]
async fn a_store_that_would_keep_nothing_is_refused() {
    let folder = TempDir::new().unwrap();
    let error = Store::open(&StoreConfig { keep_days: 0, ..config(&folder) }).await.unwrap_err().to_string();
    assert!(error.starts_with("store.keep_days: 0 would keep nothing"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a database, and far too long to be taken for an empty one").unwrap();
    for path in [file.join("semroute.db"), folder.path().join("missing/semroute.db"), file.clone()] {
        let error = open(&path).await.unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read(&file).unwrap().len(), 61, "a file that is no database is left alone");
}

async fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(&StoreConfig::new(format!("sqlite://{}", path.display()))).await
}
