//! What the gateway remembers of its providers and does about it: breakers, keys and quotas, places, balance, hedges, retries, deadlines,
//! health checks, and clients that leave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::plans::{chain, gateway_of, request};
use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::{DONE, soon, stop_event, word};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Response;
use serde_json::json;
use support::faults::{chunk, good, last_chunk, send, status, stream_head};
use support::faulty_upstream::{Asked, FaultyUpstream, Step};

/// Nearly every request goes to the model's own provider, so that a test knows where the next one goes.
const FIRST_BEFORE_SECOND: &str = "balance = \"weighted\"\nweight = 1e9";

const TWO_KEYS: &str = "api_key_env = [\"PROVIDER_KEY\", \"OTHER_PROVIDER_KEY\"]";

/// A model `m` at `m-provider` and at `second`, with more lines for each table.
fn two_places(first: &FaultyUpstream, of_first: &str, second: &FaultyUpstream, of_model: &str) -> String {
    let second = format!("[[providers]]\nname = \"second\"\nbase_url = \"{}\"\n", second.base_url());
    let model = model_at("m", &first.base_url(), 1.0, of_first);
    format!("{model}{of_model}\nendpoints = [{{ provider = \"second\" }}]\n{second}")
}

/// A model `m` and no other.
async fn one_place(upstream: &FaultyUpstream, of_provider: &str) -> TestRouter {
    TestRouter::start(&model_at("m", &upstream.base_url(), 1.0, of_provider)).await
}

/// Fails so many times and is well from then on.
async fn failing(times: usize) -> FaultyUpstream {
    let mut left = times;
    FaultyUpstream::start(move |asked| {
        if left == 0 {
            return good(asked);
        }
        left -= 1;
        status("500 Internal Server Error", "")
    })
    .await
}

/// Keeps each stream open until it is told to go on.
fn held_stream(_asked: &Asked) -> Vec<Step> {
    let rest = chunk(&(stop_event() + DONE));
    vec![stream_head(), chunk(&word("first")), Step::UntilToldTo, rest, last_chunk(), Step::Next]
}

/// The keys that requests came with, in order.
type Keys = Arc<Mutex<Vec<String>>>;

/// An upstream that answers by the key, and the keys it saw.
async fn by_key(mut script: impl FnMut(&str, &Asked) -> Vec<Step> + Send + 'static) -> (FaultyUpstream, Keys) {
    let keys = Keys::default();
    let seen = Arc::clone(&keys);
    let upstream = FaultyUpstream::start(move |asked| {
        let key = asked.key().trim_start_matches("sk-").trim_end_matches("-secret").to_owned();
        let steps = script(&key, asked);
        seen.lock().unwrap().push(key);
        steps
    })
    .await;
    (upstream, keys)
}

async fn refused(response: Response, status: u16, code: &str, attempts: usize) -> Option<u64> {
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-attempts")), (status, attempts.to_string()));
    let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    assert_eq!(error_of(response).await["code"], code);
    wait
}

async fn served_by(router: &TestRouter) -> String {
    let response = router.ask("m").await;
    assert_eq!(response.status(), 200);
    header(&response, "x-semroute-provider")
}

/// Asks until it is so.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(what, asking).await
}

// Breakers.

#[tokio::test]
async fn after_failures_in_a_row_nobody_asks_any_more() {
    let (upstream, dear) = (failing(100).await, failing(0).await);
    let breaker = "breaker = { failures = 3, open_ms = 60000 }";
    let models = model_at("m", &upstream.base_url(), 1.0, breaker) + &model_at("dear", &dear.base_url(), 10.0, "");
    let router = TestRouter::start(&models).await;
    for _ in 0..3 {
        assert_eq!(refused(router.ask("m").await, 502, "upstream_failed", 1).await, None);
    }
    for _ in 0..3 {
        let wait = refused(router.ask("m").await, 503, "upstream_unavailable", 0).await;
        assert!(wait.is_some_and(|seconds| seconds > 30 && seconds <= 60), "{wait:?}");
    }
    let response = router.ask("auto:cheapest").await;
    assert_eq!(
        (header(&response, "x-semroute-model"), header(&response, "x-semroute-attempts")),
        ("dear".into(), "1".into())
    );
    assert_eq!(upstream.requests(), 3);
}

