//! A provider that speaks Anthropic's Messages API, behind the real gateway: clients speak OpenAI's and cannot tell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::plans::{
    self, assert_cost, chain, escalate, gateway_of, labels, race, request, send as ask, stream, whole,
};
use common::router::{TestRouter, error_of, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{completion, deserted_base_url, soon};
use semroute::chat::Usage;
use semroute::gateway::{Answer, AnswerBody, StreamEnd};
use semroute::routing::{AnswerGate, Pick};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

const KEY: &str = "sk-provider-secret";
const KIND: &str = "kind = \"anthropic\"";

/// A model of a provider of this kind.
fn claude_at(name: &str, base_url: &str, usd_per_mtok: f64) -> String {
    model_at(name, base_url, usd_per_mtok, KIND)
}

fn with_key(name: &str, base_url: &str) -> String {
    model_at(name, base_url, 1.0, &format!("{KIND}\napi_key_env = \"PROVIDER_KEY\""))
}

fn message(blocks: &Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served", "content": blocks,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {"input_tokens": 500, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 200, "output_tokens": 100},
    })
}

fn says(text: &str) -> Value {
    message(&json!([{"type": "text", "text": text}]), "end_turn")
}

fn error(kind: &str, text: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"})
}

fn event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

fn start() -> String {
    let usage = json!({"input_tokens": 1000, "output_tokens": 1});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served", "content": [], "usage": usage});
    event(&json!({"type": "message_start", "message": message}))
}

fn text_block() -> String {
    event(&json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}))
}

fn word(text: &str) -> String {
    event(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))
}

fn stop(reason: &str) -> String {
    event(&json!({"type": "content_block_stop", "index": 0}))
        + &event(&json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 100}}))
        + &event(&json!({"type": "message_stop"}))
}

fn ping() -> String {
    event(&json!({"type": "ping"}))
}

fn overloaded() -> String {
    event(&error("overloaded_error", "Overloaded"))
}

/// The deltas' words, the reasons to finish, and everything that is no chunk of words, in order.
fn read(events: &str) -> (String, Vec<String>) {
    let (mut words, mut rest) = (String::new(), Vec::new());
    for payload in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let chunk: Value = serde_json::from_str(payload).unwrap_or_else(|_| payload.into());
        let choice = &chunk["choices"][0];
        words += choice["delta"]["content"].as_str().unwrap_or_default();
        if let Some(reason) = choice["finish_reason"].as_str() {
            rest.push(reason.to_owned());
        } else if let Some(code) = chunk["error"]["code"].as_str() {
            rest.push(code.to_owned());
        } else if chunk["usage"].is_object() {
            rest.push(format!("usage {}", chunk["usage"]["total_tokens"]));
        } else if choice.is_null() {
            rest.push(payload.to_owned());
        }
    }
    (words, rest)
}

