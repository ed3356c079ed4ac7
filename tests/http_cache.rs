//! The response cache before the real router: who is given a kept answer, in which shape, and when nobody is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::binary::Binary;
use common::redis::Redis;
use common::router::{TestRouter, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, completion, soon, stop_event, usage_event, word};
use reqwest::Response;
use semroute::limits::cache::likeness::Likeness;
use semroute::routing::static_meaning;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const CACHE: &str = "x-semroute-cache";

/// A provider whose every answer is another one.
async fn counting() -> Upstream {
    let mut answers = 0;
    Upstream::start(move |_| {
        answers += 1;
        Reply::Json(200, completion(&format!("answer {answers}")))
    })
    .await
}

async fn router(upstream: &Upstream, more: &str) -> TestRouter {
    TestRouter::start(&(model_at("a", upstream.base_url(), 1.0, "") + more)).await
}

fn chat(prompt: &str, more: Value) -> Value {
    let mut body = json!({"model": "a", "max_tokens": 50, "messages": [{"role": "user", "content": prompt}]});
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

/// What became of it, and what was said.
async fn ask(router: &TestRouter, prompt: &str, more: Value) -> (String, String) {
    told(router.chat(chat(prompt, more)).await).await
}

async fn told(response: Response) -> (String, String) {
    assert_eq!(response.status(), 200);
    let cache = header(&response, CACHE);
    let body: Value = soon("the answer is read", response.json()).await.unwrap();
    (cache, body["choices"][0]["message"]["content"].as_str().unwrap().to_owned())
}

fn is(cache: &str, answer: &str) -> (String, String) {
    (cache.to_owned(), answer.to_owned())
}

#[tokio::test]
async fn the_same_question_is_answered_once_and_costs_once() {
    let upstream = counting().await;
    let folder = tempfile::tempdir().unwrap();
    let store = format!("[cache]\n[store]\nurl = \"sqlite://{}/log.db\"\n", folder.path().display());
    let router = router(&upstream, &store).await;
    assert_eq!(ask(&router, "Hello", json!({"temperature": 1})).await, is("miss", "answer 1"));
    let response = router.chat(chat("Hello", json!({"temperature": 1.0, "user": "u"}))).await;
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.000000000");
    assert_eq!(
        (header(&response, "x-semroute-model"), header(&response, "x-semroute-attempts")),
        ("a".into(), "0".into())
    );
    assert!(header(&response, "age").parse::<u64>().unwrap() < 60);
    let id = header(&response, "x-semroute-decision-id");
    assert_eq!(told(response).await, is("hit", "answer 1"));
    assert_eq!(ask(&router, "Hello", json!({"temperature": 0.9})).await, is("miss", "answer 2"));
    assert_eq!(ask(&router, "Hello", json!({"temperature": 1, "x_new": null})).await, is("miss", "answer 3"));
    assert_eq!(upstream.calls(), 3);

    let rows = router.remembers(4).await;
    let hit = rows.iter().find(|row| row.id == id).unwrap();
    assert_eq!((hit.cache.as_deref(), hit.cost_usd, hit.attempts), (Some("exact"), Some(0.0), 0));
    assert_eq!((hit.model.as_deref(), hit.outcome.name(), hit.input_tokens), (Some("a"), "answered", Some(1000)));
    assert!((hit.would_cost_usd["a"] - 0.0011).abs() < 1e-9, "{:?}", hit.would_cost_usd);
    assert_eq!(rows.iter().filter(|row| row.cache.as_deref() == Some("miss")).count(), 3);
}

#[tokio::test]
async fn without_a_cache_nothing_is_kept_or_said() {
    let upstream = counting().await;
    let router = router(&upstream, "").await;
    for _ in 0..2 {
        let response = router.ask("a").await;
        assert!(response.headers().get(CACHE).is_none());
    }
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn no_caller_is_given_what_another_one_asked() {
    let upstream = counting().await;
    let router = router(&upstream, "[cache]\n[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n").await;
    let ask = async |key: &str| {
        let asking = router.post("/v1/chat/completions").bearer_auth(key).json(&chat("Hello", json!({}))).send();
        told(soon("the router answers", asking).await.unwrap()).await
    };
    assert_eq!(ask("first-key").await, is("miss", "answer 1"));
    assert_eq!(ask("second-key").await, is("miss", "answer 2"));
    assert_eq!(ask("first-key").await, is("hit", "answer 1"));
    assert_eq!(ask("second-key").await, is("hit", "answer 2"));
}

#[tokio::test]
async fn a_client_may_want_no_cache() {
    let upstream = counting().await;
    let router = router(&upstream, "[cache]\n").await;
    let ask = async |directive: &str| {
        let asking = router.post("/v1/chat/completions").header("cache-control", directive);
        told(soon("the router answers", asking.json(&chat("Hello", json!({}))).send()).await.unwrap()).await
    };
    assert_eq!(ask("no-store").await, is("bypass", "answer 1"), "not taken");
    assert_eq!(ask("max-age=600").await, is("miss", "answer 2"), "and it was not kept");
    assert_eq!(ask("max-age=600").await, is("hit", "answer 2"));
    assert_eq!(ask("no-cache").await, is("bypass", "answer 3"), "not taken");
    assert_eq!(ask("private").await, is("hit", "answer 3"), "and it was kept");
    assert_eq!(ask("no-store").await, is("bypass", "answer 4"));
}

#[tokio::test]
async fn every_api_and_both_ways_of_answering_share_an_answer() {
    let upstream = counting().await;
    let router = router(&upstream, "[cache]\n").await;
    let post = async |path: &str, body: Value| {
        let response = soon("the router answers", router.post(path).json(&body).send()).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let cache = header(&response, CACHE);
        (cache, response.text().await.unwrap())
    };
    let turns = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "a", "max_tokens": 50, "messages": turns});
    assert_eq!(ask(&router, "Hello", json!({})).await, is("miss", "answer 1"));

    let streaming = json!({"stream": true, "stream_options": {"include_usage": true}});
    let (cache, events) = post("/v1/chat/completions", chat("Hello", streaming)).await;
    assert_eq!(cache, "hit");
    assert!(
        events.contains("answer 1") && events.ends_with(DONE) && events.contains("\"prompt_tokens\":1000"),
        "{events}"
    );
    let (cache, events) = post("/v1/chat/completions", chat("Hello", json!({"stream": true}))).await;
    assert!(cache == "hit" && !events.contains("prompt_tokens"), "nobody asked for the counts: {events}");

    let (cache, message) = post("/v1/messages", plain.clone()).await;
    let message: Value = serde_json::from_str(&message).unwrap();
    assert_eq!((cache.as_str(), &message["content"][0]["text"]), ("hit", &json!("answer 1")));
    assert_eq!(message["usage"]["input_tokens"], 1000);
    let mut streamed = plain;
    streamed["stream"] = true.into();
    let (cache, events) = post("/v1/messages", streamed).await;
    assert!(cache == "hit" && events.contains("message_stop") && events.contains("answer 1"), "{events}");

    let unbounded = json!({"model": "a", "messages": turns});
    let (cache, _) = post("/v1/chat/completions", unbounded).await;
    assert_eq!(cache, "miss");
    let (cache, response) = post("/v1/responses", json!({"model": "a", "input": "Hello"})).await;
    assert!(cache == "hit" && response.contains("answer 2"), "{response}");
    let (cache, events) = post("/v1/responses", json!({"model": "a", "input": "Hello", "stream": true})).await;
    assert!(cache == "hit" && events.contains("response.completed") && events.contains("answer 2"), "{events}");
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn a_stream_is_kept_when_it_is_whole_and_not_when_it_breaks() {
    let (hand_over, mut streams) = mpsc::unbounded_channel::<mpsc::UnboundedReceiver<Piece>>();
    let upstream = Upstream::start(move |_| Reply::Stream(streams.try_recv().expect("asked too often"))).await;
    let router = router(&upstream, "[cache]\n").await;
    let stream = || {
        let (sender, receiver) = mpsc::unbounded_channel();
        hand_over.send(receiver).unwrap();
        sender
    };
    let ask = async || {
        let response = router.chat(chat("Hello", json!({"stream": true}))).await;
        (header(&response, CACHE), soon("the stream ends", response.text()).await.unwrap())
    };
    let broken = stream();
    send(&broken, word("half an "));
    drop(broken);
    let (cache, events) = ask().await;
    assert!(cache == "miss" && events.contains("upstream_stream_broken"), "{events}");

    let whole = stream();
    send(&whole, word("a whole ") + &word("answer") + &stop_event() + &usage_event(7, 2) + DONE);
    drop(whole);
    let (cache, events) = ask().await;
    assert!(cache == "miss" && events == word("a whole ") + &word("answer") + &stop_event() + DONE, "{events}");

    let (cache, events) = ask().await;
    assert!(cache == "hit" && events.contains("a whole answer") && events.ends_with(DONE), "{events}");
    let response = router.chat(chat("Hello", json!({}))).await;
    assert_eq!(header(&response, CACHE), "hit");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"], json!({"role": "assistant", "content": "a whole answer"}));
    assert_eq!((&answer["object"], &answer["usage"]["prompt_tokens"]), (&json!("chat.completion"), &json!(7)));
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn refusals_errors_and_long_answers_are_not_kept() {
    let mut calls = 0;
    let upstream = Upstream::start(move |_| {
        calls += 1;
        match calls {
            1 | 2 => Reply::Json(400, json!({"error": {"message": "no", "type": "invalid_request_error"}})),
            3 | 4 => {
                let mut filtered = completion("");
                filtered["choices"][0]["finish_reason"] = "content_filter".into();
                Reply::Json(200, filtered)
            }
            _ => Reply::Json(200, completion(&"long ".repeat(300))),
        }
    })
    .await;
    let router = router(&upstream, "[cache]\nmax_entry_kb = 1\n").await;
    for call in 1..=6 {
        let response = router.chat(chat("Hello", json!({}))).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, CACHE)),
            (if call < 3 { 400 } else { 200 }, "miss".into())
        );
        soon("the answer is read", response.bytes()).await.unwrap();
        assert_eq!(upstream.calls(), call);
    }
}

