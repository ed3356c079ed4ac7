//! Ten thousand requests to providers with every cheap fault, a part of the clients leaving in the middle: each comes to an end in time, and
//! afterwards nothing is left over.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use common::router::{TestRouter, model_at};
use common::{DONE, soon, word};
use fastrand::Rng;
use futures_util::{StreamExt, stream};
use reqwest::Response;
use serde_json::{Value, json};
use support::faults::{Asking, Provider, chunk, faults, good, stream_head};
use support::faulty_upstream::{Asked, FaultyUpstream, Step};
use tokio::runtime::Handle;
use tokio::time::timeout;

const REQUESTS: usize = 10_000;
/// Until pools are filled, buffers have grown and every metric has its labels.
const WARM_UP: usize = 2_000;
const AT_ONCE: usize = 64;
/// Until an answer begins. No stream may last longer than a second after that.
const DEADLINE: Duration = Duration::from_secs(5);

/// A provider, and how many of its connections may stay open for the next requests.
struct Place {
    upstream: FaultyUpstream,
    most_kept: usize,
}

/// What a client does.
struct Visit {
    model: String,
    asking: Asking,
    /// When it leaves, where it does not wait.
    leaves_after: Option<Duration>,
}

/// What the providers, the router and the clients hold together: they are one process here.
#[derive(Debug, Clone, Copy)]
struct Resources {
    tasks: usize,
    files: usize,
    resident_kb: usize,
}

