//! A provider that speaks Google's Gemini API, behind the real gateway: clients speak OpenAI's and cannot tell.
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
const KIND: &str = "kind = \"gemini\"";

/// A model of a provider of this kind.
fn gemini_at(name: &str, base_url: &str, usd_per_mtok: f64) -> String {
    model_at(name, base_url, usd_per_mtok, KIND)
}

/// The same under a name that tells its generation.
fn named(upstream_name: &str, base_url: &str) -> String {
    gemini_at("m", base_url, 1.0).replace("upstream-m", upstream_name)
}

fn with_key(name: &str, base_url: &str) -> String {
    model_at(name, base_url, 1.0, &format!("{KIND}\napi_key_env = \"PROVIDER_KEY\""))
}

/// An answer, or an event of a stream, that costs 0.0011 USD at 1 USD a million tokens.
fn content(parts: &Value, finish_reason: Option<&str>) -> Value {
    let usage = json!({
        "promptTokenCount": 1000, "cachedContentTokenCount": 200, "candidatesTokenCount": 60, "thoughtsTokenCount": 40,
        "totalTokenCount": 1100,
    });
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = finish_reason {
        candidate["finishReason"] = reason.into();
    }
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-served", "responseId": "r1"})
}

fn says(text: &str) -> Value {
    content(&json!([{"text": text}]), Some("STOP"))
}

fn error(code: u16, status: &str, text: &str) -> Value {
    json!({"error": {"code": code, "message": text, "status": status}})
}

fn event(event: &Value) -> String {
    format!("data: {event}\r\n\r\n")
}

fn word(text: &str) -> String {
    event(&content(&json!([{"text": text}]), None))
}

fn stop(reason: &str) -> String {
    event(&content(&json!([{"text": ""}]), Some(reason)))
}

/// An event that counts and says nothing.
fn silence() -> String {
    event(&json!({"usageMetadata": {"promptTokenCount": 1000, "totalTokenCount": 1000}, "responseId": "r1"}))
}

fn overloaded() -> String {
    event(&error(503, "UNAVAILABLE", "The model is overloaded."))
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
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert!(response.headers().values().all(|value| !value.to_str().unwrap().contains(KEY)));
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "gemini-served");
    assert_eq!(answer["choices"][0]["message"], json!({"role": "assistant", "content": "Hello."}));
    assert_eq!(answer["usage"]["prompt_tokens"], 1000);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 200);
    assert_eq!(answer["usage"]["completion_tokens"], 100);
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 40);
    assert!(answer["created"].as_u64().unwrap() > 1_600_000_000);

    let received = upstream.received().remove(0);
    assert_eq!((received.path.as_str(), received.query.as_deref()), ("/v1/models/upstream-m:generateContent", None));
    assert_eq!(received.headers["x-goog-api-key"], KEY);
    assert_eq!(received.headers["content-type"], "application/json");
    assert!(!received.headers.contains_key("authorization"), "neither the caller's nor ours");
    let sent = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"maxOutputTokens": 50},
    });
    assert_eq!(received.json(), sent);
}

#[tokio::test]
async fn settings_reach_the_provider_and_what_is_left_out_is_named() {
    let upstream = Upstream::always(200, says("Hello.")).await;
    let more = "settings = { reasoning_effort = \"low\", top_k = 3 }\n";
    let toml = named("gemini-2.5-flash", upstream.base_url()) + more;
    let answer =
        ask(&gateway_of(&toml), &chain(&["m"]), json!({"user": "u", "reasoning_effort": "high"})).await.unwrap();
    assert_eq!(answer.dropped, ["user"]);
    let config = json!({"topK": 3, "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": true}});
    assert_eq!(upstream.received()[0].json()["generationConfig"], config);
}