#[tokio::test]
async fn routes_say_what_is_kept() {
    let upstream = counting().await;
    let routes = "[[routes]]\nname = \"kept\"\ncache = true\n[[routes]]\nname = \"fresh\"\ncache = false\n[[routes]]\nname = \"unsaid\"\n";
    for (scope, expected) in [
        ("all", [("kept", "hit"), ("fresh", "bypass"), ("unsaid", "hit"), ("a", "hit"), ("auto", "hit")]),
        ("routes", [("kept", "hit"), ("fresh", "bypass"), ("unsaid", "bypass"), ("a", "bypass"), ("auto", "bypass")]),
    ] {
        let router = router(&upstream, &format!("[cache]\nscope = \"{scope}\"\n{routes}")).await;
        for (model, cache) in expected {
            soon("the first answer is read", router.ask(model).await.bytes()).await.unwrap();
            assert_eq!(header(&router.ask(model).await, CACHE), cache, "{scope} {model}");
        }
    }
}

#[tokio::test]
async fn what_could_not_work_is_refused_by_its_name() {
    for (toml, expected) in [
        ("[[routes]]\nname = \"r\"\ncache = true\n", "routes[0].cache: needs a [cache] table"),
        ("[cache]\nstore = \"redis\"\n", "cache.store: \"redis\" needs a [shared] table"),
        ("[cache]\nmax_mb = 1\nmax_entry_kb = 2000\n", "cache.max_entry_kb: 2000 is more than"),
        ("[cache]\n[[routes]]\nname = \"r\"\ncache = { semantics = true }\n", "routes[0].cache"),
    ] {
        let wrong = semroute::config::Config::from_toml(toml, "test").map(drop).unwrap_err().to_string();
        assert!(wrong.contains(expected), "{toml}: {wrong}");
    }
}

