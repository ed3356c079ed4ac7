//! What the log may lose, and what it may not: the real binary under load that is told to stop, is killed, or whose database goes away. Each
//! answer that a client got is looked for in the log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]
#![allow(clippy::print_stdout, reason = "the figures of an outage are worth seeing")]

mod common;

use std::time::{Duration, Instant};

use common::binary::Binary;
use common::databases::Database;
use common::load::{Load, Report};
use common::obliging_provider::obliging_provider;
use common::postgres::Postgres;
use common::router::model_at;
use common::soon;
use common::upstream::Upstream;
use semroute::store::{DecisionRecord, Outcome, Store};
use serde_json::Value;
use tokio::task::{block_in_place, spawn_blocking};

const CLIENTS: usize = 8;

fn serve(database: &Database, upstream: &Upstream, store_lines: &str) -> Binary {
    let store = format!("[store]\nurl = {:?}\n{store_lines}\n", database.url());
    Binary::serve(&(store + &model_at("m", upstream.base_url(), 1.0, "")), &[])
}

/// The ids of the decisions that were answered, in order of the ids.
async fn logged(database: &Database) -> Vec<String> {
    let store = Store::open(&database.config()).await.unwrap();
    let rows = store.recent(1_000_000).await.unwrap();
    let mut ids: Vec<String> =
        rows.into_iter().filter(|row| row.outcome == Outcome::Answered).map(|row| row.id).collect();
    ids.sort_unstable();
    ids
}

async fn get(url: &str, path: &str) -> String {
    let client = semroute::gateway::loopback_client().unwrap();
    soon("an answer", client.get(format!("{url}{path}")).send()).await.unwrap().text().await.unwrap()
}

/// Waits until `/health/ready` says so of the store.
async fn store_is(url: &str, state: &str) {
    let is_said = async {
        loop {
            let body: Value = serde_json::from_str(&get(url, "/health/ready").await).unwrap();
            assert_eq!(body["status"], "ready", "requests are served all the while");
            if body["store"] == state {
                return;
            }
        }
    };
    soon(&format!("the store is {state}"), is_said).await;
}