#[tokio::test]
async fn tool_calls_make_the_round_with_ids_and_signatures() {
    let calls = json!([
        {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "time", "args": {}}},
    ]);
    let mut turns = vec![says("Sunny at noon."), content(&calls, Some("STOP"))];
    let upstream = Upstream::start(move |_| Reply::Json(200, turns.pop().unwrap())).await;
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}, {"type": "function", "function": {"name": "time"}}]);
    let gateway = gateway_of(&named("gemini-3-flash-preview", upstream.base_url()));
    let answer = ask(&gateway, &chain(&["m"]), json!({"tools": tools, "tool_choice": "required"})).await.unwrap();
    let answer: Value = serde_json::from_str(&whole(answer).0).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let called = &choice["message"]["tool_calls"];
    assert_eq!(called[0]["function"], json!({"name": "weather", "arguments": "{\"city\":\"Rome\"}"}));
    assert_eq!(called[0]["extra_content"], json!({"google": {"thought_signature": "c2ln"}}));
    assert_ne!(called[0]["id"], called[1]["id"]);

    let messages = json!([
        {"role": "user", "content": "Weather?"}, choice["message"],
        {"role": "tool", "tool_call_id": called[1]["id"], "content": "noon"},
        {"role": "tool", "tool_call_id": called[0]["id"], "content": "{\"sky\": \"clear\"}"},
    ]);
    let answer = ask(&gateway, &chain(&["m"]), json!({"messages": messages, "tools": tools})).await.unwrap();
    assert!(whole(answer).0.contains("Sunny at noon."));
    let received = upstream.received();
    assert_eq!(received[0].json()["toolConfig"], json!({"functionCallingConfig": {"mode": "ANY"}}));
    let (contents, id) = (&received[1].json()["contents"], |call: usize| called[call]["id"].clone());
    let sent_calls = json!([
        {"functionCall": {"id": id(0), "name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": id(1), "name": "time", "args": {}}},
    ]);
    assert_eq!(contents[1], json!({"role": "model", "parts": sent_calls}));
    let results = json!([
        {"functionResponse": {"id": id(0), "name": "weather", "response": {"sky": "clear"}}},
        {"functionResponse": {"id": id(1), "name": "time", "response": {"output": "noon"}}},
    ]);
    assert_eq!(contents[2], json!({"role": "user", "parts": results}));
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_tells_nothing_of_the_key() {
    for (code, status, kind, told_code) in [
        (400, "INVALID_ARGUMENT", "invalid_request_error", Value::Null),
        (403, "PERMISSION_DENIED", "permission_error", "permission_denied".into()),
    ] {
        let upstream = Upstream::always(code, error(code, status, &format!("no good: {KEY}"))).await;
        let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
        let response = router.ask("m").await;
        assert_eq!(response.status(), code);
        assert_eq!(header(&response, "content-type"), "application/json");
        let told = error_of(response).await;
        assert_eq!(told, json!({"message": "no good: [redacted]", "type": kind, "param": null, "code": told_code}));
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
    let gateway = gateway_of(&(gemini_at("gemini", base_url, 1.0) + &model_at("other", other.base_url(), 10.0, "")));
    let answer = ask(&gateway, &chain(&["gemini", "other"]), more).await.unwrap();
    assert_eq!(labels(&answer), [format!("gemini {label}"), "other 200".into()]);
    answer
}

#[tokio::test]
async fn its_own_trouble_and_what_it_cannot_do_are_left_to_another_model() {
    for (code, status) in [(429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE")] {
        let upstream = Upstream::always(code, error(code, status, "trouble")).await;
        falls_back(upstream.base_url(), json!({}), &code.to_string()).await;
    }
    let malformed = content(&json!([]), Some("MALFORMED_FUNCTION_CALL"));
    for odd in [json!({"choices": []}), error(500, "INTERNAL", "with a status of 200"), malformed] {
        let upstream = Upstream::always(200, odd).await;
        falls_back(upstream.base_url(), json!({}), "unreadable").await;
    }
    let upstream = Upstream::always(200, says("Hello.")).await;
    let answer = falls_back(upstream.base_url(), json!({"n": 9, "user": "u"}), "unsupported").await;
    assert_eq!(upstream.calls(), 0);
    assert!(answer.dropped.is_empty(), "the one that serves was given everything");
    let gateway = gateway_of(&named("other/../../secret", upstream.base_url()));
    let Err(failed) = ask(&gateway, &chain(&["m"]), json!({})).await else { panic!("nobody could") };
    assert!(failed.to_string().contains("cannot do what is asked (a model's name of other characters"), "{failed}");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_blocked_prompt_is_an_answer_that_a_filter_stopped() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1000, "totalTokenCount": 1000}});
    let upstream = Upstream::always(200, blocked).await;
    let answer = ask(&gateway_of(&gemini_at("m", upstream.base_url(), 1.0)), &chain(&["m"]), json!({})).await.unwrap();
    let (text, cost_usd) = whole(answer);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    assert_cost(cost_usd, 0.001);
}

