//! `POST /v1/responses` through the real router: whole and as a stream, before providers of both kinds, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::upstream::{Piece, Reply, Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, usage_event, word};
use reqwest::Response;
use semroute::store::Outcome;
use serde_json::{Value, json};
use tempfile::TempDir;

const ANTHROPIC: &str = "kind = \"anthropic\"";

async fn ask(router: &TestRouter, body: Value) -> Response {
    soon("the router answers", router.post("/v1/responses").json(&body).send()).await.unwrap()
}

async fn answer(router: &TestRouter, body: Value) -> Value {
    let response = ask(router, body).await;
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The events of a stream, each of which says its type twice and its number.
fn events(text: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for event in text.split_terminator("\n\n").filter(|event| !event.starts_with(':')) {
        let (kind, data) = event.split_once('\n').unwrap_or_else(|| panic!("not an event: {event:?}"));
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(kind.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], events.len());
        events.push(data);
    }
    events
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_whole_answer_comes_as_a_response() {
    let upstream = Upstream::always(200, completion("Hello yourself")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let body = json!({"model": "m", "instructions": "Be brief.", "input": "Hello", "max_output_tokens": 50, "metadata": {"a": "b"}, "seed": 7});
    let response = ask(&router, body).await;
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "x-semroute-model"), "m");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert!(!response.headers().contains_key("x-semroute-dropped"));
    let response: Value = response.json().await.unwrap();
    assert!(response["id"].as_str().unwrap().starts_with("resp_"));
    assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!("completed")));
    assert!(response["created_at"].as_u64().unwrap() > 1_600_000_000);
    let message = &response["output"][0];
    assert!(message["id"].as_str().unwrap().starts_with("msg_"));
    let part = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": "Hello yourself"});
    assert_eq!(message["content"], json!([part]));
    assert_eq!(response["model"], "upstream-model");
    assert_eq!(response["metadata"], json!({"a": "b"}));
    assert_eq!((&response["error"], &response["store"]), (&Value::Null, &json!(false)));
    assert_eq!(response["usage"]["total_tokens"], 1100);

    let received = upstream.received().remove(0);
    assert_eq!(received.path, "/v1/chat/completions");
    let sent = json!({
        "model": "upstream-m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_completion_tokens": 50,
        "seed": 7,
    });
    assert_eq!(received.json(), sent);
}

#[tokio::test]
async fn without_a_model_the_words_of_the_input_decide() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&cheap_and_dear(upstream.base_url(), upstream.base_url())).await;
    let prompt = "Prove that there are infinitely many primes congruent to 3 modulo 4.";
    let asked =
        ask(&router, json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": prompt}]}]})).await;
    let chat = router.chat(json!({"model": "auto", "messages": [{"role": "user", "content": prompt}]})).await;
    for name in ["x-semroute-model", "x-semroute-task", "x-semroute-complexity", "x-semroute-confidence"] {
        assert_eq!(header(&asked, name), header(&chat, name), "{name}");
    }
    let alone = ask(&router, json!({"input": [{"role": "developer", "content": prompt}]})).await;
    assert_eq!(alone.status(), 200, "instructions alone are a request too");
    assert_eq!(header(&alone, "x-semroute-task"), header(&chat, "x-semroute-task"));
}

#[tokio::test]
async fn a_stream_is_told_event_by_event_as_it_comes() {
    let folder = TempDir::new().unwrap();
    let store = format!("[store]\nurl = \"sqlite://{}\"\n", folder.path().join("a.db").display());
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("Good "));
    let router = TestRouter::start(&(store + &model_at("m", upstream.base_url(), 2.0, ""))).await;
    let mut response = ask(&router, json!({"model": "m", "input": "Hello", "stream": true})).await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    assert_eq!(header(&response, "cache-control"), "no-cache");
    let mut text = String::new();
    while !text.contains("\"delta\":\"Good \"") {
        let chunk = soon("the first word, before the next is made", response.chunk()).await.unwrap().unwrap();
        text += std::str::from_utf8(&chunk).unwrap();
    }
    send(&sender, ": a heartbeat\n\n");
    let chunk = soon("the heartbeat", response.chunk()).await.unwrap().unwrap();
    assert_eq!(&chunk[..], b": a heartbeat\n\n");
    send(&sender, word("day.") + &stop_event() + &usage_event(500, 50) + DONE);
    drop(sender);
    text += &soon("the stream ends", response.text()).await.unwrap();
    let events = events(&text);
    let expected = "response.created response.in_progress response.output_item.added response.content_part.added \
                    response.output_text.delta response.output_text.delta response.output_text.done response.content_part.done \
                    response.output_item.done response.completed";
    assert_eq!(kinds(&events), expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(events[6]["text"], "Good day.");
    let end = &events.last().unwrap()["response"];
    assert_eq!(end["usage"]["total_tokens"], 550);
    assert_eq!(end["output"][0]["content"][0]["text"], "Good day.");
    assert_eq!(end["id"], events[0]["response"]["id"]);
    assert!(!text.contains("[DONE]"), "the last event is the end");
    let sent = upstream.received().remove(0).json();
    assert_eq!(sent["stream_options"], json!({"include_usage": true}));
    let row = router.remembers(1).await.remove(0);
    assert_eq!((row.outcome, row.stream, row.output_tokens), (Outcome::Answered, true, Some(50)));
    assert!((row.cost_usd.unwrap() - 0.0011).abs() < 1e-12);
}