#[tokio::test]
async fn a_probe_that_fails_keeps_the_breaker_open_and_one_that_succeeds_closes_it() {
    let upstream = failing(4).await;
    let router = one_place(&upstream, "breaker = { failures = 3, open_ms = 30, max_open_ms = 60 }").await;
    let mut statuses: Vec<u16> = Vec::new();
    until("the provider is asked again and answers", async || {
        statuses.push(router.ask("m").await.status().as_u16());
        (statuses.last() == Some(&200)).then_some(())
    })
    .await;
    assert_eq!(statuses[..3], [502, 502, 502]);
    assert_eq!(statuses.iter().filter(|status| **status == 502).count(), 4, "three, and a probe: {statuses:?}");
    assert_eq!(upstream.requests(), 5, "who is refused asks nobody");
    assert_eq!(router.ask("m").await.status(), 200);
}

#[tokio::test]
async fn of_a_crowd_one_request_is_the_probe() {
    let mut asked = 0;
    let upstream = FaultyUpstream::start(move |request| {
        asked += 1;
        match asked {
            ..=3 => status("500 Internal Server Error", ""),
            4 => [vec![Step::UntilToldTo], good(request)].concat(),
            _ => good(request),
        }
    })
    .await;
    let router = one_place(&upstream, "breaker = { failures = 3, open_ms = 50 }").await;
    for _ in 0..3 {
        router.ask("m").await;
    }
    let mut probe = until("the breaker lets one through", async || {
        let mut crowd: FuturesUnordered<_> = (0..20).map(|_| router.ask("m")).collect();
        for _ in 0..19 {
            assert_eq!(crowd.next().await.unwrap().status(), 503);
        }
        tokio::select! {
            response = crowd.next() => {
                assert_eq!(response.unwrap().status(), 503);
                None
            }
            () = upstream.until_asked(4) => Some(crowd),
        }
    })
    .await;
    refused(router.ask("m").await, 503, "upstream_unavailable", 0).await;
    assert_eq!(upstream.requests(), 4, "the probe is the only one");
    upstream.go_on();
    assert_eq!(soon("the probe's client is answered", probe.next()).await.unwrap().status(), 200);
    assert_eq!(router.ask("m").await.status(), 200);
}

#[tokio::test]
async fn a_probe_whose_client_leaves_makes_room_for_another() {
    let mut asked = 0;
    let upstream = FaultyUpstream::start(move |request| {
        asked += 1;
        match asked {
            1 => status("500 Internal Server Error", ""),
            2 => vec![Step::Stall],
            _ => good(request),
        }
    })
    .await;
    let router = one_place(&upstream, "breaker = { failures = 1, open_ms = 20 }").await;
    router.ask("m").await;
    until("a probe is under way", async || {
        tokio::select! {
            _refused = router.ask("m") => None,
            () = upstream.until_asked(2) => Some(()),
        }
    })
    .await;
    upstream.until_open(1).await;
    until("another probe", async || (router.ask("m").await.status() == 200).then_some(())).await;
    assert_eq!(upstream.requests(), 3);
}

#[tokio::test]
async fn what_is_not_the_endpoints_fault_opens_no_breaker() {
    for refusal in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "429 Too Many Requests"] {
        let upstream = FaultyUpstream::start(move |_| status(refusal, "retry-after: 0\r\n")).await;
        let router = one_place(&upstream, "breaker = { failures = 1, open_ms = 60000 }").await;
        for _ in 0..3 {
            router.ask("m").await;
        }
        assert_eq!(upstream.requests(), 3, "{refusal}");
    }
}

#[tokio::test]
async fn streams_that_begin_and_break_open_it_too() {
    let upstream = FaultyUpstream::start(|_| vec![stream_head(), chunk(&word("first"))]).await;
    let router = one_place(&upstream, "breaker = { open_ms = 60000 }").await;
    for _ in 0..10 {
        let response = router.ask_streaming("m").await;
        assert!(soon("it breaks", response.text()).await.unwrap().contains("upstream_stream_broken"));
    }
    refused(router.ask_streaming("m").await, 503, "upstream_unavailable", 0).await;
    assert_eq!(upstream.requests(), 10, "half of the last twenty outcomes: each began well and broke");
}

// Keys and quotas.