/// A model that streams these pieces.
async fn streaming(pieces: &[String], name: &str) -> (Upstream, UnboundedSender<Piece>, String) {
    let (upstream, sender) = Upstream::streaming().await;
    pieces.iter().for_each(|piece| send(&sender, piece.clone()));
    let toml = gemini_at(name, upstream.base_url(), 1.0);
    (upstream, sender, toml)
}

#[tokio::test]
async fn a_stream_comes_as_it_arrives_and_its_counts_are_known_without_being_asked_for() {
    let (upstream, sender, toml) = streaming(&[silence(), word("word 0 ")], "m").await;
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    assert_eq!(answer.content_type.as_ref().unwrap(), "text/event-stream");
    let (mut events, mut receipt) = stream(answer);
    let mut begun = String::new();
    while !begun.contains("word 0") {
        begun += &plans::next(&mut events).await;
    }
    assert!(begun.contains("\"role\":\"assistant\""), "{begun}");
    for n in 1..4 {
        send(&sender, word(&format!("word {n} ")));
        let next = plans::next(&mut events).await;
        assert_eq!(read(&next).0, format!("word {n} "), "before the next is made");
    }
    send(&sender, stop("STOP"));
    drop(sender);
    let rest = plans::rest(events).await;
    assert_eq!(read(&rest), (String::new(), vec!["stop".into(), "[DONE]".into()]));
    let receipt = receipt.take().unwrap();
    assert_eq!(receipt.end, StreamEnd::Complete);
    let usage = Usage { input: 800, cached_input: 200, output: 60, reasoning: 40, ..Usage::default() };
    assert_eq!(receipt.usage, Some(usage));
    assert_cost(receipt.cost_usd, 0.0011);
    let received = upstream.received().remove(0);
    assert_eq!(received.path, "/v1/models/upstream-m:streamGenerateContent");
    assert_eq!(received.query.as_deref(), Some("alt=sse"));
}

#[tokio::test]
async fn a_stream_through_the_router_tells_its_counts_where_they_are_wanted() {
    let (_upstream, sender, toml) = streaming(&[word("Hi") + &stop("MAX_TOKENS")], "m").await;
    drop(sender);
    let router = TestRouter::start(&toml).await;
    let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "Hello"}]});
    let response = router.chat(body).await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    let said = soon("the stream ends", response.text()).await.unwrap();
    assert_eq!(read(&said), ("Hi".into(), vec!["length".into(), "usage 1100".into(), "[DONE]".into()]));
}