#[tokio::test]
async fn a_whole_answer_comes_as_a_completion_and_the_key_goes_in_its_own_header() {
    let upstream = Upstream::always(200, says("Hello.")).await;
    let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
    let body = json!({"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "max_tokens": 50});
    let sending = router.post("/v1/chat/completions").header("authorization", "Bearer caller").json(&body).send();
    let response = soon("the router answers", sending).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "x-semroute-model"), "m");
    // 800 at the full price, 200 from the cache at the same for want of another, and 100 written.
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert!(response.headers().values().all(|value| !value.to_str().unwrap().contains(KEY)));
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "claude-served");
    assert_eq!(answer["choices"][0]["message"], json!({"role": "assistant", "content": "Hello."}));
    assert_eq!(answer["usage"]["prompt_tokens"], 1000);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 200);
    assert!(answer["created"].as_u64().unwrap() > 1_600_000_000);

    let received = upstream.received().remove(0);
    assert_eq!(received.path, "/v1/messages");
    assert_eq!(received.headers["x-api-key"], KEY);
    assert_eq!(received.headers["anthropic-version"], "2023-06-01");
    assert_eq!(received.headers["content-type"], "application/json");
    assert!(!received.headers.contains_key("authorization"), "neither the caller's nor ours");
    let sent = json!({
        "model": "upstream-m", "max_tokens": 50, "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    });
    assert_eq!(received.json(), sent);
}

#[tokio::test]
async fn a_default_cap_stands_in_the_configuration_and_settings_reach_the_provider() {
    let upstream = Upstream::always(200, says("Hello.")).await;
    let more = "settings = { reasoning_effort = \"low\", top_k = 3 }\n";
    let toml = model_at("m", upstream.base_url(), 1.0, &format!("{KIND}\ndefault_max_tokens = 700")) + more;
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"seed": 1, "reasoning_effort": "high"})).await.unwrap();
    assert_eq!(answer.dropped, ["top_k", "seed"]);
    let sent = upstream.received()[0].json();
    assert_eq!(sent["max_tokens"], 700 + 2048);
    assert_eq!(sent["thinking"], json!({"type": "enabled", "budget_tokens": 2048}));
}

#[tokio::test]
async fn tool_calls_come_back_as_openai_has_them() {
    let call = json!([{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}]);
    let upstream = Upstream::always(200, message(&call, "tool_use")).await;
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]);
    let gateway = gateway_of(&claude_at("m", upstream.base_url(), 1.0));
    let answer = ask(&gateway, &chain(&["m"]), json!({"tools": tools, "tool_choice": "required"})).await.unwrap();
    let answer: Value = serde_json::from_str(&whole(answer).0).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let function = json!({"name": "weather", "arguments": "{\"city\":\"Rome\"}"});
    assert_eq!(choice["message"]["tool_calls"], json!([{"id": "toolu_1", "type": "function", "function": function}]));
    assert_eq!(upstream.received()[0].json()["tool_choice"], json!({"type": "any"}));
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_tells_nothing_of_the_key() {
    for (status, kind, code) in
        [(400, "invalid_request_error", Value::Null), (413, "request_too_large", "request_too_large".into())]
    {
        let upstream = Upstream::always(status, error(kind, &format!("no good: {KEY}"))).await;
        let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
        let response = router.ask("m").await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "content-type"), "application/json");
        let told = error_of(response).await;
        assert_eq!(told, json!({"message": "no good: [redacted]", "type": kind, "param": null, "code": code}));
    }
    let page =
        Reply::Raw { status: 403, headers: vec![("content-type", "text/html".into())], body: b"<html>".to_vec() };
    let mut page = Some(page);
    let upstream = Upstream::start(move |_| page.take().unwrap()).await;
    let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
    let response = router.ask("m").await;
    assert_eq!((response.status().as_u16(), header(&response, "content-type").as_str()), (403, "application/json"));
    assert_eq!(error_of(response).await["code"], "upstream_refusal_unreadable");
}

#[tokio::test]
async fn a_request_that_no_provider_could_read_is_refused_without_asking() {
    let upstream = Upstream::always(200, says("Hello.")).await;
    let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
    let body = json!({"model": "m", "temperature": "hot", "messages": [{"role": "user", "content": "Hi"}]});
    let response = router.chat(body).await;
    assert_eq!(response.status(), 400);
    let told = error_of(response).await;
    assert_eq!((&told["type"], &told["param"]), (&json!("invalid_request_error"), &json!("temperature")));
    assert_eq!(upstream.calls(), 0);
}

/// A model of this kind that fails so, and one of OpenAI's kind after it.
async fn falls_back(base_url: &str, more: Value, label: &str) -> Answer {
    let other = Upstream::always(200, completion("from the other one")).await;
    let gateway = gateway_of(&(claude_at("claude", base_url, 1.0) + &model_at("other", other.base_url(), 10.0, "")));
    let answer = ask(&gateway, &chain(&["claude", "other"]), more).await.unwrap();
    assert_eq!(labels(&answer), [format!("claude {label}"), "other 200".into()]);
    answer
}