const LIKELY: &str = "[cache]\n[[routes]]\nname = \"likely\"\ncache = { semantic = true }\n[[routes]]\nname = \"exactly\"\ncache = true\n";

#[tokio::test]
async fn a_prompt_that_says_nearly_the_same_has_the_same_answer_where_a_route_asks_for_it() {
    let upstream = counting().await;
    let router = router(&upstream, LIKELY).await;
    let ask = async |model: &str, prompt: &str, more: Value| {
        let mut body = chat(prompt, more);
        body["model"] = model.into();
        told(router.chat(body).await).await
    };
    assert_eq!(ask("likely", "How do I reverse a list in Python?", json!({})).await, is("miss", "answer 1"));
    assert_eq!(ask("likely", "How can I reverse a list in Python?", json!({})).await, is("semantic", "answer 1"));
    // Another number, name, order, parameter, conversation or route is another question.
    for (prompt, more, answer) in [
        ("How do I reverse a list in Python 3?", json!({}), "answer 2"),
        ("How do I reverse a list in Haskell?", json!({}), "answer 3"),
        ("How can I reverse a list in Python?", json!({"temperature": 0}), "answer 4"),
        (
            "How can I reverse a list in Python?",
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
            "answer 5",
        ),
    ] {
        assert_eq!(ask("likely", prompt, more).await, is("miss", answer), "{prompt}");
    }
    assert_eq!(ask("exactly", "How do I reverse a list in Python?", json!({})).await, is("miss", "answer 6"));
    assert_eq!(ask("exactly", "How can I reverse a list in Python?", json!({})).await, is("miss", "answer 7"));
}

/// The figures of `docs/cache.md`.
#[test]
fn the_threshold_is_fitted_on_the_pairs_and_keeps_its_word_on_others() {
    let read = || Box::new(static_meaning(semroute::embedder::builtin().unwrap()));
    let fitted = Likeness::fit(read(), None).unwrap().fitted();
    assert!(fitted.held_out.precision() >= 0.99, "{fitted:?}");
    let docs = include_str!("../docs/cache.md");
    let figures = format!(
        "threshold {:.3}: {} of {} pairs of the same answer found, {} of {} pairs of different answers taken for the same",
        fitted.threshold, fitted.held_out.right, fitted.held_out.same, fitted.held_out.wrong, fitted.held_out.different
    );
    assert!(docs.contains(&figures), "docs/cache.md does not say: {figures}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs.jsonl");
    std::fs::write(&file, "{\"one\":\"a\",\"other\":\"b\",\"same\":true}\n").unwrap();
    let wrong = Likeness::fit(read(), Some(&file)).map(drop).unwrap_err().to_string();
    assert!(wrong.contains("give at least 20 of each kind"), "{wrong}");
}

