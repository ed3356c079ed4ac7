//! The recorder's promises, each in a real SQLite file and in a real Postgres server: rows arrive, nothing waits, what is lost is counted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test should stop where it failed")]

mod common;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use common::databases::Database;
use common::postgres::Postgres;
use common::soon;
use semroute::store::{DecisionRecord, Outcome, PlannedModel, Recorder, Store, StoreConfig, StoreError, Try};
use tempfile::TempDir;

/// Each promise is a test of its own in SQLite; in Postgres one server, which takes seconds to start, hears them all in turn.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod in_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&super::Database::in_sqlite()).await;
            })*
        }

        #[tokio::test]
        async fn in_postgres() {
            let Some(server) = Postgres::start("the recorder in Postgres") else { return };
            $(println!("{}", stringify!($promise));
            $promise(&Database::in_postgres(&server).await).await;)*
        }
    };
}

promises!(
    rows_come_back_as_they_were_recorded,
    what_one_row_lacks_the_next_may_have,
    a_full_queue_drops_and_counts_and_never_waits,
    more_than_a_batch_arrives,
    closing_writes_what_waits_and_takes_nothing_more,
    rows_outlast_a_table_that_is_gone_for_a_while,
    a_refused_row_goes_alone,
    what_is_abandoned_is_counted,
    reopening_keeps_rows_and_a_repeated_id_changes_nothing,
    unknown_cost_stays_apart_from_cost,
    numbers_and_texts_that_a_database_would_refuse_cost_nothing,
    old_decisions_are_deleted_and_others_kept,
    no_more_than_max_rows_are_kept_and_the_newest_stay,
);

/// Old rows are deleted, so those of these tests are of today.
static TODAY_MS: LazyLock<i64> = LazyLock::new(|| {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_1970.as_millis()).unwrap()
});