#[tokio::test]
async fn a_key_at_its_limit_is_left_for_the_other_until_both_are() {
    let other_is_limited = Arc::new(AtomicBool::new(false));
    let is_limited = Arc::clone(&other_is_limited);
    let (upstream, keys) = by_key(move |key, asked| match key {
        "provider" => status("429 Too Many Requests", "retry-after: 60\r\n"),
        _ if is_limited.load(Ordering::Relaxed) => status("429 Too Many Requests", "retry-after: 30\r\n"),
        _ => good(asked),
    })
    .await;
    let router = one_place(&upstream, TWO_KEYS).await;
    for attempts in ["2", "1", "1"] {
        let response = router.ask("m").await;
        assert_eq!((response.status().as_u16(), header(&response, "x-semroute-attempts").as_str()), (200, attempts));
    }
    assert_eq!(*keys.lock().unwrap(), ["provider", "other", "other", "other"]);
    other_is_limited.store(true, Ordering::Relaxed);
    for attempts in [1, 0, 0] {
        let wait = refused(router.ask("m").await, 429, "upstream_rate_limited", attempts).await;
        assert!(wait.is_some_and(|seconds| seconds > 5 && seconds <= 30), "the sooner of both: {wait:?}");
    }
    assert_eq!(upstream.requests(), 5, "whose limits are all used up is not asked");
}

#[tokio::test]
async fn keys_take_turns() {
    let (upstream, keys) = by_key(|_, asked| good(asked)).await;
    let router = one_place(&upstream, TWO_KEYS).await;
    for _ in 0..10 {
        router.ask("m").await;
    }
    assert_eq!(*keys.lock().unwrap(), ["provider", "other"].repeat(5));
}

#[tokio::test]
async fn a_refused_key_is_replaced_at_once_and_comes_last_from_then_on() {
    let (upstream, keys) = by_key(|key, asked| match key {
        "provider" => status("401 Unauthorized", ""),
        _ => good(asked),
    })
    .await;
    let router = one_place(&upstream, TWO_KEYS).await;
    for _ in 0..20 {
        assert_eq!(router.ask("m").await.status(), 200);
    }
    let keys = keys.lock().unwrap();
    let with_the_bad_one = keys.iter().filter(|key| *key == "provider").count();
    // It is tried again after one second, two, four: never with every other request.
    assert!(keys[0] == "provider" && with_the_bad_one <= 4, "{keys:?}");
}

#[tokio::test]
async fn what_one_key_may_not_do_another_may_and_where_none_may_the_client_hears_why() {
    let all_are_forbidden = Arc::new(AtomicBool::new(false));
    let are_forbidden = Arc::clone(&all_are_forbidden);
    let (upstream, keys) = by_key(move |key, asked| match key {
        "other" if !are_forbidden.load(Ordering::Relaxed) => good(asked),
        _ => status("403 Forbidden", ""),
    })
    .await;
    let router = one_place(&upstream, TWO_KEYS).await;
    for _ in 0..4 {
        assert_eq!(router.ask("m").await.status(), 200);
    }
    assert!(keys.lock().unwrap().contains(&"provider".to_owned()));
    all_are_forbidden.store(true, Ordering::Relaxed);
    let response = router.ask("m").await;
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-attempts").as_str()), (403, "2"));
}

