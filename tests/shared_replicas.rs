//! Several replicas with one Redis: one budget, one set of places, and what becomes of them when Redis or a replica goes away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::binary::Binary;
use common::nginx::Nginx;
use common::redis::Redis;
use common::router::model_at;
use common::soon;
use common::upstream::{Reply, Upstream};
use reqwest::{Client, StatusCode};
use semroute::http::simulated_upstream::{self, Behaviour, SimulatedUpstream};
use semroute::store::{Store, StoreConfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

const KEY: &str = "sk-one-for-all-replicas";
const VARIABLES: [(&str, &str); 2] = [("KEY", KEY), ("REDIS_PASSWORD", "hunter2")];

/// The longest that a request of these tests waits for Redis: the machine may be busy, and that is no failure here.
const PATIENT: &str = "timeout_ms = 10000";

/// Replicas with a log each.
struct Replicas {
    running: Vec<Binary>,
    folder: TempDir,
}

impl Replicas {
    fn start(replicas: usize, redis: &Redis, limits: &str, shared: &str, base_url: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let toml = |replica: usize| {
            format!(
                "[store]\nurl = \"sqlite://{}/{replica}.db\"\n[shared]\nurl = \"{}\"\npassword_env = \"REDIS_PASSWORD\"\n{shared}\n\
                 [auth]\nrequired = true\n[[auth.keys]]\nname = \"all\"\nkey_env = \"KEY\"\nadmin = true\n{limits}\n{}",
                folder.path().display(),
                redis.address(),
                model_at("m", base_url, 10.0, "") + more
            )
        };
        let running = (0..replicas).map(|replica| Binary::serve(&toml(replica), &VARIABLES)).collect();
        Self { running, folder }
    }

    fn addresses(&self) -> Vec<String> {
        self.running.iter().map(|replica| replica.url().trim_start_matches("http://").to_owned()).collect()
    }

    /// Stops them all. What their logs say was spent, in USD, and how many requests were answered.
    async fn spent(self) -> (f64, u64) {
        let replicas = self.running.len();
        self.running.into_iter().for_each(|replica| assert!(replica.terminate().success()));
        let (mut spent_usd, mut rows) = (0.0, 0);
        for replica in 0..replicas {
            let url = format!("sqlite://{}/{replica}.db", self.folder.path().display());
            let store = Store::open(&StoreConfig::new(&url)).await.unwrap();
            spent_usd += store.spent_since(0).await.unwrap();
            rows += store
                .totals()
                .await
                .unwrap()
                .by_model
                .iter()
                .filter(|one| one.model.is_some())
                .map(|one| one.requests)
                .sum::<u64>();
        }
        (spent_usd, rows)
    }
}

async fn simulated() -> SimulatedUpstream {
    simulated_upstream::spawn(Behaviour::default()).await.unwrap()
}

async fn ask(client: &Client, url: &str) -> StatusCode {
    let body = json!({"model": "m", "max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]});
    let sending = client.post(format!("{url}/v1/chat/completions")).bearer_auth(KEY).json(&body).send();
    let response = soon("an answer", sending).await.unwrap();
    let status = response.status();
    soon("all of it", response.bytes()).await.unwrap();
    status
}

/// So many requests, so many at once. Returns how many were answered 200, 402 and 429, and nothing else may come. `at` is called with the number of
/// those that are over.
async fn crowd(url: &str, requests: usize, at_once: usize, at: impl Fn(usize) + Send + Sync + 'static) -> [usize; 3] {
    let (asked, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (client, at) = (semroute::gateway::loopback_client().unwrap(), Arc::new(at));
    let asking = (0..at_once).map(|_| {
        let (asked, over, client, at, url) =
            (Arc::clone(&asked), Arc::clone(&over), client.clone(), Arc::clone(&at), url.to_owned());
        tokio::spawn(async move {
            let mut answers = [0; 3];
            while asked.fetch_add(1, Ordering::Relaxed) < requests {
                let status = ask(&client, &url).await;
                let place = [200, 402, 429].iter().position(|known| *known == status.as_u16());
                answers[place.unwrap_or_else(|| panic!("answered {status}"))] += 1;
                at(over.fetch_add(1, Ordering::Relaxed) + 1);
            }
            answers
        })
    });
    let mut all = [0; 3];
    for answers in futures_util::future::join_all(asking).await {
        all.iter_mut().zip(answers.unwrap()).for_each(|(all, one)| *all += one);
    }
    all
}

fn in_redis(redis: &Redis, field: &str) -> i64 {
    redis.ask(&["hget", "{semroute}:account:everybody", field]).trim().parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_at_three_replicas_never_pass_one_budget() {
    let Some(redis) = Redis::start("one budget of several replicas") else { return };
    let upstream = simulated().await;
    let replicas = Replicas::start(3, &redis, "budget = { day_usd = 0.5 }", PATIENT, &upstream.base_url(), "");
    let Some(nginx) = Nginx::start("one budget of several replicas", &replicas.addresses()) else { return };
    let [answered, too_dear, too_many] = crowd(&nginx.url(), 10_000, 200, |_| {}).await;
    assert_eq!((answered + too_dear, too_many), (10_000, 0));
    let (spent_usd, rows) = replicas.spent().await;
    assert_eq!(rows as usize, answered, "every answer stands in a log");
    assert!(spent_usd <= 0.5, "{spent_usd} USD were spent of 0.5, in {answered} answers");
    assert!(spent_usd > 0.498, "only {spent_usd} USD were spent, and {too_dear} were refused");
    let told_usd = in_redis(&redis, "day_spent") as f64 / 1e9;
    assert!((told_usd - spent_usd).abs() < 1e-6, "Redis says {told_usd}, the logs {spent_usd}");
    assert_eq!(in_redis(&redis, "reserved"), 0);
    let everything = redis.ask(&["--scan"]);
    assert!(everything.lines().count() >= 2 && !everything.contains("all\n"), "{everything}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_does_not_answer_holds_nobody_up_and_learns_afterwards_what_was_spent() {
    let Some(redis) = Redis::start("a Redis that hangs") else { return };
    let upstream = simulated().await;
    let replicas =
        Replicas::start(2, &redis, "budget = { day_usd = 100.0 }", "timeout_ms = 200", &upstream.base_url(), "");
    let Some(nginx) = Nginx::start("a Redis that hangs", &replicas.addresses()) else { return };
    let redis = Arc::new(redis);
    let at = {
        let redis = Arc::clone(&redis);
        move |over: usize| match over {
            100 => redis.freeze(),
            500 => redis.go_on(),
            _ => {}
        }
    };
    assert_eq!(crowd(&nginx.url(), 600, 20, at).await, [600, 0, 0]);
    let client = semroute::gateway::loopback_client().unwrap();
    for replica in &replicas.running {
        let url = format!("{}/metrics", replica.url());
        let metrics = async || client.get(&url).bearer_auth(KEY).send().await.unwrap().text().await.unwrap();
        soon("the replica finds Redis again", async {
            while !metrics().await.contains("semroute_shared_state_up 1") {}
        })
        .await;
        assert!(metrics().await.contains("semroute_shared_state_missed_total"), "{}", metrics().await);
    }
    let (spent_usd, rows) = replicas.spent().await;
    assert_eq!(rows, 600);
    let told_usd = in_redis(&redis, "day_spent") as f64 / 1e9;
    assert!((told_usd - spent_usd).abs() < 1e-6, "Redis says {told_usd}, the logs {spent_usd}");
    assert_eq!(in_redis(&redis, "reserved"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_killed_under_load_fails_nobody_and_its_reservations_end() {
    let Some(redis) = Redis::start("a replica that is killed under load") else { return };
    let upstream = simulated().await;
    let shared = format!("{PATIENT}\nlease_seconds = 3");
    let budget = "budget = { day_usd = 0.3 }";
    let mut replicas = Replicas::start(3, &redis, budget, &shared, &upstream.base_url(), "");
    let Some(nginx) = Nginx::start("a replica that is killed under load", &replicas.addresses()) else { return };
    let dying = Mutex::new(Some(replicas.running.remove(0)));
    let at = move |over: usize| {
        if over == 200 {
            // SIGKILL.
            drop(dying.lock().unwrap().take());
        }
    };
    let [answered, too_dear, too_many] = crowd(&nginx.url(), 1500, 50, at).await;
    assert_eq!((answered + too_dear, too_many), (1500, 0));
    assert!(answered > 200 && too_dear > 0, "{answered} were answered, {too_dear} refused");
    let client = semroute::gateway::loopback_client().unwrap();
    let ended = async {
        while in_redis(&redis, "reserved") != 0 {
            ask(&client, replicas.running[0].url()).await;
        }
    };
    soon("what it had reserved is given up", ended).await;
    let told_usd = in_redis(&redis, "day_spent") as f64 / 1e9;
    assert!(told_usd <= 0.3 && told_usd > 0.29, "{told_usd}");
}

#[tokio::test]
async fn without_redis_requests_are_refused_where_that_is_the_policy() {
    let Some(mut redis) = Redis::start("a Redis that is away") else { return };
    let upstream = simulated().await;
    let shared = format!("{PATIENT}\non_failure = \"refuse\"");
    let replicas = Replicas::start(1, &redis, "requests_per_minute = 1000", &shared, &upstream.base_url(), "");
    let client = semroute::gateway::loopback_client().unwrap();
    let url = replicas.running[0].url();
    assert_eq!(ask(&client, url).await, 200);
    redis.stop();
    assert_eq!(ask(&client, url).await, 503);
    assert_eq!(ask(&client, url).await, 503);
    redis.restart();
    let back = async { while ask(&client, url).await != 200 {} };
    soon("it is found again", back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_of_a_replica_that_was_killed_are_free_again_in_time() {
    let Some(redis) = Redis::start("a replica that is killed") else { return };
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    let mut first = true;
    let upstream = Upstream::start(move |_| {
        let (gone, _gone) = oneshot::channel();
        asked.send(_gone).unwrap();
        if std::mem::take(&mut first) { Reply::Silence(gone) } else { Reply::Json(200, common::completion("Hi")) }
    })
    .await;
    let shared = format!("{PATIENT}\nlease_seconds = 3");
    let mut replicas = Replicas::start(2, &redis, "concurrent = 1", &shared, upstream.base_url(), "");
    let client = semroute::gateway::loopback_client().unwrap();
    let dying = replicas.running.remove(0);
    let (url, other) = (dying.url().to_owned(), replicas.running[0].url().to_owned());
    let waiting = {
        let client = client.clone();
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]});
        tokio::spawn(client.post(format!("{url}/v1/chat/completions")).bearer_auth(KEY).json(&body).send())
    };
    let _still = soon("the provider is asked", was_asked.recv()).await.unwrap();
    // Longer than a lease: it is renewed while the request lasts.
    let later = tokio::time::Instant::now() + Duration::from_secs(4);
    while tokio::time::Instant::now() < later {
        assert_eq!(ask(&client, &other).await, 429, "the only place is taken at the other replica");
    }
    drop(dying);
    assert!(soon("the connection breaks", waiting).await.unwrap().is_err());
    let free = async { while ask(&client, &other).await != 200 {} };
    soon("its lease ends", free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_finds_out_of_a_provider_or_a_conversation_counts_for_the_other() {
    let Some(redis) = Redis::start("cooldowns and conversations of several replicas") else { return };
    let mut first = true;
    let upstream = Upstream::start(move |_| {
        if !std::mem::take(&mut first) {
            return Reply::Json(200, common::completion("Hi"));
        }
        let headers = vec![("content-type", "application/json".to_owned()), ("retry-after", "600".to_owned())];
        Reply::Raw { status: 429, headers, body: b"{\"error\": {\"message\": \"slow\"}}".to_vec() }
    })
    .await;
    let healthy = simulated().await;
    let more = model_at("n", &healthy.base_url(), 10.0, "");
    let replicas = Replicas::start(2, &redis, "", PATIENT, upstream.base_url(), &more);
    let client = semroute::gateway::loopback_client().unwrap();
    let (one, two) = (replicas.running[0].url(), replicas.running[1].url());
    // The provider asks one replica to wait ten minutes, and would answer the other.
    assert_eq!(ask(&client, one).await, 429);
    soon("the other lets it rest, too", async { while ask(&client, two).await != 429 {} }).await;
    let spend = async |url: &str| {
        let body = json!({"model": "n", "max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]});
        let request = client.post(format!("{url}/v1/chat/completions")).bearer_auth(KEY).header("x-session-id", "s");
        let request = request.header("x-semroute-session-budget-usd", "0.0008").json(&body);
        soon("an answer", request.send()).await.unwrap().status()
    };
    // An answer costs some 0.0004 USD.
    while spend(one).await == 200 {}
    soon("the other knows what the conversation has spent", async { while spend(two).await == 200 {} }).await;
    let everything = redis.ask(&["--scan"]) + &redis.ask(&["xrange", "{semroute}:board", "-", "+"]);
    assert!(!everything.contains("Hello") && !everything.contains(KEY), "{everything}");
}