#[tokio::test]
async fn replicas_share_a_redis_and_do_without_it() {
    let Some(mut redis) = Redis::start("the cache in Redis") else { return };
    let upstream = counting().await;
    let more = format!("[shared]\nurl = \"{}\"\n[cache]\nstore = \"redis\"\n", redis.url());
    let (one, other) = (router(&upstream, &more).await, router(&upstream, &more).await);
    let (cache, first) = ask(&one, "Hello", json!({})).await;
    assert_eq!(cache, "miss");
    // Writing goes on beside the answer, so what is asked meanwhile is asked upstream.
    let shared = async {
        loop {
            let told = ask(&other, "Hello", json!({})).await;
            if told.0 == "hit" {
                return told.1;
            }
        }
    };
    let kept = soon("the answer is in Redis", shared).await;
    assert!(kept.starts_with("answer "), "{first} {kept}");
    redis.stop();
    let (cache, _) = ask(&one, "Hello", json!({})).await;
    assert_eq!(cache, "miss", "a server that is gone holds nothing");
    let (cache, _) = ask(&other, "Hello again", json!({})).await;
    assert_eq!(cache, "miss");
}

#[tokio::test]
async fn the_cache_in_redis_has_the_password_and_the_prefix_of_shared() {
    let Some(redis) = Redis::start("the password of the cache's Redis") else { return };
    let upstream = counting().await;
    let more = |prefix: &str| {
        let shared = format!("[shared]\nurl = \"{}\"\npassword_env = \"REDIS_PASSWORD\"\n", redis.address());
        shared + &format!("prefix = \"{prefix}\"\n[cache]\nstore = \"redis\"\n")
    };
    let (ours, theirs) = (router(&upstream, &more("ours")).await, router(&upstream, &more("theirs")).await);
    soon("the answer is in Redis", async { while ask(&ours, "Hello", json!({})).await.0 != "hit" {} }).await;
    let names = redis.ask(&["KEYS", "*"]);
    assert!(names.starts_with("ours:cache:") && names.lines().count() == 1, "{names}");
    assert_eq!(ask(&theirs, "Hello", json!({})).await.0, "miss", "servers of two prefixes share nothing");
}

#[tokio::test]
async fn a_redis_that_never_was_there_costs_no_request() {
    let upstream = counting().await;
    let more = format!("[shared]\nurl = \"redis://{}\"\n[cache]\nstore = \"redis\"\n", common::deserted_address());
    let router = router(&upstream, &more).await;
    for answer in ["answer 1", "answer 2"] {
        assert_eq!(ask(&router, "Hello", json!({})).await, is("miss", answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_begins_anew_and_an_unchanged_one_goes_on() {
    let upstream = counting().await;
    let client = semroute::gateway::loopback_client().unwrap();
    let config =
        "[server]\nreload_on_change = false\n[cache]\n".to_owned() + &model_at("a", upstream.base_url(), 1.0, "");
    let binary = Binary::serve(&config, &[("SEMROUTE_LOG", "warn")]);
    let ask = async || {
        let url = format!("{}/v1/chat/completions", binary.url());
        told(client.post(url).json(&chat("Hello", json!({}))).send().await.unwrap()).await
    };
    let until_metrics_say = async |words: &str| {
        let look = async || client.get(format!("{}/metrics", binary.url())).send().await.unwrap().text().await.unwrap();
        soon(words, async { while !look().await.contains(words) {} }).await;
    };
    assert_eq!(ask().await, is("miss", "answer 1"));
    binary.hang_up();
    until_metrics_say("semroute_config_reloads_total{outcome=\"taken\"} 1").await;
    assert_eq!(ask().await, is("hit", "answer 1"));
    binary.write_config(&(config.clone() + &model_at("b", upstream.base_url(), 2.0, "")));
    binary.hang_up();
    until_metrics_say("semroute_config_reloads_total{outcome=\"taken\"} 2").await;
    assert_eq!(ask().await, is("miss", "answer 2"));
    assert_eq!(ask().await, is("hit", "answer 2"));
    until_metrics_say("semroute_cache_requests_total{result=\"hit\"} 2").await;
    until_metrics_say("semroute_cache_entries ").await;
    assert!(binary.terminate().success());
}