#[tokio::test]
async fn a_provider_that_is_not_well_is_left_alone_for_as_long_as_it_asks() {
    let upstream = FaultyUpstream::start(|_| status("503 Service Unavailable", "retry-after: 30\r\n")).await;
    let router = one_place(&upstream, "").await;
    refused(router.ask("m").await, 503, "upstream_unavailable", 1).await;
    let wait = refused(router.ask("m").await, 503, "upstream_unavailable", 0).await;
    assert!(wait.is_some_and(|seconds| seconds > 20 && seconds <= 30), "{wait:?}");
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn who_says_that_nothing_is_left_is_not_asked_before_there_is() {
    for (reset, comes_back) in [("1h", false), ("30ms", true)] {
        let first = FaultyUpstream::start(move |asked| {
            let Some(Step::Send(answer)) = good(asked).into_iter().next() else { unreachable!() };
            let left = "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 0\r\n";
            let head = format!("HTTP/1.1 200 OK\r\n{left}x-ratelimit-reset-requests: {reset}\r\n");
            let answer = String::from_utf8(answer).unwrap();
            vec![send(&answer.replacen("HTTP/1.1 200 OK\r\n", &head, 1)), Step::Next]
        })
        .await;
        let second = failing(0).await;
        let router = TestRouter::start(&two_places(&first, "", &second, FIRST_BEFORE_SECOND)).await;
        assert_eq!(served_by(&router).await, "m-provider");
        if comes_back {
            until("it is asked again", async || (served_by(&router).await == "m-provider").then_some(())).await;
            continue;
        }
        for _ in 0..5 {
            assert_eq!(served_by(&router).await, "second");
        }
        assert_eq!(first.requests(), 1);
    }
}

#[tokio::test]
async fn a_limit_is_of_one_model_or_of_all_that_the_key_may_ask() {
    for (scope, asked) in [("model", 2), ("key", 1)] {
        let upstream = FaultyUpstream::start(|_| status("429 Too Many Requests", "retry-after: 60\r\n")).await;
        let second_model = "[[models]]\nname = \"n\"\nprovider = \"m-provider\"\n";
        let models = model_at("m", &upstream.base_url(), 1.0, &format!("quota = \"{scope}\"")) + second_model;
        let router = TestRouter::start(&models).await;
        for model in ["m", "n", "m", "n"] {
            assert_eq!(router.ask(model).await.status(), 429);
        }
        assert_eq!(upstream.requests(), asked, "{scope}");
    }
}

// Places and balance.

#[tokio::test]
async fn what_is_too_much_for_one_goes_to_the_other_and_places_come_back() {
    let (first, second) = (FaultyUpstream::start(held_stream).await, failing(0).await);
    let router = TestRouter::start(&two_places(&first, "max_in_flight = 1", &second, FIRST_BEFORE_SECOND)).await;
    let provider = |response: &Response| header(response, "x-semroute-provider");

    let held = router.ask_streaming("m").await;
    assert_eq!(provider(&held), "m-provider");
    assert_eq!(served_by(&router).await, "second");
    first.go_on();
    assert!(soon("the stream ends", held.text()).await.unwrap().ends_with(DONE));

    let held = router.ask_streaming("m").await;
    assert_eq!(provider(&held), "m-provider", "the end of a stream frees its place");
    drop(held);
    let held = until("a client that leaves frees its place", async || {
        let response = router.ask_streaming("m").await;
        (provider(&response) == "m-provider").then_some(response)
    })
    .await;
    drop(held);
    first.until_open(1).await;
}

#[tokio::test]
async fn where_all_places_are_taken_the_client_hears_it_and_nobody_else_does() {
    let upstream = FaultyUpstream::start(held_stream).await;
    let router = one_place(&upstream, "max_in_flight = 1").await;
    let _held = router.ask_streaming("m").await;
    refused(router.ask("m").await, 429, "upstream_rate_limited", 0).await;
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn weights_are_roughly_kept() {
    let (first, second) = (failing(0).await, failing(0).await);
    let model = "balance = \"weighted\"\nweight = 3";
    let router = TestRouter::start(&two_places(&first, "", &second, model)).await;
    for _ in 0..200 {
        router.ask("m").await;
    }
    // 50 are expected, and the standard deviation is 6.
    assert!((20..=80).contains(&second.requests()), "{} of 200", second.requests());
}

#[tokio::test]
async fn the_least_used_is_the_next() {
    let (first, second) = (FaultyUpstream::start(held_stream).await, FaultyUpstream::start(held_stream).await);
    let router = TestRouter::start(&two_places(&first, "", &second, "balance = \"least_used\"")).await;
    let mut held = Vec::new();
    for asked in 1..=6 {
        held.push(router.ask_streaming("m").await);
        assert!(first.requests().abs_diff(second.requests()) <= 1, "after {asked}");
    }
}

#[tokio::test]
async fn the_quicker_one_is_preferred() {
    let slow = |asked: &Asked| [vec![Step::Pause(Duration::from_millis(300))], good(asked)].concat();
    let (slow, quick) = (FaultyUpstream::start(slow).await, failing(0).await);
    let router = TestRouter::start(&two_places(&slow, "", &quick, "balance = \"latency\"")).await;
    for _ in 0..30 {
        assert_eq!(router.ask("m").await.status(), 200);
    }
    assert!((1..=5).contains(&slow.requests()), "{} of 30 went to the slow one", slow.requests());
}

// Hedges.

#[tokio::test]
async fn a_slow_answer_is_asked_for_elsewhere_too_and_the_slower_one_is_cancelled() {
    let (silent, quick) = (FaultyUpstream::start(|_| vec![Step::Stall]).await, failing(0).await);
    let model = format!("{FIRST_BEFORE_SECOND}\nhedge_after_ms = 50");
    // Another key for the same slow place would be no help.
    let router = TestRouter::start(&two_places(&silent, TWO_KEYS, &quick, &model)).await;
    let response = router.ask("m").await;
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-provider")), (200, "second".to_owned()));
    assert_eq!(header(&response, "x-semroute-attempts"), "2");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "unknown", "nobody tells what the cancelled one cost");
    silent.until_open(0).await;
    assert_eq!((silent.requests(), quick.requests()), (1, 1));
}

#[tokio::test]
async fn a_quick_answer_is_asked_for_once() {
    let (quick, second) = (failing(0).await, failing(0).await);
    let model = format!("{FIRST_BEFORE_SECOND}\nhedge_after_ms = 10000");
    let router = TestRouter::start(&two_places(&quick, "", &second, &model)).await;
    let response = router.ask("m").await;
    assert_eq!(header(&response, "x-semroute-attempts"), "1");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert_eq!((quick.requests(), second.requests()), (1, 0));
}

#[tokio::test]
async fn where_one_of_both_fails_the_other_is_waited_for() {
    let failing_late = FaultyUpstream::start(|_| {
        let failure = status("500 Internal Server Error", "").into_iter().take(1);
        std::iter::once(Step::UntilToldTo).chain(failure).collect()
    })
    .await;
    let held = FaultyUpstream::start(|asked| [vec![Step::UntilToldTo], good(asked)].concat()).await;
    let model = format!("{FIRST_BEFORE_SECOND}\nhedge_after_ms = 50");
    let router = TestRouter::start(&two_places(&failing_late, "", &held, &model)).await;
    let asking = router.ask("m");
    let telling = async {
        held.until_asked(1).await;
        failing_late.go_on();
        failing_late.until_open(0).await;
        held.go_on();
    };
    let (response, ()) = tokio::join!(asking, telling);
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-provider")), (200, "second".to_owned()));
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000", "a failure costs nothing");
}

#[tokio::test]
async fn who_always_loses_is_known_to_be_slow() {
    let (silent, quick) = (FaultyUpstream::start(|_| vec![Step::Stall]).await, failing(0).await);
    let router = TestRouter::start(&two_places(&silent, "", &quick, "hedge_after_ms = 300")).await;
    for _ in 0..12 {
        assert_eq!(router.ask("m").await.status(), 200);
    }
    assert!(silent.requests() <= 3, "{} of 12 began with the one that never answers", silent.requests());
}

// Retries and deadlines.

#[tokio::test]
async fn a_second_round_may_succeed_and_every_try_is_counted() {
    let (cheap, dear) = (failing(1).await, failing(1).await);
    let retry = "[retry]\nrounds = 1\nbackoff_ms = 10\n";
    let router = TestRouter::start(&(cheap_and_dear(&cheap.base_url(), &dear.base_url()) + retry)).await;
    let response = router.ask("auto:cheapest").await;
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-model")), (200, "cheap".to_owned()));
    assert_eq!(header(&response, "x-semroute-attempts"), "3");
    assert_eq!((cheap.requests(), dear.requests()), (2, 1));
}

#[tokio::test]
async fn rounds_come_to_an_end() {
    let upstream = failing(100).await;
    let retry = "[retry]\nrounds = 2\nbackoff_ms = 10\n";
    let config = model_at("m", &upstream.base_url(), 1.0, "") + retry;
    let router = TestRouter::start(&config).await;
    refused(router.ask("m").await, 502, "upstream_failed", 3).await;
    assert_eq!(upstream.requests(), 3);
}

#[tokio::test]
async fn a_pause_is_kept_where_it_is_short_and_told_where_it_is_long() {
    for (pause, wait_ms, status_seen, attempts) in
        [("retry-after-ms: 200", 200, 200, 2), ("retry-after: 30", 0, 429, 1)]
    {
        let mut asked = 0;
        let upstream = FaultyUpstream::start(move |request| {
            asked += 1;
            if asked == 1 { status("429 Too Many Requests", &format!("{pause}\r\n")) } else { good(request) }
        })
        .await;
        let retry = "[retry]\nrounds = 1\nbackoff_ms = 10\nmax_wait_ms = 5000\n";
        let router = TestRouter::start(&(model_at("m", &upstream.base_url(), 1.0, "") + retry)).await;
        let started = Instant::now();
        let response = router.ask("m").await;
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(wait_ms) && took < Duration::from_secs(15), "{pause}: {took:?}");
        assert_eq!(response.status(), status_seen, "{pause}");
        assert_eq!(header(&response, "x-semroute-attempts"), attempts.to_string());
        if status_seen == 429 {
            assert_eq!(header(&response, "retry-after"), "30");
        }
        assert_eq!(upstream.requests(), attempts);
    }
}

