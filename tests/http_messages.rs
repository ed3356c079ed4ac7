//! Clients of Anthropic's Messages API before the real router, with providers of either kind behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, usage_event, word};
use futures_util::StreamExt;
use reqwest::Response;
use serde_json::{Value, json};

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/messages/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A request of one turn, with more fields.
fn ask(model: &str, more: Value) -> Value {
    let mut body = json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]});
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

async fn post(router: &TestRouter, body: &Value) -> Response {
    soon("the router answers", router.post("/v1/messages").json(body).send()).await.unwrap()
}

/// The error of an answer in Anthropic's shape, which it must have: status, type and message.
async fn error_of(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/json");
    let id = header(&response, "request-id");
    assert_eq!(id, header(&response, "x-request-id"));
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text:?}"));
    let (kind, message) = (&body["error"]["type"], &body["error"]["message"]);
    assert_eq!(body, json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": id}), "{text}");
    (status, kind.as_str().unwrap().to_owned(), message.as_str().unwrap().to_owned())
}

fn claude_at(name: &str, base_url: &str) -> String {
    model_at(name, base_url, 1.0, "kind = \"anthropic\"")
}

fn message(blocks: &Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served", "content": blocks,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {"input_tokens": 500, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 200, "output_tokens": 100},
    })
}

fn event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

/// The events of a stream, each with the name that stood before it.
fn events(stream: &str) -> Vec<Value> {
    let read = |event: &str| {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(name, data["type"], "{event}");
        data
    };
    stream.split_terminator("\n\n").map(read).collect()
}

/// Two providers, of OpenAI's kind and of Anthropic's, with every model that the fixtures name.
fn models_of_the_fixtures(openai: &str, anthropic: &str) -> String {
    let provider = |name: &str, kind: &str, url: &str| {
        format!("[[providers]]\nname = \"{name}\"\nkind = \"{kind}\"\nbase_url = \"{url}\"\n")
    };
    let model = |name: &&str| {
        let provider = if name.starts_with("gpt") { "openai" } else { "anthropic" };
        format!("[[models]]\nname = \"{name}\"\nprovider = \"{provider}\"\n")
    };
    let names = [
        "gpt-4o",
        "gpt-5",
        "claude-sonnet-4-5",
        "claude-opus-4-6",
        "claude-opus-4-7",
        "claude-fable-5",
        "claude-3-5-haiku-20241022",
    ];
    let set = "[[models]]\nname = \"set-gpt\"\nprovider = \"openai\"\nupstream_name = \"gpt-5\"\n\
               settings = { reasoning_effort = \"low\", max_completion_tokens = 700 }\n\
               [[models]]\nname = \"set-claude\"\nprovider = \"anthropic\"\nupstream_name = \"claude-opus-4-7\"\n\
               settings = { reasoning_effort = \"low\" }\n";
    let providers = provider("openai", "openai", openai) + &provider("anthropic", "anthropic", anthropic);
    providers + &names.iter().map(model).collect::<String>() + set
}

#[tokio::test]
async fn a_request_reaches_providers_of_either_kind_with_as_little_lost_as_can_be() {
    let openai = Upstream::always(200, completion("Hi")).await;
    let anthropic = Upstream::always(200, message(&json!([{"type": "text", "text": "Hi"}]), "end_turn")).await;
    let router = TestRouter::start(&models_of_the_fixtures(openai.base_url(), anthropic.base_url())).await;
    for case in ["content", "tools", "fields"].iter().flat_map(|file| cases(&format!("requests/{file}"))) {
        let about = case["about"].as_str().unwrap();
        for (model, sent) in case["sent"].as_object().unwrap() {
            let mut body = case["asked"].clone();
            body["model"] = model.as_str().into();
            let response = post(&router, &body).await;
            let dropped = response.headers().get("x-semroute-dropped").map(|value| value.to_str().unwrap().to_owned());
            let status = response.status().as_u16();
            assert_eq!(status, 200, "{about}: {model}: {}", response.text().await.unwrap());
            assert_eq!(json!(dropped), case["dropped"][model], "{about}: {model}");
            let upstream = if model.contains("gpt") { &openai } else { &anthropic };
            let received = upstream.received().pop().unwrap();
            assert_eq!(received.json(), *sent, "{about}: {model}");
        }
        for (model, what) in case["unsupported"].as_object().into_iter().flatten() {
            let mut body = case["asked"].clone();
            body["model"] = model.as_str().into();
            let (status, kind, said) = error_of(post(&router, &body).await).await;
            assert_eq!((status, kind.as_str()), (400, "invalid_request_error"), "{about}: {model}");
            assert!(said.contains(what.as_str().unwrap()), "{about}: {said}");
        }
    }
}

