//! What the dashboard is told, on both databases: its figures are those of the rows, its lists miss nothing, and it tells nobody but
//! administrators, and them no prompt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres;
use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::upstream::Upstream;
use common::{completion, deserted_base_url, soon};
use fastrand::Rng;
use semroute::store::{DecisionRecord, Outcome, OverviewAsked, PlannedModel, RELATIVE_ERROR, Store, StoreConfig, Try};
use serde_json::{Value, json};
use sqlx::Row;
use tempfile::TempDir;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const CALLERS: [Option<&str>; 4] = [None, Some("web"), Some("research"), Some("*")];

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("log.db").display())
}

async fn store(url: &str) -> Store {
    Store::open(&StoreConfig::new(url)).await.unwrap()
}

async fn router(url: &str) -> TestRouter {
    let base_url = deserted_base_url();
    TestRouter::start(&format!("[store]\nurl = {url:?}\n{}", cheap_and_dear(&base_url, &base_url))).await
}

async fn get(router: &TestRouter, path: &str) -> Value {
    let response = soon("an answer", router.get(path).send()).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

/// Anything that a row may say, in the last days.
fn any_record(rng: &mut Rng, at: usize, now_ms: i64) -> DecisionRecord {
    let is_auto = chance(rng, 80);
    let model = ["small", "middle", "large"][rng.usize(0..3)].to_owned();
    let outcome = if chance(rng, 70) { Outcome::Answered } else { Outcome::ALL[rng.usize(0..5)] };
    let has_model = outcome != Outcome::Failed;
    let outcomes = ["answered", "timeout", "429", "gate_json", "breaker_open", "lost_race"];
    let tries = (0..rng.usize(0..4)).map(|_| Try {
        model: model.clone(),
        provider: ["near", "far"][rng.usize(0..2)].to_owned(),
        outcome: outcomes[rng.usize(0..outcomes.len())].to_owned(),
        ms: 1.0,
    });
    let tries = tries.collect();
    let mut some = |percent: u32, most: f64| chance(rng, percent).then_some(()).map(|()| rng.f64() * most);
    let (cost_usd, best_usd, would_usd) = (some(90, 0.1), some(90, 0.2), some(100, 0.3).unwrap());
    let (confidence, quality) = (some(100, 1.0).filter(|_| is_auto), some(95, 1.0));
    let (latency_ms, overhead_ms) = (some(100, 12.0).unwrap().exp(), some(100, 2.0).unwrap());
    let planned = PlannedModel { model: model.clone(), provider: "near".into(), ..PlannedModel::default() };
    DecisionRecord {
        id: format!("dec_{at:06}"),
        // Half of them in the last hours, where there are minutes.
        time_unix_ms: now_ms - if chance(rng, 50) { rng.i64(0..5 * HOUR) } else { rng.i64(0..60 * DAY) },
        caller: CALLERS[rng.usize(0..4)].map(str::to_owned),
        model: has_model.then(|| model.clone()),
        provider: has_model.then(|| "near".to_owned()),
        task: is_auto.then(|| ["code", "chat"][rng.usize(0..2)].to_owned()),
        task_confidence: confidence,
        complexity: is_auto.then(|| ["low", "high"][rng.usize(0..2)].to_owned()),
        known: is_auto.then(|| chance(rng, 90)),
        truncated: is_auto.then(|| chance(rng, 10)),
        predicted_quality: quality.filter(|_| is_auto),
        strategy: is_auto.then(|| "balanced".to_owned()),
        chain: vec![planned],
        tries,
        outcome,
        status: 200,
        cache: chance(rng, 10).then(|| "exact".to_owned()),
        input_tokens: chance(rng, 90).then(|| rng.u64(0..5000)),
        cached_input_tokens: chance(rng, 50).then(|| rng.u64(0..500)),
        output_tokens: chance(rng, 90).then(|| rng.u64(0..900)),
        cost_usd,
        would_cost_usd: [("small".to_owned(), would_usd), ("large".to_owned(), would_usd * 2.0)].into(),
        best_model: is_auto.then(|| "large".to_owned()),
        best_usd: best_usd.filter(|_| is_auto),
        latency_ms,
        overhead_ms,
        ..DecisionRecord::default()
    }
}

#[track_caller]
fn same(what: &str, told: &Value, expected: f64) {
    let told = told.as_f64().unwrap_or_else(|| panic!("{what} is no number: {told}"));
    assert!((told - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{what}: {told} instead of {expected}");
}

#[track_caller]
fn same_percentile(what: &str, told: &Value, of: &[f64], share: f64) {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        assert!(told.is_null(), "{what}: {told} of nothing");
        return;
    }
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let exact = sorted[rank.clamp(1, sorted.len()) - 1];
    let told = told.as_f64().unwrap();
    assert!((told / exact - 1.0).abs() <= RELATIVE_ERROR + 1e-9, "{what}: {told} instead of {exact}");
}

/// Every figure of an overview beside what the rows say.
fn check_overview(told: &Value, all: &[DecisionRecord], caller: Option<&str>) {
    let (from_ms, to_ms) = (told["from_ms"].as_i64().unwrap(), told["to_ms"].as_i64().unwrap());
    let is_in = |record: &&DecisionRecord| {
        (from_ms..to_ms).contains(&record.time_unix_ms)
            && caller.is_none_or(|caller| record.caller.as_deref().unwrap_or_default() == caller)
    };
    let rows: Vec<&DecisionRecord> = all.iter().filter(is_in).collect();
    let count = |is: &dyn Fn(&DecisionRecord) -> bool| rows.iter().filter(|row| is(row)).count() as f64;
    let sum = |of: &dyn Fn(&DecisionRecord) -> Option<f64>| rows.iter().filter_map(|row| of(row)).sum::<f64>();
    let totals = &told["totals"];
    same("requests", &totals["requests"], rows.len() as f64);
    for outcome in Outcome::ALL {
        same(outcome.name(), &totals[outcome.name()], count(&|row| row.outcome == outcome));
    }
    same("auto_requests", &totals["auto_requests"], count(&|row| row.strategy.is_some()));
    same("abstentions", &totals["abstentions"], count(&|row| row.known == Some(false)));
    same("truncated", &totals["truncated"], count(&|row| row.truncated == Some(true)));
    same("cache_hits", &totals["cache_hits"], count(&|row| row.cache.is_some()));
    same("input_tokens", &totals["input_tokens"], sum(&|row| row.input_tokens.map(|tokens| tokens as f64)));
    same("cached", &totals["cached_input_tokens"], sum(&|row| row.cached_input_tokens.map(|tokens| tokens as f64)));
    same("output_tokens", &totals["output_tokens"], sum(&|row| row.output_tokens.map(|tokens| tokens as f64)));
    same("known_cost_usd", &totals["known_cost_usd"], sum(&|row| row.cost_usd));
    let is_unknown = |row: &DecisionRecord| row.cost_usd.is_none() && row.outcome != Outcome::Refused;
    same("unknown_cost_requests", &totals["unknown_cost_requests"], count(&is_unknown));

    let is_saving = |row: &DecisionRecord| {
        row.outcome == Outcome::Answered && row.strategy.is_some() && row.cost_usd.is_some() && row.best_usd.is_some()
    };
    let savings = &told["savings"];
    let spent = sum(&|row| row.cost_usd.filter(|_| is_saving(row)));
    let best = sum(&|row| row.best_usd.filter(|_| is_saving(row)));
    same("savings.requests", &savings["requests"], count(&is_saving));
    same("spent_usd", &savings["spent_usd"], spent);
    same("always_best_usd", &savings["always_best_usd"], best);
    same("saved_usd", &savings["saved_usd"], best - spent);
    for against in savings["by_model"].as_array().unwrap() {
        let would = |row: &DecisionRecord| {
            row.would_cost_usd.get(against["model"].as_str().unwrap()).copied().filter(|_| is_saving(row))
        };
        same("would_cost_usd", &against["would_cost_usd"], sum(&would));
        same("of the same requests", &against["spent_usd"], sum(&|row| would(row).and(row.cost_usd)));
    }

    let answered: Vec<&&DecisionRecord> = rows.iter().filter(|row| row.outcome == Outcome::Answered).collect();
    let latencies: Vec<f64> = answered.iter().map(|row| row.latency_ms).collect();
    let overheads: Vec<f64> = answered.iter().map(|row| row.overhead_ms).collect();
    for (name, of, share) in [
        ("p50_ms", &latencies, 0.5),
        ("p90_ms", &latencies, 0.9),
        ("p95_ms", &latencies, 0.95),
        ("p99_ms", &latencies, 0.99),
        ("overhead_p50_ms", &overheads, 0.5),
        ("overhead_p99_ms", &overheads, 0.99),
    ] {
        same_percentile(name, &told["latency"][name], of, share);
    }

    let series = told["series"].as_array().unwrap();
    let bucket_ms = told["bucket_ms"].as_i64().unwrap();
    assert!((1..=200).contains(&series.len()), "{} points", series.len());
    assert!(from_ms + bucket_ms * series.len() as i64 >= to_ms, "the points reach the end");
    for (at, point) in series.iter().enumerate() {
        let start = from_ms + bucket_ms * at as i64;
        assert_eq!(point["t_ms"], start);
        let here: Vec<&&DecisionRecord> =
            rows.iter().filter(|row| (start..start + bucket_ms).contains(&row.time_unix_ms)).collect();
        same("a point's requests", &point["requests"], here.len() as f64);
        same("a point's cost", &point["cost_usd"], here.iter().filter_map(|row| row.cost_usd).sum());
        let is_failed = |row: &&&&DecisionRecord| matches!(row.outcome, Outcome::Failed | Outcome::Broken);
        same("a point's failures", &point["failed"], here.iter().filter(is_failed).count() as f64);
        let times: Vec<f64> =
            here.iter().filter(|row| row.outcome == Outcome::Answered).map(|row| row.latency_ms).collect();
        same_percentile("a point's p95", &point["p95_ms"], &times, 0.95);
    }

    let mut heat: BTreeMap<(String, String), (u64, f64)> = BTreeMap::new();
    for row in &rows {
        if let (Some(task), Some(model)) = (&row.task, &row.model) {
            let cell = heat.entry((task.clone(), model.clone())).or_default();
            *cell = (cell.0 + 1, cell.1 + row.cost_usd.unwrap_or(0.0));
        }
    }
    let cells = told["heat"].as_array().unwrap();
    assert_eq!(cells.len(), heat.len());
    for cell in cells {
        let key = (cell["task"].as_str().unwrap().to_owned(), cell["model"].as_str().unwrap().to_owned());
        same("heat requests", &cell["requests"], heat[&key].0 as f64);
        same("heat cost", &cell["cost_usd"], heat[&key].1);
    }
    for (name, share_of) in [
        ("confidence", (|row| row.task_confidence) as fn(&DecisionRecord) -> Option<f64>),
        ("quality", |row| row.predicted_quality.filter(|_| row.model.is_some())),
    ] {
        let bins = told[name].as_array().unwrap();
        assert_eq!(bins.len(), 20);
        for (at, bin) in bins.iter().enumerate() {
            let is_here = |row: &DecisionRecord| share_of(row).is_some_and(|share| (share * 20.0) as usize == at);
            same(name, &bin["requests"], count(&is_here));
        }
    }
    for of_model in told["models"].as_array().unwrap() {
        let is_its = |row: &DecisionRecord| row.chain[0].model == of_model["model"].as_str().unwrap();
        same("a model's requests", &of_model["requests"], count(&is_its));
        same("a model's cost", &of_model["cost_usd"], sum(&|row| row.cost_usd.filter(|_| is_its(row))));
    }
    for provider in told["providers"].as_array().unwrap() {
        let of_provider = |outcome: &str| {
            let is_it = |tried: &&Try| tried.provider == provider["provider"] && tried.outcome == outcome;
            rows.iter().flat_map(|row| &row.tries).filter(is_it).count() as f64
        };
        same("timeouts", provider["errors"].get("timeout").unwrap_or(&json!(0)), of_provider("timeout"));
        same("its failures", &provider["failed"], of_provider("timeout") + of_provider("429"));
        let asked = ["answered", "timeout", "429", "gate_json", "lost_race"].map(of_provider).iter().sum();
        same("its tries", &provider["tries"], asked);
    }
}

/// Rows are written in batches, some of them twice, and then asked for in many ways.
async fn figures_are_those_of_the_rows(url: &str) {
    let (mut rng, now) = (Rng::with_seed(7), now_ms());
    let all: Vec<DecisionRecord> = (0..700).map(|at| any_record(&mut rng, at, now)).collect();
    let log = store(url).await;
    let mut written = 0;
    while written < all.len() {
        let batch = &all[written..all.len().min(written + rng.usize(1..60))];
        log.write_now(batch).await.unwrap();
        if chance(&mut rng, 30) {
            log.write_now(&all[written.saturating_sub(10)..written + batch.len()]).await.unwrap();
        }
        written += batch.len();
    }
    let router = router(url).await;
    for _ in 0..25 {
        let length = [HOUR, 5 * HOUR, 30 * HOUR, 9 * DAY, 33 * DAY, 200 * DAY][rng.usize(0..6)];
        let to_ms = if chance(&mut rng, 60) { now } else { now - rng.i64(0..50 * DAY) };
        let from_ms = to_ms - rng.i64(1..length);
        for caller in [None, Some(""), Some("web"), Some("nobody")] {
            let filter = caller.map(|caller| format!("&caller={caller}")).unwrap_or_default();
            let told = get(&router, &format!("/ui/api/overview?from_ms={from_ms}&to_ms={to_ms}{filter}")).await;
            check_overview(&told, &all, caller);
        }
    }
    let all_time = get(&router, &format!("/ui/api/overview?from_ms={}&to_ms={now}", now - 90 * DAY)).await;
    assert_eq!(all_time["callers"], json!(["", "*", "research", "web"]));
    lists_miss_nothing(&router, &log, &all).await;
}

async fn lists_miss_nothing(router: &TestRouter, log: &Store, all: &[DecisionRecord]) {
    for caller in [None, Some(""), Some("web")] {
        let filter = caller.map(|caller| format!("&caller={caller}")).unwrap_or_default();
        let (mut path, mut seen) = (format!("/ui/api/decisions?limit=97{filter}"), Vec::new());
        let mut latest = None;
        loop {
            let page = get(router, &path).await;
            latest.get_or_insert_with(|| page["latest"].as_str().unwrap().to_owned());
            seen.extend(page["decisions"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/ui/api/decisions?limit=97&before={next}{filter}");
        }
        let is_its =
            |row: &&DecisionRecord| caller.is_none_or(|caller| row.caller.as_deref().unwrap_or_default() == caller);
        let mut expected: Vec<&str> = all.iter().filter(is_its).map(|row| row.id.as_str()).collect();
        let mut ids: Vec<&str> = seen.iter().map(|row| row["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "each once");
        let ends: Vec<f64> = seen
            .iter()
            .map(|row| row["time_unix_ms"].as_f64().unwrap() + row["latency_ms"].as_f64().unwrap())
            .collect();
        assert!(ends.is_sorted_by(|a, b| *a >= *b - 1.0), "those that ended last come first");
        let again = get(router, &format!("/ui/api/decisions?after={}{filter}", latest.unwrap())).await;
        assert_eq!(again["decisions"], json!([]), "nothing came since");
    }
    // A request that came before others and ended after them is news.
    let head = get(router, "/ui/api/decisions?limit=1").await["latest"].as_str().unwrap().to_owned();
    let late = DecisionRecord {
        id: "dec_late".into(),
        time_unix_ms: now_ms() - HOUR,
        latency_ms: (2 * HOUR) as f64,
        reason: "it took long".into(),
        ..DecisionRecord::default()
    };
    log.write_now(std::slice::from_ref(&late)).await.unwrap();
    let news = get(router, &format!("/ui/api/decisions?after={head}")).await;
    assert_eq!(news["decisions"].as_array().unwrap().len(), 1, "{news}");
    assert_eq!((news["decisions"][0]["id"].as_str(), &news["next"]), (Some("dec_late"), &Value::Null));
    let again = get(router, &format!("/ui/api/decisions?after={}", news["latest"].as_str().unwrap())).await;
    assert_eq!(again["decisions"], json!([]));
}

#[tokio::test]
async fn in_sqlite_figures_are_those_of_the_rows_and_lists_miss_nothing() {
    let folder = tempfile::tempdir().unwrap();
    figures_are_those_of_the_rows(&sqlite(&folder)).await;
}

#[tokio::test]
async fn in_postgres_figures_are_those_of_the_rows_and_lists_miss_nothing() {
    let Some(postgres) = Postgres::start("the dashboard's figures in Postgres") else { return };
    figures_are_those_of_the_rows(&postgres.url()).await;
    two_servers_count_side_by_side(&postgres.url()).await;
}

/// Sums are read, added to and written back; what two servers write at the same time must not get lost.
async fn two_servers_count_side_by_side(url: &str) {
    let asked = OverviewAsked { from_ms: Some(0), to_ms: Some(DAY), caller: None };
    let row = |server: i64, at: i64| DecisionRecord {
        id: format!("both_{server}_{at}"),
        time_unix_ms: HOUR + at,
        caller: Some(format!("server {server}")),
        ..DecisionRecord::default()
    };
    let write = async |server: i64| {
        let log = store(url).await;
        for at in 0..40 {
            log.write_now(&[row(server, at)]).await.unwrap();
        }
    };
    tokio::join!(write(1), write(2));
    let told = serde_json::to_value(store(url).await.dashboard().overview(&asked).await.unwrap()).unwrap();
    assert_eq!(told["totals"]["requests"], 80);
}

#[tokio::test]
async fn what_was_decided_before_there_were_sums_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(&folder);
    let (mut rng, now) = (Rng::with_seed(3), now_ms());
    let all: Vec<DecisionRecord> = (0..1200).map(|at| any_record(&mut rng, at, now)).collect();
    let log = store(&url).await;
    log.write_now(&all[..1100]).await.unwrap();
    // As the migration leaves a database of an earlier version.
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM rollups").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO rollup_backlog (id) SELECT id FROM decisions").execute(&pool).await.unwrap();
    let recorder = log.recorder();
    all[1100..].iter().cloned().for_each(|record| recorder.record(record));
    recorder.flush().await.unwrap();
    let counted = async {
        loop {
            let left = sqlx::query("SELECT COUNT(*) AS n FROM rollup_backlog").fetch_one(&pool).await.unwrap();
            if left.get::<i64, _>("n") == 0 {
                return;
            }
        }
    };
    soon("the backlog is counted", counted).await;
    let asked = OverviewAsked { from_ms: Some(now - 90 * DAY), to_ms: Some(now), caller: None };
    let told = log.dashboard().overview(&asked).await.unwrap();
    check_overview(&serde_json::to_value(told).unwrap(), &all, None);
}

#[tokio::test]
async fn only_administrators_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let keys = "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n\
        [[auth.keys]]\nname = \"boss\"\nkey_env = \"OTHER_PROVIDER_KEY\"\nadmin = true\n";
    let models = model_at("m", &deserted_base_url(), 1.0, "");
    let router = TestRouter::start(&format!("{keys}[store]\nurl = {:?}\n{models}", sqlite(&folder))).await;
    for name in ["overview", "decisions", "budgets", "models", "explain"] {
        let path = format!("/ui/api/{name}");
        let ask = || if name == "explain" { router.post(&path).body(r#"{"prompt":"Hi"}"#) } else { router.get(&path) };
        assert_eq!(ask().send().await.unwrap().status(), 401, "{name}");
        let refused = ask().bearer_auth("first-key").send().await.unwrap();
        assert_eq!(refused.status(), 403, "{name}");
        assert_eq!(error_of(refused).await["code"], "admin_only");
        assert_eq!(ask().bearer_auth("sk-other-secret").send().await.unwrap().status(), 200, "{name}");
    }
}

#[tokio::test]
async fn nothing_of_a_prompt_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(&folder);
    let record = DecisionRecord {
        id: "dec_1".into(),
        time_unix_ms: now_ms() - MINUTE,
        prompt: Some("xylophone 4711".into()),
        features: Some(b"xylophone".to_vec()),
        fingerprint: Some("f1n6erpr1n7".into()),
        ..DecisionRecord::default()
    };
    store(&url).await.write_now(&[record]).await.unwrap();
    let router = router(&url).await;
    for path in ["/ui/api/overview", "/ui/api/decisions"] {
        let told = get(&router, path).await.to_string();
        assert!(told.len() > 100 && !told.contains("xylophone") && !told.contains("f1n6erpr1n7"), "{told}");
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let router = router(&sqlite(&folder)).await;
    for (path, field, says) in [
        ("overview?from_ms=9&to_ms=9", Some("from_ms"), "must be before to_ms"),
        ("overview?from_ms=0", Some("from_ms"), "longer than the 400 days"),
        ("overview?to_ms=-1", Some("to_ms"), "no time in milliseconds"),
        ("overview?from_ms=yesterday", None, "from_ms"),
        ("overview?form_ms=1", None, "form_ms"),
        ("decisions?limit=0", Some("limit"), "from 1 to 200"),
        ("decisions?limit=201", Some("limit"), "from 1 to 200"),
        ("decisions?before=x", Some("before"), "is no cursor"),
        ("decisions?after=1", Some("after"), "is no cursor"),
    ] {
        let response = router.get(&format!("/ui/api/{path}")).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
        let error = error_of(response).await;
        assert_eq!(error["param"].as_str(), field, "{path}");
        assert!(error["message"].as_str().unwrap().contains(says), "{path}: {error}");
    }
    let wrong = router.get("/ui/api/explain").send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), header(&wrong, "allow").as_str()), (405, "POST"));
}

#[tokio::test]
async fn without_a_store_the_router_is_still_explained() {
    let models = model_at("m", &deserted_base_url(), 1.0, "");
    let router = TestRouter::start(&models).await;
    for path in ["/ui/api/overview", "/ui/api/decisions"] {
        let refused = router.get(path).send().await.unwrap();
        assert_eq!(refused.status(), 409);
        assert_eq!(error_of(refused).await["code"], "no_store");
    }
    assert_eq!(get(&router, "/ui/api/budgets").await, json!({"budgets": []}));
    let models = get(&router, "/ui/api/models").await;
    assert_eq!((&models["models"][0]["name"], &models["models"][0]["input_usd_per_mtok"]), (&json!("m"), &json!(1.0)));
    assert!(models["strategies"].as_array().unwrap().contains(&json!("balanced")));
}

#[tokio::test]
async fn budgets_tell_what_is_left_and_when_they_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let budget = "[budget]\nday_usd = 5.0\nmonth_usd = 50.0\n";
    let models = model_at("m", upstream.base_url(), 100.0, "");
    let router = TestRouter::start(&format!("{budget}[store]\nurl = {:?}\n{models}", sqlite(&folder))).await;
    assert_eq!(router.ask("m").await.status(), 200);
    let told = get(&router, "/ui/api/budgets").await;
    let rows = told["budgets"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, period, limit_usd) in [(&rows[0], "day", 5.0), (&rows[1], "month", 50.0)] {
        assert_eq!((row["name"].as_str(), row["period"].as_str()), (Some("all callers"), Some(period)));
        assert_eq!(row["limit_usd"].as_f64(), Some(limit_usd));
        // A thousand tokens and a hundred at 100 USD a million.
        let used = row["spent_usd"].as_f64().unwrap() + row["reserved_usd"].as_f64().unwrap();
        assert!(used > 0.0 && used < 1.0, "{row}");
        let resets_ms = row["resets_ms"].as_i64().unwrap();
        assert!(resets_ms % DAY == 0 && resets_ms > now_ms(), "they begin at midnight UTC: {row}");
    }
}

#[tokio::test]
async fn a_decision_is_explained_with_every_model_and_nothing_is_sent() {
    let base_url = deserted_base_url();
    let bound = "[router.limits]\nproviders = [\"cheap-provider\"]\n";
    let router = TestRouter::start(&format!("{bound}{}", cheap_and_dear(&base_url, &base_url))).await;
    let ask = async |body: Value| soon("an answer", router.post("/ui/api/explain").json(&body).send()).await.unwrap();
    let told: Value = ask(json!({"prompt": "Write a haiku", "strategy": "best"})).await.json().await.unwrap();
    assert_eq!((&told["decision"]["model"], &told["decision"]["strategy"]), (&json!("cheap"), &json!("best")));
    assert_eq!(told["chain"].as_array().unwrap().len(), 1);
    assert_eq!(told["considered"][0]["outside"], Value::Null);
    let dear = &told["considered"][1];
    assert_eq!((&dear["model"], &dear["provider"]), (&json!("dear"), &json!("dear-provider")));
    assert_eq!(dear["outside"], "is served by dear-provider, which is not allowed");
    assert!(dear["predicted_quality"].is_f64() && dear["expected_cost_usd"].is_f64(), "{dear}");
    let complexities = told["complexity_scores"].as_object().unwrap();
    let sum: f64 = complexities.values().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-6 && told["took_ms"].as_f64().unwrap() > 0.0, "{told}");
    for (body, status) in [
        (json!({"prompt": "Hi", "strategy": "wildest"}), 400),
        (json!({"prompt": " "}), 400),
        (json!({"prompt": 1}), 400),
        (json!({"prompt": "Hi", "colour": "red"}), 400),
        (json!({"prompt": "Hi", "model": "nobody"}), 404),
    ] {
        let refused = ask(body.clone()).await;
        assert_eq!(refused.status(), status, "{body}");
        error_of(refused).await;
    }
}