fn record(number: usize) -> DecisionRecord {
    DecisionRecord {
        id: format!("dec_{number:06}"),
        time_unix_ms: *TODAY_MS + i64::try_from(number).unwrap(),
        caller: Some("team-a".to_owned()),
        caller_id: Some("0123456789abcdef".to_owned()),
        session: Some("fedcba9876543210".to_owned()),
        complexity_confidence: Some(0.5),
        novelty: Some(0.125),
        truncated: Some(false),
        tier: Some("builtin".to_owned()),
        artifact: Some("builtin@1234".to_owned()),
        predicted_quality: Some(0.9),
        predicted_qualities: [("large".to_owned(), 0.95), ("small".to_owned(), 0.9)].into(),
        chain: vec![PlannedModel {
            model: "small".to_owned(),
            provider: "here".to_owned(),
            predicted_quality: Some(0.9),
            expected_cost_usd: None,
            propensity: Some(0.5),
            by_prediction: true,
            reason: "cheapest".to_owned(),
        }],
        tries: vec![Try {
            model: "small".to_owned(),
            provider: "here".to_owned(),
            outcome: "answered".to_owned(),
            ms: 12.25,
        }],
        cache: Some("miss".to_owned()),
        would_cost_usd: [("large".to_owned(), 1.5)].into(),
        best_model: Some("large".to_owned()),
        best_usd: Some(1.5),
        feature_space: Some("space".to_owned()),
        fingerprint: Some("print".to_owned()),
        features: Some(vec![0, 1, 255]),
        prompt: Some("say \"hi\" \u{1f600}".to_owned()),
        conversation: None,
        words: None,
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

async fn recording(database: &Database) -> (Store, Recorder) {
    let store = Store::open(&database.config()).await.unwrap();
    let recorder = store.recorder();
    (store, recorder)
}

async fn rows_come_back_as_they_were_recorded(database: &Database) {
    let (store, recorder) = recording(database).await;
    let unclassified =
        DecisionRecord { id: "dec_none".to_owned(), time_unix_ms: *TODAY_MS, ..DecisionRecord::default() };
    recorder.record(unclassified.clone());
    recorder.record(record(1));
    recorder.record(record(2));
    recorder.flush().await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [record(2), record(1), unclassified]);
    assert_eq!(store.recent(1).await.unwrap(), [record(2)]);
    assert_eq!((recorder.written(), recorder.dropped(), recorder.failed(), recorder.waiting()), (3, 0, 0, 0));
    assert!(recorder.is_up());
}

async fn what_one_row_lacks_the_next_may_have(database: &Database) {
    let (store, recorder) = recording(database).await;
    let empty = |number: usize| DecisionRecord {
        id: format!("dec_none_{number}"),
        time_unix_ms: *TODAY_MS,
        ..Default::default()
    };
    // Each of the statements is prepared for rows without and used for rows with, and the other way round.
    for first in [0, 100] {
        recorder.record(if first == 0 { empty(0) } else { record(first) });
        recorder.flush().await.unwrap();
        recorder.record(if first == 0 { record(1) } else { empty(first) });
        recorder.flush().await.unwrap();
        (10..12).for_each(|number| recorder.record(empty(first + number)));
        recorder.flush().await.unwrap();
        (20..22).for_each(|number| recorder.record(record(first + number)));
        recorder.flush().await.unwrap();
    }
    assert_eq!((recorder.written(), recorder.failed()), (12, 0));
    let full = store.recent(100).await.unwrap().into_iter().filter(|row| row.cost_usd == Some(0.25)).count();
    assert_eq!(full, 6);
}

async fn a_full_queue_drops_and_counts_and_never_waits(database: &Database) {
    let store = Store::open(&database.config()).await.unwrap();
    let recorder = store.recorder_with_queue(4);
    // One thread, and nothing here gives way: the writer cannot run before the flush.
    for number in 0..1000 {
        recorder.record(record(number));
    }
    assert_eq!((recorder.dropped(), recorder.waiting()), (996, 4));
    recorder.flush().await.unwrap();
    assert_eq!((recorder.written(), recorder.waiting()), (4, 0));
    assert_eq!(store.recent(1000).await.unwrap().len(), 4);
    let small = StoreConfig { queue_rows: NonZeroU32::new(2).unwrap(), ..database.config() };
    let recorder = Store::open(&small).await.unwrap().recorder();
    (2000..2010).for_each(|number| recorder.record(record(number)));
    assert_eq!(recorder.dropped(), 8, "the configuration says how many may wait");
}

async fn more_than_a_batch_arrives(database: &Database) {
    let (store, recorder) = recording(database).await;
    // Of every size that a statement has, and what is left over.
    for number in 0..1500 {
        recorder.record(record(number));
    }
    recorder.close().await.unwrap();
    assert_eq!((recorder.written(), recorder.dropped()), (1500, 0));
    assert_eq!(store.totals().await.unwrap().requests(), 1500);
    assert_eq!(store.recent(2000).await.unwrap()[1234], record(265), "each row has its own values");
}

async fn closing_writes_what_waits_and_takes_nothing_more(database: &Database) {
    let (_, recorder) = recording(database).await;
    recorder.record(record(1));
    recorder.close().await.unwrap();
    recorder.record(record(2));
    assert_eq!((recorder.written(), recorder.dropped()), (1, 1));
    assert!(matches!(recorder.flush().await, Err(StoreError::WriterStopped)));
}

async fn rows_outlast_a_table_that_is_gone_for_a_while(database: &Database) {
    let (store, recorder) = recording(database).await;
    database.execute("ALTER TABLE decisions RENAME TO elsewhere").await;
    recorder.record(record(1));
    assert!(matches!(soon("a flush that says no", recorder.flush()).await, Err(StoreError::Unreachable)));
    recorder.record(record(2));
    assert!(!recorder.is_up());
    assert_eq!((recorder.written(), recorder.failed(), recorder.waiting()), (0, 0, 2));
    database.execute("ALTER TABLE elsewhere RENAME TO decisions").await;
    soon("the rows are written", recorder.close()).await.unwrap();
    assert!(recorder.is_up());
    assert_eq!((recorder.written(), recorder.failed(), recorder.dropped()), (2, 0, 0));
    assert_eq!(store.recent(10).await.unwrap(), [record(2), record(1)]);
}

async fn a_refused_row_goes_alone(database: &Database) {
    let (store, recorder) = recording(database).await;
    let refusal = if database.is_sqlite() {
        "CREATE TRIGGER refusal BEFORE INSERT ON decisions WHEN NEW.status = 666 BEGIN SELECT RAISE(ABORT, 'no'); END"
    } else {
        "ALTER TABLE decisions ADD CONSTRAINT refusal CHECK (status <> 666)"
    };
    database.execute(refusal).await;
    for number in 0..1000 {
        let status = if number % 300 == 7 { 666 } else { 200 };
        recorder.record(DecisionRecord { status, ..record(number) });
    }
    recorder.flush().await.unwrap();
    assert_eq!((recorder.written(), recorder.failed(), recorder.dropped()), (996, 4, 0));
    let kept = store.recent(2000).await.unwrap();
    assert_eq!(kept.len(), 996);
    assert!(recorder.is_up() && !kept.iter().any(|row| row.status == 666));
}

async fn what_is_abandoned_is_counted(database: &Database) {
    let (_, recorder) = recording(database).await;
    database.execute("ALTER TABLE decisions RENAME TO elsewhere").await;
    (0..10).for_each(|number| recorder.record(record(number)));
    assert!(matches!(soon("a flush that says no", recorder.flush()).await, Err(StoreError::Unreachable)));
    assert_eq!(recorder.abandon(), 10);
    assert_eq!((recorder.written(), recorder.dropped(), recorder.waiting()), (0, 10, 0));
    assert_eq!(recorder.abandon(), 0, "they are gone already");
}

#[test]
fn a_killed_writer_costs_rows_and_no_request() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}", folder.path().join("semroute.db").display());
    let config = StoreConfig::new(url);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let recorder = runtime.block_on(async {
        let recorder = Store::open(&config).await.unwrap().recorder();
        recorder.record(record(1));
        recorder.flush().await.unwrap();
        recorder
    });
    drop(runtime);
    recorder.record(record(2));
    assert_eq!((recorder.written(), recorder.dropped()), (1, 1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(matches!(runtime.block_on(recorder.flush()), Err(StoreError::WriterStopped)));
    let kept = runtime.block_on(async { Store::open(&config).await.unwrap().recent(10).await.unwrap() });
    assert_eq!(kept, [record(1)]);
}

async fn reopening_keeps_rows_and_a_repeated_id_changes_nothing(database: &Database) {
    for status in [200, 500] {
        let (store, recorder) = recording(database).await;
        recorder.record(DecisionRecord { status, ..record(1) });
        recorder.close().await.unwrap();
        store.close().await;
    }
    let store = Store::open(&database.config()).await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [record(1)]);
}

