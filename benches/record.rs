//! What the log costs: a request's side of it (building its row, and handing it over), and how many rows a second the writer brings into the
//! database. One thread asks; the writer has another. SEMROUTE_BENCH_POSTGRES=postgres://... adds an empty Postgres database.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use semroute::store::{DecisionRecord, Outcome, PlannedModel, Store, StoreConfig, Try};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Rows of one measurement of the writer.
const INSERTED: u64 = 10_000;

fn row(number: u64) -> DecisionRecord {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let models = ["small", "medium", "large"];
    let qualities = models.map(|model| (model.to_owned(), 0.75));
    DecisionRecord {
        id: format!("dec_{:x}_{number:032x}", now.as_nanos()),
        time_unix_ms: i64::try_from(now.as_millis()).unwrap(),
        caller: Some("team-a".to_owned()),
        caller_id: Some("0123456789abcdef".to_owned()),
        session: Some("fedcba9876543210".to_owned()),
        model: Some("small".to_owned()),
        provider: Some("here".to_owned()),
        task: Some("code".to_owned()),
        task_confidence: Some(0.75),
        complexity: Some("high".to_owned()),
        complexity_confidence: Some(0.5),
        complexity_score: Some(0.66),
        known: Some(true),
        novelty: Some(0.125),
        predicted_quality: Some(0.75),
        predicted_qualities: qualities.clone().into(),
        strategy: Some("balanced".to_owned()),
        reason: "balanced: 0.75 expected for 0.000120 USD, the best of 3 models by quality and cost".to_owned(),
        chain: models
            .map(|model| PlannedModel {
                model: model.to_owned(),
                provider: "here".to_owned(),
                reason: "next by quality and cost".to_owned(),
                ..PlannedModel::default()
            })
            .into(),
        tries: vec![Try {
            model: "small".to_owned(),
            provider: "here".to_owned(),
            outcome: "answered".to_owned(),
            ms: 12.25,
        }],
        attempts: 1,
        status: 200,
        outcome: Outcome::Answered,
        input_tokens: Some(120),
        output_tokens: Some(450),
        cost_usd: Some(0.00012),
        would_cost_usd: qualities.into(),
        best_model: Some("large".to_owned()),
        best_usd: Some(0.012),
        overhead_ms: 0.5,
        latency_ms: 12.5,
        ..DecisionRecord::default()
    }
}

/// The baseline builds and drops a row; the difference to it is what handing it over costs.
fn requests_side(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let runtime = Runtime::new().unwrap();
    let config = StoreConfig::new(format!("sqlite://{}", folder.path().join("bench.db").display()));
    let recorder = runtime.block_on(async { Store::open(&config).await.unwrap().recorder() });
    let mut group = criterion.benchmark_group("log");
    group.bench_function("row without a recorder", |bencher| bencher.iter(|| black_box(row(black_box(1)))));
    group.bench_function("row handed to the recorder", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for number in 0..iterations {
                let began = Instant::now();
                recorder.record(row(number));
                spent += began.elapsed();
                // A full queue would be quicker than one that takes the row.
                if number % 1000 == 999 {
                    runtime.block_on(recorder.flush()).unwrap();
                }
            }
            runtime.block_on(recorder.flush()).unwrap();
            spent
        });
    });
    group.finish();
    assert_eq!(recorder.dropped(), 0);
}

fn writers_side(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("bench.db").display());
    let databases = [("sqlite", Some(sqlite)), ("postgres", std::env::var("SEMROUTE_BENCH_POSTGRES").ok())];
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("log/written");
    group.sample_size(10).throughput(Throughput::Elements(INSERTED));
    for (name, url) in databases.into_iter().filter_map(|(name, url)| Some((name, url?))) {
        let recorder = runtime.block_on(async { Store::open(&StoreConfig::new(url)).await.unwrap().recorder() });
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let rows: Vec<DecisionRecord> = (0..INSERTED).map(row).collect();
                    let began = Instant::now();
                    rows.into_iter().for_each(|row| recorder.record(row));
                    runtime.block_on(recorder.flush()).unwrap();
                    spent += began.elapsed();
                }
                spent
            });
        });
        assert_eq!((recorder.dropped(), recorder.failed()), (0, 0));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = quick::quick();
    targets = requests_side, writers_side
}
criterion_main!(benches);