#[tokio::test]
async fn the_input_of_a_call_keeps_its_digits() {
    let openai = Upstream::always(200, completion("Hi")).await;
    let anthropic = Upstream::always(200, message(&json!([]), "end_turn")).await;
    let toml = model_at("gpt", openai.base_url(), 1.0, "") + &claude_at("claude", anthropic.base_url());
    let router = TestRouter::start(&toml).await;
    for (model, upstream, sent) in [
        ("gpt", &openai, r#""arguments":"{ \"id\": 123456789012345678901234567890.50 }""#),
        ("claude", &anthropic, r#""input":{ "id": 123456789012345678901234567890.50 }"#),
    ] {
        let turn = r#"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{ "id": 123456789012345678901234567890.50 }}]}"#;
        let body = format!(r#"{{"model":"{model}","max_tokens":1,"messages":[{turn}]}}"#);
        assert_eq!(router.post("/v1/messages").body(body).send().await.unwrap().status(), 200);
        let received = String::from_utf8(upstream.received()[0].body.to_vec()).unwrap();
        assert!(received.contains(sent), "{received}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named_by_its_place() {
    let router = TestRouter::start(&model_at("m", &deserted_base_url(), 1.0, "")).await;
    for case in cases("requests/wrong") {
        let mut body = case["asked"].clone();
        body["model"] = "m".into();
        let (status, kind, said) = error_of(post(&router, &body).await).await;
        assert_eq!((status, kind.as_str()), (400, "invalid_request_error"), "{}: {said}", case["about"]);
        assert!(said.starts_with(case["error"].as_str().unwrap()), "{}: {said}", case["about"]);
    }
    for (body, said) in [
        ("{", "the request body is not valid JSON"),
        ("[]", "the request body must be a JSON object"),
        (
            &format!("{{\"model\":\"m\",\"max_tokens\":1,\"messages\":{}}}", "[".repeat(3000)),
            "the request body is not valid JSON",
        ),
    ] {
        let response = router.post("/v1/messages").body(body.to_owned()).send().await.unwrap();
        let (status, _, told) = error_of(response).await;
        assert!(status == 400 && told.starts_with(said), "{told}");
    }
}

#[tokio::test]
async fn a_whole_answer_is_a_message_whoever_gave_it() {
    let mut answer = completion("Looking.");
    answer["choices"][0]["finish_reason"] = "tool_calls".into();
    answer["choices"][0]["message"]["tool_calls"] = json!([{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Rome\"}"}}]);
    let openai = Upstream::always(200, answer).await;
    let blocks = json!([
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "xx"},
        {"type": "text", "text": "Looking."}, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
    ]);
    let anthropic = Upstream::always(200, message(&blocks, "tool_use")).await;
    let toml = model_at("gpt", openai.base_url(), 1.0, "") + &claude_at("claude", anthropic.base_url());
    let router = TestRouter::start(&toml).await;

    let response = post(&router, &ask("claude", json!({}))).await;
    assert_eq!(header(&response, "x-semroute-model"), "claude");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert_eq!(header(&response, "request-id"), header(&response, "x-request-id"));
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer, message(&blocks, "tool_use"), "nothing is lost on the way there and back");

    let answer: Value = post(&router, &ask("gpt", json!({}))).await.json().await.unwrap();
    let call = json!({"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}});
    let usage = json!({"input_tokens": 1000, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 100});
    let expected = json!({
        "id": "msg_chatcmpl-1", "type": "message", "role": "assistant", "model": "upstream-model",
        "content": [{"type": "text", "text": "Looking."}, call], "stop_reason": "tool_use", "stop_sequence": null, "usage": usage,
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_stream_arrives_event_by_event_as_it_is_said() {
    let (upstream, pieces) = Upstream::streaming().await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    send(&pieces, word("Snow"));
    let response = post(&router, &ask("m", json!({"stream": true}))).await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    assert_eq!(upstream.received()[0].json()["stream_options"], json!({"include_usage": true}));
    let mut stream = response.bytes_stream();
    let mut next =
        async || String::from_utf8(soon("events arrive", stream.next()).await.unwrap().unwrap().to_vec()).unwrap();
    let zero =
        json!({"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0});
    let start = json!({
        "id": "msg_chatcmpl-1", "type": "message", "role": "assistant", "model": "upstream-model", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": zero,
    });
    let text =
        |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let begun = json!([
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        text("Snow"),
    ]);
    assert_eq!(json!(events(&next().await)), begun);
    send(&pieces, ": still here\n\n");
    assert_eq!(events(&next().await), [json!({"type": "ping"})]);
    send(&pieces, word("fall"));
    assert_eq!(events(&next().await), [text("fall")]);
    send(&pieces, stop_event() + &usage_event(12, 5) + DONE);
    drop(pieces);
    let mut rest = String::new();
    while let Some(more) = soon("the stream ends", stream.next()).await {
        rest += std::str::from_utf8(&more.unwrap()).unwrap();
    }
    let usage =
        json!({"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 5});
    let ended = json!([
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": usage},
        {"type": "message_stop"},
    ]);
    assert_eq!(json!(events(&rest)), ended);
}

#[tokio::test]
async fn a_stream_of_the_same_api_comes_through_with_its_signatures() {
    let sent = [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served", "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 12, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "xx"}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "Looking."}}),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}}),
        json!({"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":"}}),
        json!({"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "1}"}}),
        json!({"type": "content_block_stop", "index": 3}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let (upstream, pieces) = Upstream::streaming().await;
    sent.iter().for_each(|sent| send(&pieces, event(sent)));
    drop(pieces);
    let router = TestRouter::start(&claude_at("m", upstream.base_url())).await;
    let response = post(&router, &ask("m", json!({"stream": true}))).await;
    let text = soon("the stream ends", response.text()).await.unwrap();
    let mut expected = sent.to_vec();
    // The counts come with the end.
    let zero =
        json!({"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0});
    expected[0]["message"]["usage"] = zero;
    assert_eq!(json!(events(&text)), json!(expected));
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_event_and_no_end_of_the_message() {
    let (upstream, pieces) = Upstream::streaming().await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    send(&pieces, word("Snow"));
    let response = post(&router, &ask("m", json!({"stream": true}))).await;
    pieces.send(Piece::Break).unwrap();
    let events = events(&soon("the stream ends", response.text()).await.unwrap());
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message_start", "content_block_start", "content_block_delta", "error"]);
    let error = &events[3]["error"];
    assert_eq!(error["type"], "api_error");
    assert!(error["message"].as_str().unwrap().starts_with("the stream from m-provider broke"), "{error}");
}

#[tokio::test]
async fn every_error_on_these_paths_has_anthropics_shape() {
    let toml = "[server]\nmax_body_bytes = 1000\n[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n".to_owned();
    let router = TestRouter::start(&(toml + &model_at("m", &deserted_base_url(), 1.0, ""))).await;
    let body = || ask("m", json!({})).to_string();
    let with_key = |path: &str| router.post(path).header("x-api-key", "first-key");
    for (request, expected) in [
        (router.post("/v1/messages").body(body()), (401, "authentication_error", "an API key is required")),
        (with_key("/v1/messages").body(body()), (503, "overloaded_error", "no model answered")),
        (
            with_key("/v1/messages").body(ask("nobody", json!({})).to_string()),
            (404, "not_found_error", "the model \"nobody\" does not exist"),
        ),
        (with_key("/v1/messages").body("x".repeat(2000)), (413, "request_too_large", "the request body is larger")),
        (
            with_key("/v1/messages").header("x-semroute-quality", "7").body(body()),
            (400, "invalid_request_error", "x-semroute-quality"),
        ),
        (with_key("/v1/messages/batches").body(body()), (404, "not_found_error", "unknown request URL")),
        (
            router.get("/v1/messages").header("x-api-key", "first-key"),
            (405, "invalid_request_error", "GET is not allowed"),
        ),
        (with_key("/v1/messages/count_tokens").body("{}"), (400, "invalid_request_error", "model: field required")),
    ] {
        let (status, kind, said) = error_of(request.send().await.unwrap()).await;
        assert_eq!((status, kind.as_str()), (expected.0, expected.1), "{said}");
        assert!(said.starts_with(expected.2), "{said}");
    }
    let other = router.post("/v1/messages-of-another").send().await.unwrap();
    let other: Value = other.json().await.unwrap();
    assert!(other["type"].is_null() && other["error"]["code"] == "invalid_api_key", "{other}");
}

#[tokio::test]
async fn one_request_too_many_is_told_so_in_anthropics_shape() {
    let (upstream, pieces) = Upstream::streaming().await;
    send(&pieces, word("a"));
    let router =
        TestRouter::start(&("[server]\nmax_in_flight = 1\n".to_owned() + &model_at("m", upstream.base_url(), 1.0, "")))
            .await;
    let running = post(&router, &ask("m", json!({"stream": true}))).await;
    let refused = post(&router, &ask("m", json!({}))).await;
    assert_eq!(header(&refused, "retry-after"), "1");
    let (status, kind, _) = error_of(refused).await;
    assert_eq!((status, kind.as_str()), (429, "rate_limit_error"));
    drop(running);
}

#[tokio::test]
async fn a_providers_refusal_is_told_in_anthropics_shape_whichever_it_had() {
    let openai_shape = json!({"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}});
    let anthropic_shape = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}, "request_id": "req_1"});
    for (kind, status, answer, expected) in [
        ("openai", 400, openai_shape, ("invalid_request_error", "too long")),
        (
            "openai",
            422,
            json!({"object": "error", "message": "extra fields", "code": 422}),
            ("invalid_request_error", "extra fields"),
        ),
        ("openai", 422, json!({"detail": "extra fields"}), ("invalid_request_error", "extra fields")),
        ("openai", 403, json!({"error": "not allowed"}), ("permission_error", "not allowed")),
        ("openai", 413, json!("<html>"), ("request_too_large", "<html>")),
        ("openai", 400, json!({}), ("invalid_request_error", "the provider refused the request with status 400")),
        ("anthropic", 400, anthropic_shape, ("invalid_request_error", "prompt is too long")),
    ] {
        let upstream = Upstream::always(status, answer).await;
        let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, &format!("kind = \"{kind}\""))).await;
        let response = post(&router, &ask("m", json!({}))).await;
        assert_eq!(header(&response, "x-semroute-model"), "m");
        let (told, kind, said) = error_of(response).await;
        assert_eq!((told, kind.as_str(), said.as_str()), (status, expected.0, expected.1));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_completion_is_an_error_and_no_message() {
    let upstream = Upstream::always(200, json!({"choices": []})).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let (status, kind, said) = error_of(post(&router, &ask("m", json!({}))).await).await;
    assert_eq!((status, kind.as_str(), said.as_str()), (502, "api_error", "the answer of m-provider cannot be read"));
}

#[tokio::test]
async fn what_is_asked_for_beyond_the_common_reaches_the_api_that_has_it() {
    let answer = message(&json!([{"type": "text", "text": "Hi"}]), "end_turn");
    let (anthropic, openai) = (Upstream::always(200, answer).await, Upstream::always(200, completion("Hi")).await);
    let toml = claude_at("claude", anthropic.base_url()) + &model_at("gpt", openai.base_url(), 1.0, "");
    let router = TestRouter::start(&toml).await;
    for model in ["claude", "gpt"] {
        let sending = router
            .post("/v1/messages?beta=true")
            .header("anthropic-version", "2023-06-01")
            .header("anthropic-beta", "one-2025-01-01, two-2025-01-01")
            .header("anthropic-beta", "three")
            .json(&ask(model, json!({})));
        let response = sending.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().contains_key("x-semroute-dropped"), model == "gpt");
    }
    let received = anthropic.received().remove(0);
    assert_eq!(received.headers["anthropic-beta"], "one-2025-01-01,two-2025-01-01,three");
    assert!(received.json().get("anthropic_beta").is_none());
    assert!(!openai.received()[0].headers.contains_key("anthropic-beta"));
    assert!(openai.received()[0].json().get("anthropic_beta").is_none());
    let odd = router.post("/v1/messages").header("anthropic-beta", "a b").json(&ask("claude", json!({})));
    let (status, _, said) = error_of(odd.send().await.unwrap()).await;
    assert!(status == 400 && said.starts_with("anthropic_beta: expected at most"), "{said}");
}

#[tokio::test]
async fn tokens_are_counted_for_the_model_that_is_asked_and_nobody_is_asked() {
    let url = deserted_base_url();
    let named = |name: &str| format!("[[models]]\nname = \"{name}\"\nprovider = \"p\"\n");
    let toml =
        format!("[router.aliases]\n\"claude-*\" = \"gpt-4o\"\n[[providers]]\nname = \"p\"\nbase_url = \"{url}\"\n");
    let router = TestRouter::start(&(toml + &named("gpt-4o") + &named("claude-sonnet-4-5"))).await;
    let count = async |body: Value| {
        let sending = router.post("/v1/messages/count_tokens").json(&body).send();
        let response = soon("the router answers", sending).await.unwrap();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(1), "{answer}");
        answer["input_tokens"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    };
    let turn = "Explain the difference between a process and a thread. ".repeat(20);
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": turn}]});
    let (gpt, claude) = (count(body("gpt-4o")).await, count(body("claude-sonnet-4-5")).await);
    assert!((150..300).contains(&gpt) && claude > gpt, "{gpt}, {claude}");
    assert_eq!(count(body("auto")).await, claude, "the most careful of them");
    assert_eq!(count(body("claude-haiku")).await, gpt, "by its alias");
    let mut more = body("gpt-4o");
    more["system"] = json!([{"type": "text", "text": turn}]);
    more["tools"] = json!([{"name": "f", "description": turn, "input_schema": {"type": "object"}}]);
    assert!(count(more).await > gpt * 5 / 2);
    let mut called = body("gpt-4o");
    let block = json!({"type": "tool_use", "id": "a", "name": "write", "input": {"text": turn}});
    called["messages"].as_array_mut().unwrap().push(json!({"role": "assistant", "content": [block]}));
    assert!(count(called).await > gpt * 3 / 2, "what was called is read again");
    let unknown = router.post("/v1/messages/count_tokens").json(&body("nobody")).send().await.unwrap();
    let (status, kind, _) = error_of(unknown).await;
    assert_eq!((status, kind.as_str()), (404, "not_found_error"));
}

#[tokio::test]
async fn what_cannot_be_told_one_provider_is_asked_of_the_next() {
    let blocks = json!([{"type": "text", "text": "Found."}]);
    let anthropic = Upstream::always(200, message(&blocks, "end_turn")).await;
    let openai = Upstream::start(|_| -> Reply { panic!("it cannot search") }).await;
    let toml = model_at("cheap", openai.base_url(), 1.0, "")
        + &model_at("dear", anthropic.base_url(), 9.0, "kind = \"anthropic\"");
    let router = TestRouter::start(&toml).await;
    let search = json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]});
    let response = post(&router, &ask("auto:cheapest", search)).await;
    assert_eq!(header(&response, "x-semroute-model"), "dear");
    assert_eq!(header(&response, "x-semroute-attempts"), "1", "one was asked, and the other could not be");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["content"], blocks);
}