#[tokio::test]
async fn an_error_before_the_first_word_is_left_to_another_model() {
    let malformed = event(&content(&json!([]), Some("MALFORMED_FUNCTION_CALL")));
    for pieces in [vec![overloaded()], vec![silence(), overloaded()], vec![silence(), malformed]] {
        let (upstream, _sender, _) = streaming(&pieces, "gemini").await;
        falls_back(upstream.base_url(), json!({"stream": true}), "error_event").await;
    }
    let (upstream, sender, _) = streaming(&[silence()], "gemini").await;
    drop(sender);
    falls_back(upstream.base_url(), json!({"stream": true}), "broken").await;
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_with_a_typed_error() {
    let pieces = [word("Half"), event(&error(503, "UNAVAILABLE", &format!("Overloaded {KEY}")))];
    let (upstream, _sender, _) = streaming(&pieces, "m").await;
    let router = TestRouter::start(&with_key("m", upstream.base_url())).await;
    let said = soon("the stream ends, though the provider holds on", router.ask_streaming("m").await.text()).await;
    let said = said.unwrap();
    assert_eq!(read(&said), ("Half".into(), vec!["upstream_stream_broken".into(), "[DONE]".into()]));
    assert!(said.contains("Overloaded [redacted] (UNAVAILABLE)"), "{said}");
    let (_upstream, _sender, toml) = streaming(&[word("Half"), overloaded()], "m").await;
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    let (events, mut receipt) = stream(answer);
    plans::rest(events).await;
    let receipt = receipt.take().unwrap();
    assert_eq!((receipt.end, receipt.cost_usd), (StreamEnd::Broken("error_event".into()), None));
}

#[tokio::test]
async fn a_stream_that_breaks_or_is_closed_too_early_ends_properly() {
    for (last, ends) in [
        (Piece::Break, vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Bytes(String::new()), vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Bytes(stop("STOP").trim_end().to_owned()), vec!["stop", "[DONE]"]),
    ] {
        let (_upstream, sender, toml) = streaming(&[word("Half")], "m").await;
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
    let (_upstream, sender, toml) = streaming(&[word("Half")], "m").await;
    let answer = ask(&gateway_of(&toml), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    drop(answer);
    soon("the provider's work is cancelled", sender.closed()).await;
}

#[tokio::test]
async fn a_whole_answer_to_a_request_for_a_stream_is_read_whole() {
    let upstream = Upstream::always(200, says("Hi")).await;
    let gateway = gateway_of(&gemini_at("m", upstream.base_url(), 1.0));
    let answer = ask(&gateway, &chain(&["m"]), json!({"stream": true})).await.unwrap();
    assert!(matches!(answer.body, AnswerBody::Whole { .. }));
    assert!(whole(answer).0.contains("chat.completion"));
}

#[tokio::test]
async fn a_cascade_judges_its_answers_whole_and_streamed() {
    let sorry = "I'm sorry, but I can't help with that.";
    let dear = Upstream::always(200, completion("good")).await;
    let after = |base_url: &str| {
        gateway_of(&(gemini_at("gemini", base_url, 1.0) + &model_at("dear", dear.base_url(), 10.0, "")))
    };
    let plan = escalate(&["gemini", "dear"], AnswerGate::default());
    for (answer, label) in [
        (says("Paris."), "200"),
        (says(sorry), "gate_refusal"),
        (content(&json!([{"text": "How"}]), Some("SAFETY")), "gate_refusal"),
        (content(&json!([{"text": "Once"}]), Some("MAX_TOKENS")), "gate_cut"),
        (content(&json!([{"text": "Hm.", "thought": true}]), Some("STOP")), "gate_empty"),
    ] {
        let upstream = Upstream::always(200, answer).await;
        let answer = ask(&after(upstream.base_url()), &plan, json!({})).await.unwrap();
        assert_eq!(labels(&answer)[0], format!("gemini {label}"));
        assert_cost(answer.unused_cost_usd, if label == "200" { 0.0 } else { 0.0011 });
    }
    for (pieces, label) in [
        ([silence(), word(&"Paris is a city. ".repeat(10)), word("More.")], "200"),
        ([word("I'm sorry, "), word(&sorry[11..]), stop("STOP")], "gate_refusal"),
        ([word("Ok"), silence(), stop("MAX_TOKENS")], "gate_cut"),
    ] {
        let (upstream, sender, _) = streaming(&pieces, "gemini").await;
        if label == "200" {
            let answer = ask(&after(upstream.base_url()), &plan, json!({"stream": true})).await.unwrap();
            assert_eq!(labels(&answer), ["gemini 200"]);
            send(&sender, stop("STOP"));
            drop(sender);
            let (events, mut receipt) = stream(answer);
            let (words, ends) = read(&plans::rest(events).await);
            assert_eq!(words, "Paris is a city. ".repeat(10) + "More.", "nothing lost and nothing said twice");
            assert_eq!(ends, ["stop", "[DONE]"]);
            assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
        } else {
            drop(sender);
            let answer = ask(&after(upstream.base_url()), &plan, json!({"stream": true})).await.unwrap();
            assert_eq!(labels(&answer)[0], format!("gemini {label}"));
            assert_cost(answer.unused_cost_usd, 0.0011);
        }
    }
}

#[tokio::test]
async fn a_gate_reads_how_likely_the_tokens_were_where_the_model_tells() {
    let dear = Upstream::always(200, completion("good")).await;
    let gate = || AnswerGate { min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let mut unsure = says("Perhaps.");
    unsure["candidates"][0]["logprobsResult"] =
        json!({"chosenCandidates": [{"token": "Perhaps.", "logProbability": -2.5}]});
    for (upstream_name, label, asked) in [
        ("gemini-2.5-flash", "gate_logprob", json!({"responseLogprobs": true})),
        ("gemini-3.8-flash", "200", Value::Null),
    ] {
        let mut reply = unsure.clone();
        if label == "200" {
            reply = says("Perhaps.");
        }
        let upstream = Upstream::always(200, reply).await;
        let toml = named(upstream_name, upstream.base_url()) + &model_at("dear", dear.base_url(), 10.0, "");
        let answer = ask(&gateway_of(&toml), &escalate(&["m", "dear"], gate()), json!({})).await.unwrap();
        assert_eq!(labels(&answer)[0], format!("m {label}"));
        assert!(answer.dropped.is_empty(), "log-probabilities were the gateway's own wish");
        assert_eq!(upstream.received()[0].json()["generationConfig"], asked);
    }
}

#[tokio::test]
async fn a_stream_that_did_not_pass_is_handed_on_whole_where_nobody_has_better() {
    let pieces = [silence(), word("I'm sorry, but I can't help with that."), stop("STOP")];
    let (_upstream, sender, toml) = streaming(&pieces, "gemini").await;
    drop(sender);
    let gateway = gateway_of(&(toml + &model_at("dear", &deserted_base_url(), 10.0, "")));
    let plan = escalate(&["gemini", "dear"], AnswerGate::default());
    let answer = ask(&gateway, &plan, json!({"stream": true, "user": "u"})).await.unwrap();
    assert_eq!(labels(&answer), ["gemini gate_refusal", "dear connect"]);
    assert_eq!(answer.dropped, ["user"]);
    let (events, mut receipt) = stream(answer);
    let said = plans::rest(events).await;
    assert_eq!(read(&said).0, "I'm sorry, but I can't help with that.");
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}

#[tokio::test]
async fn a_race_reads_a_stream_whole_and_plays_it_again() {
    let pieces = [word("The answer "), word("is four."), stop("STOP")];
    let (_upstream, sender, toml) = streaming(&pieces, "gemini").await;
    drop(sender);
    let other = Upstream::always(200, completion("")).await;
    let gateway = gateway_of(&(toml + &model_at("other", other.base_url(), 10.0, "")));
    let plan = race(&["gemini", "other"], 2, Pick::Nearest);
    let answer = soon("the race ends", gateway.send(&plan, &request(json!({"stream": true})))).await.unwrap();
    assert_eq!(answer.model, "gemini");
    let (events, mut receipt) = stream(answer);
    let (words, ends) = read(&plans::rest(events).await);
    assert_eq!((words.as_str(), ends), ("The answer is four.", vec!["stop".to_owned(), "[DONE]".to_owned()]));
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}
