//! How large a request may be in every way but its bytes, which `http_errors.rs` is about, and what HTTP/2 must not be used for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
mod http2_frames;

use common::router::{TestRouter, error_of, model_at};
use common::upstream::Upstream;
use common::{completion, deserted_base_url, soon};
use http2_frames::{
    CONTINUATION, Connection, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, SETTINGS, field, frame, number,
    request,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn router(server: &str) -> TestRouter {
    TestRouter::start(&format!("[server]\n{server}\n{}", model_at("m", &deserted_base_url(), 1.0, ""))).await
}

/// The status of the answer to a head like this.
async fn status(router: &TestRouter, path: &str, headers: &str) -> u16 {
    let mut stream = TcpStream::connect(router.addr()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    // It may be refused before it is said to the end.
    let _sent = stream.write_all(head.as_bytes()).await;
    let mut start = [0; 12];
    soon("an answer", stream.read_exact(&mut start)).await.unwrap();
    String::from_utf8_lossy(&start)[9..].parse().unwrap()
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431() {
    let small = router("max_header_bytes = 8192").await;
    let usual = router("").await;
    let header = |bytes: usize| format!("x: {}\r\n", "a".repeat(bytes));
    assert_eq!(status(&small, "/health/live", &header(7_000)).await, 200);
    assert_eq!(status(&small, "/health/live", &header(9_000)).await, 431);
    assert_eq!(status(&usual, "/health/live", &header(60_000)).await, 200);
    assert_eq!(status(&usual, "/health/live", &header(70_000)).await, 431);
    assert_eq!(status(&usual, "/health/live", &header(10_000_000)).await, 431, "nobody reads it to its end");
    assert_eq!(status(&small, &format!("/{}", "a".repeat(9_000)), "").await, 431, "the target is part of it");
    assert_eq!(status(&small, &format!("/{}", "a".repeat(7_000)), "").await, 404);
}

#[tokio::test]
async fn a_head_of_too_many_headers_is_answered_431() {
    let router = router("").await;
    let headers = |many: usize| (0..many).map(|index| format!("x-{index}: a\r\n")).collect::<String>();
    assert_eq!(status(&router, "/health/live", &headers(98)).await, 200);
    assert_eq!(status(&router, "/health/live", &headers(99)).await, 431);
}

#[tokio::test]
async fn over_http2_a_head_has_the_same_limit() {
    let router = router("max_header_bytes = 8192").await;
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let ask = async |bytes: usize| {
        let request = client.get(format!("http://{}/health/live", router.addr())).header("x", "a".repeat(bytes));
        soon("an answer", request.send()).await.map(|response| response.status().as_u16())
    };
    assert_eq!(ask(7_000).await.unwrap(), 200);
    assert_eq!(ask(9_000).await.unwrap(), 431);
}

#[tokio::test]
async fn a_conversation_of_too_many_messages_is_refused_by_its_field() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let toml = format!("[server]\nmax_messages = 5\n{}", model_at("m", upstream.base_url(), 1.0, ""));
    let router = TestRouter::start(&toml).await;
    let conversation = |many: usize| {
        let messages: Vec<Value> = (0..many).map(|_| json!({"role": "user", "content": "Hello"})).collect();
        json!({"model": "m", "messages": messages})
    };
    assert_eq!(router.chat(conversation(5)).await.status(), 200);
    let routed =
        async |many| soon("an answer", router.post("/v1/route").json(&conversation(many)).send()).await.unwrap();
    assert_eq!(routed(5).await.status(), 200);
    for refused in [router.chat(conversation(6)).await, routed(6).await] {
        assert_eq!(refused.status(), 400);
        let error = error_of(refused).await;
        assert_eq!(error["param"], "messages");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("messages: 6 are more than the 5"), "{message}");
    }
    assert_eq!(upstream.calls(), 1);
    let mut large = conversation(6);
    large["messages"][0]["content"] = "word ".repeat(100_000).into();
    assert_eq!(router.chat(large.clone()).await.status(), 400, "what is parsed on another thread has the same limit");
    large["messages"].as_array_mut().unwrap().pop();
    assert_eq!(router.chat(large).await.status(), 200);
}

#[tokio::test]
async fn http2_says_its_limits_at_the_beginning() {
    let router = router("max_header_bytes = 8192").await;
    let settings = Connection::open(router.addr()).await.next_of(SETTINGS).await.payload;
    let of = |id: u16| {
        let found = settings.chunks(6).find(|setting| setting[..2] == id.to_be_bytes());
        found.map(|setting| number(setting, 2))
    };
    assert_eq!(of(3), Some(256), "streams at once");
    assert_eq!(of(6), Some(8192), "bytes of a head");
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_the_connection_and_ask_nobody() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let mut connection = Connection::open(router.addr()).await;
    let head = request("POST", "/v1/chat/completions");
    let mut flood = Vec::new();
    for index in 0..5_000_u32 {
        let stream = index * 2 + 1;
        flood.extend(frame(HEADERS, END_HEADERS, stream, &head));
        flood.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    connection.send(&flood).await;
    let farewell = connection.next_of(GOAWAY).await.payload;
    assert_eq!(number(&farewell, 4), 0xb, "ENHANCE_YOUR_CALM");
    assert_eq!(upstream.calls(), 0);
    assert_eq!(router.ask("m").await.status(), 200, "others are served");
}

#[tokio::test]
async fn a_head_without_end_ends_the_connection() {
    let router = router("").await;
    let mut connection = Connection::open(router.addr()).await;
    let mut flood = frame(HEADERS, END_STREAM, 1, &request("GET", "/health/live"));
    let more = field("x", &"a".repeat(100)).repeat(100);
    for _ in 0..2_000 {
        flood.extend(frame(CONTINUATION, 0, 1, &more));
    }
    connection.send(&flood).await;
    while let Some(frame) = connection.next().await {
        assert!(frame.kind != HEADERS || frame.stream != 1, "it was answered");
    }
    assert_eq!(router.get("/health/live").send().await.unwrap().status(), 200, "others are served");
}

#[tokio::test]
async fn http2_knows_no_transfer_encoding_and_no_other_length() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}).to_string();
    for more in [field("transfer-encoding", "chunked"), field("connection", "close"), field("content-length", "1")] {
        let mut connection = Connection::open(router.addr()).await;
        let head = [request("POST", "/v1/chat/completions"), more].concat();
        let sent = [frame(HEADERS, END_HEADERS, 1, &head), frame(0, END_STREAM, 1, body.as_bytes())].concat();
        connection.send(&sent).await;
        let refused = connection.next_of(RST_STREAM).await;
        assert_eq!((refused.stream, number(&refused.payload, 0)), (1, 1), "PROTOCOL_ERROR");
    }
    assert_eq!(upstream.calls(), 0);
}
