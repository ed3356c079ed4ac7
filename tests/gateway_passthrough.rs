//! What reaches a provider, and what comes back: the client's body and the provider's answer, untouched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::upstream::{Reply, Upstream};
use common::{completion, deserted_base_url};
use serde_json::json;

#[tokio::test]
async fn every_field_but_the_model_reaches_the_provider_as_it_was_written() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "api_key_env = \"PROVIDER_KEY\"")).await;
    let body = r#"{"top_k":3,"model":"m","messages":[{"role":"user","content":[{"type":"odd","x":null},{"type":"text","text":"h\u00e9"}],"name":"n"}],"seed":9007199254740993,"temperature":0.1,"stop":null,"logit_bias":{"50256":-100},"x":[1e2]}"#;
    let sent =
        router.post("/v1/chat/completions").header("authorization", "Bearer caller").body(body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let received = &upstream.received()[0];
    let expected = body.replace(r#""model":"m""#, r#""model":"upstream-m""#);
    assert_eq!(std::str::from_utf8(&received.body).unwrap(), expected);
    assert_eq!(received.path, "/v1/chat/completions");
    assert_eq!(received.headers["authorization"], "Bearer sk-provider-secret", "the provider's key, not the caller's");
    assert!(!received.headers.contains_key("cookie") && !received.headers.contains_key("referer"));
}

#[tokio::test]
async fn thoughts_that_another_provider_signed_stay_here() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let said = json!({"role": "assistant", "content": "Hi", "reasoning_content": "Hm."});
    let mut echoed = said.clone();
    echoed["thinking_blocks"] = json!([{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}]);
    let asked = json!({"role": "user", "content": "What are \"thinking_blocks\"?"});
    let response = router.chat(json!({"model": "m", "messages": [asked, echoed, asked]})).await;
    assert_eq!(header(&response, "x-semroute-dropped"), "thinking_blocks");
    assert_eq!(upstream.received()[0].json()["messages"], json!([asked, said, asked]));
    let response = router.chat(json!({"model": "m", "messages": [asked]})).await;
    assert!(!response.headers().contains_key("x-semroute-dropped"), "words about them are words");
}

#[tokio::test]
async fn an_answer_comes_back_byte_for_byte() {
    let odd = "{ \"choices\" : [ ],\n \"vendor\":{\"z\":1,\"a\":2.50}, \"model\":\"whoever\" }\n";
    let reply = move |_: &_| Reply::Raw {
        status: 200,
        headers: vec![("content-type", "application/json".into()), ("set-cookie", "a=b".into())],
        body: odd.into(),
    };
    let upstream = Upstream::start(reply).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let response = router.ask("m").await;
    assert_eq!(header(&response, "content-type"), "application/json");
    assert!(!response.headers().contains_key("set-cookie"), "a provider's cookies are no business of the client's");
    assert_eq!(response.text().await.unwrap(), odd);
}

#[tokio::test]
async fn a_refusal_of_the_request_comes_back_as_it_is_and_nobody_else_is_asked() {
    for status in [400, 405, 413, 415, 422] {
        let refusal =
            json!({"error": {"message": "no", "type": "invalid_request_error", "param": "x", "code": "y"}, "more": 1});
        let refusing = Upstream::always(status, refusal.clone()).await;
        let other = Upstream::always(200, completion("Hi")).await;
        let router = TestRouter::start(&cheap_and_dear(refusing.base_url(), other.base_url())).await;
        let response = router.ask("auto:cheapest").await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "x-semroute-model"), "cheap");
        assert_eq!(header(&response, "x-semroute-attempts"), "1");
        assert_eq!(response.text().await.unwrap(), refusal.to_string());
        assert_eq!(other.calls(), 0);
    }
}

#[tokio::test]
async fn a_provider_cannot_show_its_key_to_a_caller() {
    let upstream = Upstream::start(|received| {
        let said = received.headers["authorization"].to_str().unwrap().to_owned();
        Reply::Json(
            400,
            json!({"error": {"message": format!("bad header {said}"), "type": "x", "param": null, "code": null}}),
        )
    })
    .await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "api_key_env = \"PROVIDER_KEY\"")).await;
    let error = error_of(router.ask("m").await).await;
    assert_eq!(error["message"], "bad header Bearer [redacted]");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Upstream::always(200, completion("stolen")).await;
    let location = format!("{}/chat/completions", target.base_url());
    let redirecting = Upstream::start(move |_| Reply::Raw {
        status: 307,
        headers: vec![("location", location.clone())],
        body: Vec::new(),
    })
    .await;
    let router = TestRouter::start(&model_at("m", redirecting.base_url(), 1.0, "")).await;
    let response = router.ask("m").await;
    assert_eq!(response.status(), 502);
    assert!(error_of(response).await["message"].as_str().unwrap().contains("status 307"));
    assert_eq!(target.calls(), 0);
}

#[tokio::test]
async fn large_and_long_requests_pass() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let megabyte = "word ".repeat(200_000);
    let many: Vec<_> = (0..10_000)
        .map(|i| json!({"role": if i % 2 == 0 { "user" } else { "assistant" }, "content": "a turn"}))
        .collect();
    for messages in [json!([{"role": "user", "content": megabyte}]), json!(many)] {
        for model in ["auto", "m"] {
            let response = router.chat(json!({"model": model, "messages": messages})).await;
            assert_eq!(response.status(), 200);
        }
        assert_eq!(upstream.received().last().unwrap().json()["messages"], messages);
    }
}

#[tokio::test]
async fn a_model_by_name_is_the_only_one_tried() {
    let other = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&cheap_and_dear(&deserted_base_url(), other.base_url())).await;
    let response = router.ask("cheap").await;
    assert_eq!(response.status(), 503);
    assert_eq!(other.calls(), 0);
}