/// Runs `semroute log seed`.
fn seed(folder: &TempDir, rows: u32) -> std::process::Output {
    let base_url = deserted_base_url();
    let config = folder.path().join("semroute.toml");
    let toml = format!("[store]\nurl = {:?}\n{}", sqlite(folder), cheap_and_dear(&base_url, &base_url));
    std::fs::write(&config, toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_semroute"));
    command.args(["log", "seed", "--days", "8", "--rows", &rows.to_string(), "--config"]).arg(config);
    command.output().unwrap()
}

/// Sums read, their bytes, and the quickest of several overviews of seven days.
async fn effort(folder: &TempDir) -> (i64, i64, Duration, Value) {
    let url = sqlite(folder);
    let now = now_ms();
    let asked = OverviewAsked { from_ms: Some(now - 7 * DAY), to_ms: Some(now), caller: None };
    let dashboard = store(&url).await.dashboard();
    let mut quickest = Duration::MAX;
    let mut told = Value::Null;
    for _ in 0..9 {
        let began = Instant::now();
        let overview = dashboard.overview(&asked).await.unwrap();
        quickest = quickest.min(began.elapsed());
        told = serde_json::to_value(overview).unwrap();
    }
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let sums = "SELECT COUNT(*) AS n, SUM(LENGTH(body)) AS bytes FROM rollups \
        WHERE span_ms = 3600000 AND scope = 'all' AND start_unix_ms >= $1";
    let row = sqlx::query(sums).bind(now - 7 * DAY).fetch_one(&pool).await.unwrap();
    (row.get("n"), row.get("bytes"), quickest, told)
}

#[tokio::test]
async fn an_overview_of_ten_times_the_decisions_takes_about_as_long() {
    let (few, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, rows) in [(&few, 5_000), (&many, 50_000)] {
        let seeded = seed(folder, rows);
        assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
    }
    let refused = seed(&few, 10);
    assert_eq!(refused.status.code(), Some(2));
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(says.contains("the store holds decisions") && says.contains("--force"), "{says}");

    let (sums, bytes, took, _) = effort(&few).await;
    let (sums_of_many, bytes_of_many, took_of_many, told) = effort(&many).await;
    println!("{sums} sums of {bytes} bytes in {took:?}; {sums_of_many} of {bytes_of_many} in {took_of_many:?}");
    assert!(sums <= 169 && sums_of_many <= 169, "{sums}, {sums_of_many}: one for each hour");
    assert!(bytes_of_many < 3 * bytes, "{bytes_of_many} bytes and {bytes}");
    assert!(took_of_many < 3 * took + Duration::from_millis(5), "{took_of_many:?} and {took:?}");
    let callers: Vec<&str> = told["callers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(!callers.is_empty() && callers.iter().all(|name| name.starts_with("seed-")), "{callers:?}");
    assert!(told["totals"]["requests"].as_u64().unwrap() > 40_000, "{}", told["totals"]);
    assert!(told["savings"]["saved_usd"].as_f64().unwrap() > 0.0, "{}", told["savings"]);
}