#[tokio::test]
async fn the_deadline_cuts_everything() {
    let silent = || FaultyUpstream::start(|_| vec![Step::Stall]);
    let (cheap, dear) = (silent().await, silent().await);
    let retry = "[retry]\nrounds = 3\nbackoff_ms = 10\ndeadline_ms = 200\n";
    let router = TestRouter::start(&(cheap_and_dear(&cheap.base_url(), &dear.base_url()) + retry)).await;
    let started = Instant::now();
    let response = router.ask("auto:cheapest").await;
    assert!(started.elapsed() < Duration::from_secs(4));
    refused(response, 504, "upstream_timeout", 1).await;
    cheap.until_open(0).await;
    assert_eq!(dear.requests(), 0);
}

#[tokio::test]
async fn nobody_waits_for_a_deadline_to_pass() {
    let upstream = FaultyUpstream::start(|_| status("429 Too Many Requests", "retry-after: 9\r\n")).await;
    let retry = "[retry]\nrounds = 1\nmax_wait_ms = 10000\ndeadline_ms = 8000\n";
    let router = TestRouter::start(&(model_at("m", &upstream.base_url(), 1.0, "") + retry)).await;
    let started = Instant::now();
    let wait = refused(router.ask("m").await, 429, "upstream_rate_limited", 1).await;
    assert_eq!(wait, Some(9));
    assert!(started.elapsed() < Duration::from_secs(8), "the pause would have ended after the deadline");
}