async fn unknown_cost_stays_apart_from_cost(database: &Database) {
    let store = Store::open(&database.config()).await.unwrap();
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

async fn numbers_and_texts_that_a_database_would_refuse_cost_nothing(database: &Database) {
    let (store, recorder) = recording(database).await;
    recorder.record(DecisionRecord {
        overhead_ms: f64::NAN,
        latency_ms: f64::INFINITY,
        cost_usd: Some(f64::NAN),
        prompt: Some("a\0b".to_owned()),
        output_tokens: Some(u64::MAX),
        ..record(1)
    });
    recorder.record(record(2));
    recorder.flush().await.unwrap();
    assert_eq!((recorder.written(), recorder.failed()), (2, 0));
    let rows = store.recent(10).await.unwrap();
    assert_eq!((rows[1].prompt.as_deref(), rows[1].cost_usd), (Some("a\u{fffd}b"), None));
    assert!((store.spent_since(0).await.unwrap() - 0.25).abs() < 1e-12);
}

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn old_decisions_are_deleted_and_others_kept(database: &Database) {
    let old = |number: usize| DecisionRecord { time_unix_ms: *TODAY_MS - 31 * DAY_MS, ..record(number) };
    let young = DecisionRecord { time_unix_ms: *TODAY_MS - 29 * DAY_MS, ..record(0) };
    let (kept_long, recorder) = recording(database).await;
    // More than a few batches of deletions.
    (1..=3500).for_each(|number| recorder.record(old(number)));
    recorder.record(young.clone());
    recorder.close().await.unwrap();
    assert_eq!(kept_long.totals().await.unwrap().requests(), 3501, "90 days are kept by default");
    let feedback = format!(
        "INSERT INTO feedback (decision_id, time_unix_ms, verdict) SELECT id, {}, 'good' FROM decisions",
        *TODAY_MS
    );
    database.execute(&feedback).await;
    let store = Store::open(&StoreConfig { keep_days: 30, ..database.config() }).await.unwrap();
    let recorder = store.recorder();
    soon("old rows are deleted", async { while store.totals().await.unwrap().requests() > 1 {} }).await;
    let said = "SELECT COUNT(*) FROM feedback";
    soon("what was said of a decision goes with it", async { while database.number(said).await > 1 {} }).await;
    recorder.record(record(9));
    recorder.close().await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [record(9), young]);
}

async fn no_more_than_max_rows_are_kept_and_the_newest_stay(database: &Database) {
    let (_, recorder) = recording(database).await;
    // Many of the same millisecond.
    let crowded = |number: usize| DecisionRecord { time_unix_ms: *TODAY_MS + (number / 1000) as i64, ..record(number) };
    (0..4000).for_each(|number| recorder.record(crowded(number)));
    recorder.close().await.unwrap();
    let pages_before = if database.is_sqlite() { database.number("PRAGMA page_count").await } else { 0 };
    let store = Store::open(&StoreConfig { max_rows: NonZeroU64::new(150), ..database.config() }).await.unwrap();
    let recorder = store.recorder();
    soon("the oldest rows are deleted", async { while store.totals().await.unwrap().requests() > 150 {} }).await;
    let kept = store.recent(200).await.unwrap();
    assert_eq!((kept.len(), kept.first(), kept.last()), (150, Some(&crowded(3999)), Some(&crowded(3850))));
    if database.is_sqlite() {
        let shrinks = async { while database.number("PRAGMA page_count").await > pages_before / 2 {} };
        soon("the file shrinks", shrinks).await;
    }
    recorder.close().await.unwrap();
}

#[tokio::test]
async fn the_file_is_in_write_ahead_mode() {
    let database = Database::in_sqlite();
    let _store = Store::open(&database.config()).await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'").await, 1);
}

#[tokio::test]
async fn a_store_that_would_keep_nothing_is_refused() {
    let error =
        Store::open(&StoreConfig { keep_days: 0, ..Database::in_sqlite().config() }).await.unwrap_err().to_string();
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