#[tokio::test]
async fn its_own_trouble_and_what_it_cannot_do_are_left_to_another_model() {
    for (status, kind) in [(429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")] {
        let upstream = Upstream::always(status, error(kind, "trouble")).await;
        falls_back(upstream.base_url(), json!({}), &status.to_string()).await;
    }
    for odd in [json!({"choices": []}), error("api_error", "with a status of 200")] {
        let upstream = Upstream::always(200, odd).await;
        falls_back(upstream.base_url(), json!({}), "unreadable").await;
    }
    let upstream = Upstream::always(200, says("Hello.")).await;
    let answer = falls_back(upstream.base_url(), json!({"n": 2, "seed": 7}), "unsupported").await;
    assert_eq!(upstream.calls(), 0);
    assert!(answer.dropped.is_empty(), "the one that serves was given everything");
    let gateway = gateway_of(&claude_at("claude", upstream.base_url(), 1.0));
    let Err(failed) = ask(&gateway, &chain(&["claude"]), json!({"n": 2})).await else { panic!("nobody could") };
    assert!(failed.to_string().contains("cannot do what is asked (n above 1)"), "{failed}");
}

#[tokio::test]
async fn a_rate_limit_hands_its_wait_on() {
    let upstream = Upstream::start(|_| Reply::Raw {
        status: 429,
        headers: vec![("retry-after", "7".into()), ("content-type", "application/json".into())],
        body: error("rate_limit_error", "slow down").to_string().into_bytes(),
    })
    .await;
    let response = TestRouter::start(&with_key("m", upstream.base_url())).await.ask("m").await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after").as_str()), (429, "7"));
}

/// A model that streams these pieces.
async fn streaming(pieces: &[String], name: &str) -> (Upstream, UnboundedSender<Piece>, String) {
    let (upstream, sender) = Upstream::streaming().await;
    pieces.iter().for_each(|piece| send(&sender, piece.clone()));
    let toml = claude_at(name, upstream.base_url(), 1.0);
    (upstream, sender, toml)
}

#[tokio::test]
async fn a_stream_comes_as_it_arrives_and_its_counts_are_known_without_being_asked_for() {
    let (upstream, sender, toml) = streaming(&[start(), ping(), text_block()], "m").await;
    send(&sender, word("first "));
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    assert_eq!(answer.content_type.as_ref().unwrap(), "text/event-stream");
    let (mut events, mut receipt) = stream(answer);
    let mut begun = String::new();
    while !begun.contains("first ") {
        begun += &plans::next(&mut events).await;
    }
    assert!(begun.starts_with(": ping\n\n") && begun.contains("\"role\":\"assistant\""), "{begun}");
    for n in 0..3 {
        send(&sender, word(&format!("word {n} ")));
        let next = plans::next(&mut events).await;
        assert_eq!(read(&next).0, format!("word {n} "), "before the next is made");
    }
    send(&sender, ping());
    assert_eq!(plans::next(&mut events).await, ": ping\n\n");
    send(&sender, stop("end_turn"));
    let rest = plans::rest(events).await;
    assert_eq!(read(&rest), (String::new(), vec!["stop".into(), "[DONE]".into()]));
    let receipt = receipt.take().unwrap();
    assert_eq!(receipt.end, StreamEnd::Complete);
    assert_eq!(receipt.usage, Some(Usage { input: 1000, output: 100, ..Usage::default() }));
    assert_cost(receipt.cost_usd, 0.0011);
    assert_eq!(upstream.received()[0].json()["stream"], true);
}

#[tokio::test]
async fn a_stream_through_the_router_tells_its_counts_where_they_are_wanted() {
    let (_upstream, _sender, toml) =
        streaming(&[start() + &text_block() + &word("Hi") + &stop("max_tokens")], "m").await;
    let router = TestRouter::start(&toml).await;
    let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "Hello"}]});
    let response = router.chat(body).await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    let said = soon("the stream ends", response.text()).await.unwrap();
    assert_eq!(read(&said), ("Hi".into(), vec!["length".into(), "usage 1100".into(), "[DONE]".into()]));
}