// Health checks.

#[tokio::test]
async fn health_checks_open_and_close_the_breaker_without_any_traffic() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let upstream = FaultyUpstream::start(move |asked| match asked.line() {
        "GET /v1/models HTTP/1.1" if well.load(Ordering::Relaxed) => status("401 Unauthorized", ""),
        "GET /v1/models HTTP/1.1" => status("500 Internal Server Error", ""),
        _ => good(asked),
    })
    .await;
    // Without the checks it would stay open for a minute.
    let checked = "breaker = { failures = 1, open_ms = 60000 }\nhealth = { every_seconds = 1 }";
    let gateway = Arc::new(gateway_of(&model_at("m", &upstream.base_url(), 1.0, checked)));
    let watched = Arc::clone(&gateway);
    let watching = tokio::spawn(async move { match watched.watch_health().await {} });
    let (decision, request) = (chain(&["m"]), request(json!({})));
    let error = until("a check opens the breaker", async || gateway.send(&decision, &request).await.err()).await;
    assert_eq!(error.attempts[0].outcome.failure().unwrap().label(), "breaker_open");
    is_well.store(true, Ordering::Relaxed);
    until("a check closes it", async || gateway.send(&decision, &request).await.ok().map(drop)).await;
    watching.abort();
}

// Clients that leave.

#[tokio::test]
async fn a_client_that_leaves_closes_what_was_opened_for_it() {
    for steps in [vec![Step::Stall], vec![stream_head(), chunk(&word("first")), Step::Stall]] {
        let upstream = FaultyUpstream::start(move |_| steps.clone()).await;
        let router = one_place(&upstream, "").await;
        for (asking, asked) in [(false, 1), (true, 2)] {
            let body = json!({"model": "m", "stream": asking, "messages": [{"role": "user", "content": "Hello"}]});
            let client = tokio::spawn(router.post("/v1/chat/completions").json(&body).send());
            upstream.until_asked(asked).await;
            client.abort();
            drop(client.await);
            upstream.until_open(0).await;
        }
    }
}
