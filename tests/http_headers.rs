//! Which headers cross the gateway: of a client's none reach a provider, and of a provider's only the listed ones come back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::collections::BTreeSet;

use common::router::{TestRouter, model_at};
use common::upstream::{Reply, Upstream};
use common::{DONE, completion, soon, stop_event, word};
use serde_json::{Value, json};

/// What clients and the proxies before them send. None of it is a provider's business.
const OF_THE_CLIENT: [(&str, &str); 22] = [
    ("authorization", "Bearer first-key"),
    ("x-api-key", "second-key"),
    ("cookie", "session=client"),
    ("host", "client.example"),
    ("user-agent", "client/1"),
    ("referer", "https://client.example/page"),
    ("origin", "https://client.example"),
    ("accept-language", "pt"),
    ("accept-encoding", "gzip"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-host", "client.example"),
    ("forwarded", "for=203.0.113.7"),
    ("x-real-ip", "203.0.113.7"),
    ("via", "1.1 proxy"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-request-id", "client-request"),
    ("x-session-id", "client-session"),
    ("x-semroute-strategy", "cheapest"),
    ("openai-organization", "org-client"),
    ("openai-beta", "everything"),
    ("anthropic-beta", "everything"),
    ("x-made-up", "client"),
];

fn body(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]})
}

async fn ask(router: &TestRouter, stream: bool) -> reqwest::Response {
    let request = router.post("/v1/chat/completions").json(&body(stream));
    let request = OF_THE_CLIENT.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    soon("an answer", request.send()).await.unwrap()
}

fn locked(base_url: &str, provider: &str) -> String {
    format!(
        "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n{}",
        model_at("m", base_url, 1.0, &format!("api_key_env = \"PROVIDER_KEY\"\n{provider}"))
    )
}

#[tokio::test]
async fn a_provider_sees_no_header_but_the_gateways_own() {
    let anthropic = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 1, "output_tokens": 1}});
    for (kind, answer, expected) in [
        ("openai", completion("Hi"), vec!["authorization"]),
        ("anthropic", anthropic, vec!["anthropic-version", "x-api-key"]),
    ] {
        let upstream = Upstream::always(200, answer).await;
        let router = TestRouter::start(&locked(upstream.base_url(), &format!("kind = \"{kind}\""))).await;
        assert_eq!(ask(&router, false).await.status(), 200, "{kind}");
        let received = upstream.received().pop().unwrap();
        let names: BTreeSet<&str> = received.headers.keys().map(|name| name.as_str()).collect();
        let always = ["accept", "content-length", "content-type", "host", "user-agent"];
        let expected: BTreeSet<&str> = always.into_iter().chain(expected).collect();
        assert_eq!(names, expected, "{kind}: {:?}", received.headers);
        for (name, value) in &received.headers {
            let value = value.to_str().unwrap();
            assert!(!value.contains("client") && !value.contains("-key"), "{kind}: {name}: {value} is the client's");
        }
        assert!(upstream.base_url().contains(received.headers["host"].to_str().unwrap()));
        let key = received.headers.get("authorization").or(received.headers.get("x-api-key")).unwrap();
        assert!(key.to_str().unwrap().ends_with("sk-provider-secret"), "{kind}: the provider gets its own key");
    }
}

fn of_the_provider(content_type: &str, status: u16, body: String) -> Reply {
    let mut headers = vec![("content-type", content_type.to_owned()), ("retry-after", "7".to_owned())];
    for name in [
        "set-cookie",
        "server",
        "via",
        "location",
        "www-authenticate",
        "strict-transport-security",
        "access-control-allow-origin",
        "openai-organization",
        "openai-processing-ms",
        "x-ratelimit-remaining-requests",
        "x-request-id",
        "x-semroute-model",
        "x-powered-by",
        "alt-svc",
        "cf-ray",
    ] {
        headers.push((name, "provider-detail".to_owned()));
    }
    Reply::Raw { status, headers, body: body.into_bytes() }
}

#[tokio::test]
async fn a_client_sees_of_a_providers_headers_only_the_listed_ones() {
    let stream = word("Hi") + &stop_event() + DONE;
    for (what, content_type, status, text) in [
        ("an answer", "application/json", 200, completion("Hi").to_string()),
        ("a stream", "text/event-stream", 200, stream),
        ("a refusal", "application/json", 400, json!({"error": {"message": "no", "type": "bad"}}).to_string()),
    ] {
        let (content_type, text) = (content_type.to_owned(), text);
        let reply = {
            let content_type = content_type.clone();
            move |_: &_| of_the_provider(&content_type, status, text.clone())
        };
        let upstream = Upstream::start(reply).await;
        let router = TestRouter::start(&locked(upstream.base_url(), "")).await;
        let response = ask(&router, content_type == "text/event-stream").await;
        assert_eq!(response.status().as_u16(), status, "{what}");
        assert_eq!(response.headers()["content-type"], content_type.as_str(), "{what}");
        assert_eq!(response.headers()["retry-after"], "7", "{what}");
        assert_eq!(response.headers()["x-request-id"], "client-request", "{what}");
        assert_eq!(response.headers()["x-semroute-model"], "m", "{what}");
        let ours = [
            "content-type",
            "retry-after",
            "content-length",
            "transfer-encoding",
            "date",
            "cache-control",
            "x-accel-buffering",
            "x-request-id",
        ];
        for (name, value) in response.headers() {
            let is_ours = ours.contains(&name.as_str()) || name.as_str().starts_with("x-semroute-");
            assert!(is_ours, "{what}: {name} came through");
            assert!(!value.to_str().unwrap().contains("provider-detail"), "{what}: {name} is the provider's");
        }
    }
}