#[tokio::test]
async fn an_error_before_the_first_word_is_left_to_another_model() {
    for pieces in [vec![overloaded()], vec![start(), ping(), overloaded()]] {
        let (upstream, _sender, _) = streaming(&pieces, "claude").await;
        falls_back(upstream.base_url(), json!({"stream": true}), "error_event").await;
    }
    let (upstream, sender, _) = streaming(&[start(), ping()], "claude").await;
    drop(sender);
    falls_back(upstream.base_url(), json!({"stream": true}), "broken").await;
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_with_a_typed_error() {
    let pieces = [start(), text_block(), word("Half"), event(&error("overloaded_error", &format!("Overloaded {KEY}")))];
    let (upstream, _sender, _) = streaming(&pieces, "m").await;
    let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
    let said = soon("the stream ends, though the provider holds on", router.ask_streaming("m").await.text()).await;
    let said = said.unwrap();
    assert_eq!(read(&said), ("Half".into(), vec!["upstream_stream_broken".into(), "[DONE]".into()]));
    assert!(said.contains("Overloaded [redacted] (overloaded_error)"), "{said}");
    let (_upstream, _sender, toml) = streaming(&[start(), text_block(), word("Half"), overloaded()], "m").await;
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    let (events, mut receipt) = stream(answer);
    plans::rest(events).await;
    let receipt = receipt.take().unwrap();
    assert_eq!((receipt.end, receipt.cost_usd), (StreamEnd::Broken("error_event".into()), None));
}

#[tokio::test]
async fn a_stream_that_breaks_or_forgets_its_stop_ends_properly() {
    for (last, ends) in [
        (Piece::Break, vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Bytes(String::new()), vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Bytes(stop("end_turn").replace("message_stop", "ping")), vec!["stop", "[DONE]"]),
    ] {
        let (_upstream, sender, toml) = streaming(&[start(), text_block(), word("Half")], "m").await;
        let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
        let (mut events, _receipt) = stream(answer);
        let mut said = String::new();
        while !said.contains("Half") {
            said += &plans::next(&mut events).await;
        }
        sender.send(last).unwrap();
        drop(sender);
        said += &plans::rest(events).await;
        assert_eq!(read(&said), ("Half".into(), ends.into_iter().map(str::to_owned).collect()));
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_stream() {
    let (_upstream, sender, toml) = streaming(&[start(), text_block(), word("Half")], "m").await;
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    drop(answer);
    soon("the provider's work is cancelled", sender.closed()).await;
}

#[tokio::test]
async fn a_whole_answer_to_a_request_for_a_stream_is_read_whole() {
    let upstream = Upstream::always(200, says("Hi")).await;
    let gateway = gateway_of(&claude_at("m", upstream.base_url(), 1.0));
    let answer = ask(&gateway, &chain(&["m"]), json!({"stream": true})).await.unwrap();
    assert!(matches!(answer.body, AnswerBody::Whole { .. }));
    assert!(whole(answer).0.contains("chat.completion"));
}

#[tokio::test]
async fn a_cascade_judges_its_answers_whole_and_streamed() {
    let sorry = "I'm sorry, but I can't help with that.";
    let gate = || AnswerGate { min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let dear = Upstream::always(200, completion("good")).await;
    let after = |base_url: &str| {
        gateway_of(&(claude_at("claude", base_url, 1.0) + &model_at("dear", dear.base_url(), 10.0, "")))
    };
    let plan = escalate(&["claude", "dear"], gate());
    for (answer, label) in [
        (says("Paris."), "200"),
        (says(sorry), "gate_refusal"),
        (message(&json!([{"type": "text", "text": "How"}]), "refusal"), "gate_refusal"),
        (message(&json!([{"type": "text", "text": "Once"}]), "max_tokens"), "gate_cut"),
        (message(&json!([{"type": "thinking", "thinking": "Hm."}]), "end_turn"), "gate_empty"),
    ] {
        let upstream = Upstream::always(200, answer).await;
        let answer = ask(&after(upstream.base_url()), &plan, json!({})).await.unwrap();
        assert_eq!(labels(&answer)[0], format!("claude {label}"));
        assert!(answer.dropped.is_empty(), "log-probabilities were the gateway's own wish");
        assert_cost(answer.unused_cost_usd, if label == "200" { 0.0 } else { 0.0011 });
    }
    for (pieces, label) in [
        ([start(), text_block() + &word(&"Paris is a city. ".repeat(10)), word("More."), String::new()], "200"),
        ([start(), text_block() + &word("I'm sorry, "), word(&sorry[11..]), stop("end_turn")], "gate_refusal"),
        ([start(), text_block() + &word("Ok"), word(""), stop("max_tokens")], "gate_cut"),
    ] {
        let (upstream, sender, _) = streaming(&pieces, "claude").await;
        let answer = ask(&after(upstream.base_url()), &plan, json!({"stream": true})).await.unwrap();
        assert_eq!(labels(&answer)[0], format!("claude {label}"));
        if label == "200" {
            send(&sender, stop("end_turn"));
            let (events, mut receipt) = stream(answer);
            let (words, ends) = read(&plans::rest(events).await);
            assert_eq!(words, "Paris is a city. ".repeat(10) + "More.", "nothing lost and nothing said twice");
            assert_eq!(ends, ["stop", "[DONE]"]);
            assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
        } else {
            assert_cost(answer.unused_cost_usd, 0.0011);
        }
    }
}

#[tokio::test]
async fn a_stream_that_did_not_pass_is_handed_on_whole_where_nobody_has_better() {
    let pieces = [start(), ping(), text_block(), word("I'm sorry, but I can't help with that."), stop("end_turn")];
    let (_upstream, _sender, toml) = streaming(&pieces, "claude").await;
    let gateway = gateway_of(&(toml + &model_at("dear", &deserted_base_url(), 10.0, "")));
    let plan = escalate(&["claude", "dear"], AnswerGate::default());
    let answer = ask(&gateway, &plan, json!({"stream": true, "seed": 1})).await.unwrap();
    assert_eq!(labels(&answer), ["claude gate_refusal", "dear connect"]);
    assert_eq!(answer.dropped, ["seed"]);
    let (events, mut receipt) = stream(answer);
    let said = plans::rest(events).await;
    assert!(said.starts_with(": ping\n\ndata: "), "{said}");
    assert_eq!(read(&said).0, "I'm sorry, but I can't help with that.");
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}

#[tokio::test]
async fn a_race_reads_a_stream_whole_and_plays_it_again() {
    let pieces = [start() + &text_block(), word("The answer "), word("is four."), stop("end_turn")];
    let (_upstream, _sender, toml) = streaming(&pieces, "claude").await;
    let other = Upstream::always(200, completion("")).await;
    let gateway = gateway_of(&(toml + &model_at("other", other.base_url(), 10.0, "")));
    let plan = race(&["claude", "other"], 2, Pick::Nearest);
    let answer = soon("the race ends", gateway.send(&plan, &request(json!({"stream": true})))).await.unwrap();
    assert_eq!(answer.model, "claude");
    let (events, mut receipt) = stream(answer);
    let (words, ends) = read(&plans::rest(events).await);
    assert_eq!((words.as_str(), ends), ("The answer is four.", vec!["stop".to_owned(), "[DONE]".to_owned()]));
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}