#[tokio::test]
async fn a_stream_that_breaks_fails_and_is_never_completed() {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("Good "));
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let response = ask(&router, json!({"model": "m", "input": "Hello", "stream": true})).await;
    sender.send(Piece::Break).unwrap();
    let text = soon("the stream ends", response.text()).await.unwrap();
    let events = events(&text);
    assert_eq!(kinds(&events)[events.len() - 2..], ["error", "response.failed"]);
    let error = &events[events.len() - 2];
    assert_eq!(error["code"], "upstream_stream_broken");
    assert!(error["message"].as_str().unwrap().contains("m-provider broke"), "{error}");
    let failed = &events[events.len() - 1]["response"];
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("server_error")));
    assert_eq!(failed["output"][0]["status"], "incomplete");
}

fn anthropic_event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

#[tokio::test]
async fn thoughts_and_calls_of_the_other_kind_of_provider_come_whole() {
    let blocks = json!([
        {"type": "thinking", "thinking": "Rome it is.", "signature": "s"},
        {"type": "text", "text": "I will look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
    ]);
    let usage = json!({"input_tokens": 500, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 200, "output_tokens": 100});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served", "content": blocks, "stop_reason": "tool_use", "usage": usage});
    let upstream = Upstream::always(200, message).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, ANTHROPIC)).await;
    let tool = json!({"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": true});
    let input =
        json!([{"role": "user", "content": "Weather in Rome?"}, {"type": "reasoning", "id": "rs_1", "summary": []}]);
    let body = json!({"model": "m", "input": input, "tools": [tool], "tool_choice": "required", "seed": 1, "max_output_tokens": 60});
    let response = ask(&router, body).await;
    assert_eq!(header(&response, "x-semroute-dropped"), "input.reasoning, tools.strict, seed", "what either API lacks");
    let response: Value = response.json().await.unwrap();
    let kinds: Vec<&str> =
        response["output"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(response["output"][0]["summary"], json!([{"type": "summary_text", "text": "Rome it is."}]));
    let call = &response["output"][2];
    assert_eq!(
        (&call["call_id"], &call["name"], &call["arguments"]),
        (&json!("toolu_1"), &json!("weather"), &json!("{\"city\":\"Rome\"}"))
    );
    assert_eq!(response["tools"], json!([tool]), "as the client wrote them");
    let details = json!({"cached_tokens": 200, "cache_write_tokens": 300});
    assert_eq!(
        (&response["usage"]["input_tokens"], &response["usage"]["input_tokens_details"]),
        (&json!(1000), &details)
    );
    let sent = upstream.received().remove(0);
    assert_eq!(sent.path, "/v1/messages");
    assert_eq!((&sent.json()["max_tokens"], &sent.json()["tool_choice"]), (&json!(60), &json!({"type": "any"})));
}