impl Resources {
    fn now() -> Self {
        let files = fs::read_dir("/proc/self/fd").unwrap().count();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident_kb = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { tasks: Handle::current().metrics().num_alive_tasks(), files, resident_kb }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_faulty_requests_leave_nothing_behind() {
    let (places, config, models) = providers().await;
    let router = TestRouter::start(&config).await;
    let (began, start) = (Instant::now(), Resources::now());

    let mut random = Rng::with_seed(7);
    let mut visits = |count: usize| -> Vec<Visit> { (0..count).map(|_| visit(&mut random, &models)).collect() };
    let mut ends = Ends::default();
    ends.add(&router, visits(WARM_UP)).await;
    let warm = settled(&router, &places).await;
    ends.add(&router, visits(REQUESTS - WARM_UP)).await;
    let end = settled(&router, &places).await;

    let kept: usize = places.iter().map(|place| place.upstream.counts().open()).sum();
    let asked: usize = places.iter().map(|place| place.upstream.requests()).sum();
    let megabytes = |resources: Resources| resources.resident_kb as f64 / 1024.0;
    report(&format!(
        "{REQUESTS} requests, {AT_ONCE} at a time, became {asked} to providers, in {:.0} s; the slowest took {:.2} s\n\
         resident memory: {:.1} MB after {WARM_UP}, {:.1} MB at the end\n\
         open files: {} before, {} at the end; tasks: {} before, {} at the end; {kept} connections to providers kept for the next request\n\
         {:#?}",
        began.elapsed().as_secs_f64(),
        ends.slowest.as_secs_f64(),
        megabytes(warm),
        megabytes(end),
        start.files,
        end.files,
        start.tasks,
        end.tasks,
        ends.counts,
    ));

    assert_eq!(ends.counts.values().sum::<usize>(), REQUESTS, "every request came to an end");
    for expected in ["200 whole", "200 stream", "200 stream, broken off", "400", "429", "502", "503", "504", "left"] {
        assert!(ends.counts.contains_key(expected), "none ended with {expected}: {:#?}", ends.counts);
    }
    assert!(ends.slowest < 2 * DEADLINE, "one request took {:?}", ends.slowest);
    // A connection that is kept has a file and a task at both of its ends, and so have the clients' own.
    let accounted = 2 * kept + 2 * AT_ONCE + 16;
    assert!(end.files <= start.files + accounted, "{start:?}, {end:?}, {kept} kept");
    assert!(end.tasks <= start.tasks + accounted, "{start:?}, {end:?}, {kept} kept");
    assert!(end.resident_kb <= warm.resident_kb + 25 * 1024, "{warm:?}, {end:?}");
}

/// A provider for each cheap fault, whose breaker stays shut so that it is really asked; and three that `auto` goes to: two that fail by
/// chance, with all that the gateway can do about it, and one that is well.
async fn providers() -> (Vec<Place>, String, Vec<(String, &'static [Asking])>) {
    let deadline_ms = DEADLINE.as_millis();
    let mut config = format!("[retry]\nrounds = 1\nbackoff_ms = 10\nmax_wait_ms = 50\ndeadline_ms = {deadline_ms}\n");
    let (mut places, mut models) = (Vec::new(), Vec::new());
    let mut scripts: Vec<fn(&Asked) -> Vec<Step>> = vec![good, good, good];
    for fault in faults().into_iter().filter(|fault| fault.is_cheap) {
        if let Some(at_first) = fault.at_first {
            let (upstream, base_url) = at_first.provider.start().await;
            let keeps = at_first.asked_for.iter().any(|asking| at_first.provider.keeps_connection(*asking));
            let more = format!("{}\nbreaker = {{ failures = 0 }}", at_first.limits);
            config += &model_at(fault.name, &base_url, 1.0, &more);
            models.push((fault.name.to_owned(), at_first.asked_for));
            places.extend(upstream.map(|upstream| Place { upstream, most_kept: if keeps { AT_ONCE } else { 0 } }));
            if let Provider::Answers(script) = at_first.provider {
                scripts.push(script);
            }
        }
        if let Some(mid_stream) = fault.mid_stream {
            let name = format!("mid_stream_{}", fault.name);
            let begin = move |_: &Asked| {
                let begun = vec![stream_head(), chunk(&word("first")), Step::Pause(Duration::from_millis(2))];
                [begun, (mid_stream.steps)()].concat()
            };
            let keeps = matches!((mid_stream.steps)().last(), Some(Step::Next));
            let upstream = FaultyUpstream::start(begin).await;
            let more = format!("{}\nbreaker = {{ failures = 0 }}", mid_stream.limits);
            config += &model_at(&name, &upstream.base_url(), 1.0, &more);
            models.push((name, support::faults::STREAM));
            places.push(Place { upstream, most_kept: if keeps { AT_ONCE } else { 0 } });
        }
    }
    let steady = FaultyUpstream::start(good).await;
    config += &model_at("steady", &steady.base_url(), 0.01, "");
    models.push(("steady".to_owned(), support::faults::BOTH));
    places.push(Place { upstream: steady, most_kept: 3 * AT_ONCE });
    for (seed, name) in [(1, "shaky"), (2, "shakier")] {
        let (mut random, scripts) = (Rng::with_seed(seed), scripts.clone());
        let script = move |asked: &Asked| scripts[random.usize(..scripts.len())](asked);
        let upstream = FaultyUpstream::start(script).await;
        let limits = "first_byte_timeout_ms = 200\nbetween_chunks_timeout_ms = 200\ntotal_timeout_ms = 1000\n\
                      max_in_flight = 16\nbreaker = { open_ms = 50, max_open_ms = 200 }";
        config += &model_at(name, &upstream.base_url(), 0.001, limits);
        config += "hedge_after_ms = 50\nendpoints = [{ provider = \"steady-provider\", weight = 0.2 }]\n";
        places.push(Place { upstream, most_kept: AT_ONCE });
    }
    (places, config, models)
}

/// One in five goes through several models, and one in five leaves early.
fn visit(random: &mut Rng, models: &[(String, &'static [Asking])]) -> Visit {
    let leaves_after = (random.u8(..5) == 0).then(|| Duration::from_millis(random.u64(..50)));
    if random.u8(..5) == 0 {
        let asking = if random.bool() { Asking::Whole } else { Asking::Stream };
        return Visit { model: "auto:cheapest".into(), asking, leaves_after };
    }
    let (model, asked_for) = &models[random.usize(..models.len())];
    Visit { model: model.clone(), asking: asked_for[random.usize(..asked_for.len())], leaves_after }
}

/// How requests ended.
#[derive(Default)]
struct Ends {
    counts: BTreeMap<String, usize>,
    slowest: Duration,
}

impl Ends {
    async fn add(&mut self, router: &TestRouter, visits: Vec<Visit>) {
        let mut ended = stream::iter(visits).map(|visit| end_of(router, visit)).buffer_unordered(AT_ONCE);
        while let Some((end, took)) = soon("a request comes to an end", ended.next()).await {
            *self.counts.entry(end).or_default() += 1;
            self.slowest = self.slowest.max(took);
        }
    }
}

async fn end_of(router: &TestRouter, visit: Visit) -> (String, Duration) {
    let began = Instant::now();
    let is_stream = visit.asking == Asking::Stream;
    let body = json!({"model": visit.model, "stream": is_stream, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = async {
        let response = router.post("/v1/chat/completions").json(&body).send().await.unwrap();
        read(response).await
    };
    let end = match visit.leaves_after {
        Some(patience) => timeout(patience, answer).await.unwrap_or_else(|_left| "left".to_owned()),
        None => answer.await,
    };
    (end, began.elapsed())
}

/// What came, in words; nothing may look like a success and be none.
async fn read(response: Response) -> String {
    let status = response.status().as_u16();
    let is_stream = response.headers()["content-type"] == "text/event-stream";
    let text = response.text().await.unwrap();
    if is_stream {
        assert!(status == 200 && text.ends_with(DONE), "{status} {text:?}");
        let ends_well = text.contains("\"stop\"") || !text.contains("\"error\"");
        return match text.contains("upstream_stream_broken") {
            true => "200 stream, broken off".into(),
            false if ends_well => "200 stream".into(),
            false => "200 stream, with the provider's error".into(),
        };
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text:?}"));
    if status == 200 {
        assert_eq!(body["choices"][0]["finish_reason"], "stop", "{text}");
        return "200 whole".into();
    }
    assert!(body["error"]["message"].is_string(), "{status} {text}");
    status.to_string()
}

/// Waits until no request is under way and all connections are closed but those that are kept for the next one.
async fn settled(router: &TestRouter, places: &[Place]) -> Resources {
    let idle = async {
        loop {
            let metrics = router.get("/metrics").send().await.unwrap().text().await.unwrap();
            let gauge = metrics.lines().find_map(|line| line.strip_prefix("semroute_requests_in_flight "));
            if gauge.unwrap().parse::<f64>().unwrap() == 0.0 {
                return;
            }
        }
    };
    soon("no request is under way", idle).await;
    for place in places {
        place.upstream.until_open(place.most_kept).await;
    }
    Resources::now()
}

#[expect(clippy::print_stderr, reason = "docs/faults.md names the command that shows these figures")]
fn report(figures: &str) {
    eprintln!("{figures}");
}