/// A figure of `/metrics`; 0 where it is not there.
async fn metric(url: &str, name: &str) -> u64 {
    let text = get(url, "/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

async fn told_to_stop(database: &Database) {
    let upstream = obliging_provider().await;
    let binary = serve(database, &upstream, "");
    let mut load = Load::start(binary.url(), CLIENTS);
    load.has_answered(300).await;
    let ended = spawn_blocking(|| binary.terminate());
    let report = load.end().await;
    assert_eq!(soon("it ends", ended).await.unwrap().code(), Some(0));
    assert!(report.answered.len() >= 300);
    assert_eq!(logged(database).await, report.decision_ids(), "every answer is logged, and none that did not come");
}

async fn killed(database: &Database) {
    let upstream = obliging_provider().await;
    let binary = serve(database, &upstream, "");
    let mut load = Load::start(binary.url(), CLIENTS);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        load.has_answered_more(10).await;
    }
    let killed = Instant::now();
    drop(binary);
    let report = load.end().await;
    let logged = logged(database).await;
    let is_missing = |id: &String| logged.binary_search(id).is_err();
    let missing: Vec<_> = report.answered.iter().filter(|answer| is_missing(&answer.decision_id)).collect();
    println!("{} answered, {} of them missing", report.answered.len(), missing.len());
    let second = Duration::from_secs(1);
    assert!(report.answered.iter().any(|answer| answer.at + second < killed), "some are older than a second");
    let early: Vec<_> = missing.iter().filter(|answer| answer.at + second < killed).collect();
    assert!(early.is_empty(), "{early:?}");
}

#[tokio::test]
async fn told_to_stop_it_writes_every_answer_to_sqlite() {
    told_to_stop(&Database::in_sqlite()).await;
}

#[tokio::test]
async fn killed_it_loses_at_most_the_last_second_in_sqlite() {
    killed(&Database::in_sqlite()).await;
}

#[tokio::test]
async fn told_to_stop_or_killed_it_keeps_the_same_promises_with_postgres() {
    let Some(server) = Postgres::start("the log's losses in Postgres") else { return };
    told_to_stop(&Database::in_postgres(&server).await).await;
    killed(&Database::in_postgres(&server).await).await;
}

/// How long an outage lasts at least. A short one shows what there is to show; SEMROUTE_TEST_OUTAGE_SECONDS makes it as long as one wants to see.
fn outage_seconds() -> Duration {
    Duration::from_secs(std::env::var("SEMROUTE_TEST_OUTAGE_SECONDS").map_or(0, |seconds| seconds.parse().unwrap()))
}

/// An outage in the middle of a load; `binary` writes to the server.
async fn outage(server: &mut Postgres, binary: &Binary) -> Report {
    let began = Instant::now();
    let mut load = Load::start(binary.url(), CLIENTS);
    load.has_answered(200).await;
    let stopped = Instant::now();
    block_in_place(|| server.stop());
    load.has_answered_more(600).await;
    store_is(binary.url(), "down").await;
    while stopped.elapsed() < outage_seconds() {
        load.has_answered_more(10).await;
    }
    let restarted = Instant::now();
    block_in_place(|| server.restart());
    store_is(binary.url(), "up").await;
    load.has_answered_more(100).await;
    let report = load.stop().await;
    assert!(report.failed.is_empty(), "no request fails: {:?}", report.failed);
    let slow = report.took(1.0, stopped, restarted);
    for (when, since, until) in [("before", began, stopped), ("without the database", stopped, restarted)] {
        let [half, most, all] = [0.5, 0.99, 1.0].map(|share| report.took(share, since, until));
        println!("{when}: half within {half:?}, 99% within {most:?}, all within {all:?}");
    }
    println!("{} answered, {:?} without the database", report.answered.len(), restarted - stopped);
    assert!(slow < Duration::from_secs(2), "no request waits for the database: one took {slow:?}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_and_comes_back_costs_no_request_and_no_row() {
    let Some(mut server) = Postgres::start("an outage of Postgres") else { return };
    let database = Database::in_postgres(&server).await;
    let upstream = obliging_provider().await;
    // Room for all of a minute at some thousand requests a second.
    let binary = serve(&database, &upstream, "queue_rows = 500000");
    let report = outage(&mut server, &binary).await;
    assert_eq!(metric(binary.url(), "semroute_store_records_total{outcome=\"dropped\"}").await, 0);
    assert_eq!(metric(binary.url(), "semroute_store_up").await, 1);
    let ended = spawn_blocking(|| binary.terminate());
    assert_eq!(soon("it ends", ended).await.unwrap().code(), Some(0));
    assert_eq!(logged(&database).await, report.decision_ids());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_queue_cannot_hold_is_dropped_and_counted() {
    let Some(mut server) = Postgres::start("an outage of Postgres") else { return };
    let database = Database::in_postgres(&server).await;
    let upstream = obliging_provider().await;
    let binary = serve(&database, &upstream, "queue_rows = 8");
    let report = outage(&mut server, &binary).await;
    let url = binary.url();
    soon("the queue is written", async { while metric(url, "semroute_store_queue_rows").await > 0 {} }).await;
    let dropped = metric(url, "semroute_store_records_total{outcome=\"dropped\"}").await;
    assert_eq!(metric(url, "semroute_store_dropped_total{reason=\"queue_full\"}").await, dropped);
    let logged = logged(&database).await.len();
    assert!(dropped >= 300, "600 were answered without the database, and 264 found room: {dropped}");
    assert_eq!(logged + usize::try_from(dropped).unwrap(), report.answered.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_it_starts_serves_and_stops_and_budgets_are_made_good_later() {
    let Some(mut server) = Postgres::start("a start without Postgres") else { return };
    let database = Database::in_postgres(&server).await;
    let recorder = Store::open(&database.config()).await.unwrap().recorder();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let time_unix_ms = i64::try_from(now.as_millis()).unwrap() - 1;
    recorder.record(DecisionRecord {
        id: "early".into(),
        time_unix_ms,
        cost_usd: Some(9.0),
        ..DecisionRecord::default()
    });
    recorder.close().await.unwrap();
    block_in_place(|| server.stop());
    let upstream = obliging_provider().await;
    let store = format!("[store]\nurl = {:?}\n[budget]\nmonth_usd = 5.0\n", database.url());
    let config = store + &model_at("m", upstream.base_url(), 1.0, "");
    let stopping = Binary::serve(&config, &[]);
    assert!(Load::start(stopping.url(), 1).stop().await.failed.is_empty());
    let ended = spawn_blocking(|| stopping.terminate());
    assert_eq!(soon("it ends although its rows find no database", ended).await.unwrap().code(), Some(0));

    let binary = Binary::serve(&config, &[]);
    store_is(binary.url(), "down").await;
    let mut load = Load::start(binary.url(), 1);
    load.has_answered(20).await;
    block_in_place(|| server.restart());
    store_is(binary.url(), "up").await;
    let report = load.end().await;
    assert!(report.failed[0].contains("the budget of this month is used up"), "{:?}", report.failed);
    let ended = spawn_blocking(|| binary.terminate());
    assert_eq!(soon("it ends", ended).await.unwrap().code(), Some(0));
    assert_eq!(logged(&database).await, report.decision_ids(), "what was answered before the database came is logged");
}