#[tokio::test]
async fn a_stream_of_the_other_kind_of_provider_is_told_the_same_way() {
    let (upstream, sender) = Upstream::streaming().await;
    let usage = json!({"input_tokens": 1000, "output_tokens": 1});
    let start = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served", "content": [], "usage": usage});
    let block =
        |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let told = [
        json!({"type": "message_start", "message": start}),
        json!({"type": "ping"}),
        block(0, json!({"type": "thinking", "thinking": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "Rome."})),
        stop(0),
        block(1, json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "{\"city\":"})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "\"Rome\"}"})),
        stop(1),
        block(2, json!({"type": "tool_use", "id": "toolu_2", "name": "time", "input": {}})),
        stop(2),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 40}}),
        json!({"type": "message_stop"}),
    ];
    send(&sender, told.iter().map(anthropic_event).collect::<String>());
    drop(sender);
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, ANTHROPIC)).await;
    let response = ask(&router, json!({"model": "m", "input": "Weather?", "stream": true})).await;
    let text = soon("the stream ends", response.text()).await.unwrap();
    assert!(text.contains(": ping\n\n"), "{text}");
    let events = events(&text);
    let calls: Vec<(&Value, &Value)> = events
        .iter()
        .filter(|event| event["type"] == "response.function_call_arguments.done")
        .map(|event| (&event["output_index"], &event["arguments"]))
        .collect();
    assert_eq!(calls, [(&json!(1), &json!("{\"city\":\"Rome\"}")), (&json!(2), &json!("{}"))]);
    let thoughts = events.iter().find(|event| event["type"] == "response.reasoning_summary_text.done").unwrap();
    assert_eq!((&thoughts["output_index"], &thoughts["text"]), (&json!(0), &json!("Rome.")));
    let end = events.last().unwrap();
    assert_eq!((&end["type"], &end["response"]["usage"]["output_tokens"]), (&json!("response.completed"), &json!(40)));
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_the_client_kept() {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let calls = json!({"model": "s", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    let mut turns = vec![completion("It is warm."), calls];
    let upstream = Upstream::start(move |_| Reply::Json(200, turns.pop().unwrap())).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let tools = json!([{"type": "function", "name": "weather", "parameters": {"type": "object"}}]);
    let mut input = vec![json!({"role": "user", "content": "Weather?"})];
    let first = answer(&router, json!({"model": "m", "input": input, "tools": tools})).await;
    input.extend(first["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "warm"}));
    let second = answer(&router, json!({"model": "m", "input": input, "tools": tools})).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "It is warm.");
    input.extend(second["output"].as_array().unwrap().iter().cloned());
    let sent = &upstream.received()[1].json()["messages"];
    let expected = json!([
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "warm"},
    ]);
    assert_eq!(*sent, expected);
}

#[tokio::test]
async fn errors_are_openais_whoever_makes_them() {
    let refusal = json!({"error": {"message": "no", "type": "invalid_request_error", "param": "seed", "code": "x"}});
    let mut replies = vec![Reply::Json(500, json!({})), Reply::Json(422, refusal.clone())];
    let upstream = Upstream::start(move |_| replies.pop().unwrap()).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let response = ask(&router, json!({"model": "m", "input": "Go"})).await;
    assert_eq!(response.status(), 422);
    assert_eq!(error_of(response).await, refusal["error"]);
    let response = ask(&router, json!({"model": "m", "input": "Go"})).await;
    assert_eq!(response.status(), 502);
    assert_eq!(error_of(response).await["code"], "upstream_failed");
    for (body, status, param) in [
        (json!({"model": "nobody", "input": "Go"}), 404, Some("model")),
        (json!({"model": "m", "input": "Go", "previous_response_id": "resp_1"}), 400, Some("previous_response_id")),
        (json!({"model": "m", "input": "Go", "tools": [{"type": "web_search"}]}), 400, Some("tools[0].type")),
        (
            json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_text"}]}]}),
            400,
            Some("input[0].content[0].text"),
        ),
        (json!({}), 400, Some("input")),
    ] {
        let response = ask(&router, body.clone()).await;
        assert_eq!(response.status(), status, "{body}");
        assert_eq!(error_of(response).await["param"].as_str(), param, "{body}");
    }
    assert_eq!(upstream.calls(), 2, "what is wrong in itself is not sent");
    let response = router.post("/v1/responses").body(b"{\"input\":\"\xff\"}".to_vec()).send().await.unwrap();
    assert_eq!(error_of(response).await["message"], "the request body is not valid UTF-8 at byte 10");
}

#[tokio::test]
async fn another_model_answers_where_the_first_cannot_and_keys_are_asked_for() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&cheap_and_dear(&deserted_base_url(), upstream.base_url())).await;
    let response = ask(&router, json!({"model": "auto:cheapest", "input": "Hello"})).await;
    assert_eq!(
        (header(&response, "x-semroute-model").as_str(), header(&response, "x-semroute-attempts").as_str()),
        ("dear", "2")
    );
    let locked = format!(
        "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n{}",
        model_at("m", &deserted_base_url(), 1.0, "")
    );
    let router = TestRouter::start(&locked).await;
    for path in ["/v1/responses", "/v1/embeddings"] {
        let response = router.post(path).body("{}").send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
    }
    let response = router.get("/v1/responses").header("x-api-key", "first-key").send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow").as_str()), (405, "POST"));
}
