//! Connections that ask for nothing are closed, and no more are open than may be; those that wait for an answer are left alone.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, model_at};
use common::upstream::{Upstream, send};
use common::{DONE, deserted_base_url, soon, stop_event, word};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";

async fn router(server: &str) -> TestRouter {
    TestRouter::start(&format!("[server]\n{server}\n{}", model_at("m", &deserted_base_url(), 1.0, ""))).await
}

async fn connect(router: &TestRouter, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(router.addr()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream
}

/// Waits until the server closes; what it said is given back.
async fn closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let ended = soon("the server closes", stream.read_to_end(&mut said)).await;
    if let Err(error) = ended {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(said).unwrap()
}

/// One request and its answer on a connection that stays open.
async fn probe(stream: &mut TcpStream) {
    stream.write_all(LIVE).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"}") {
        assert_ne!(soon("an answer", stream.read_buf(&mut said)).await.unwrap(), 0, "the server closed");
    }
    assert!(said.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_client_that_asks_nothing_is_not_waited_for() {
    let router = router("header_timeout_ms = 50").await;
    // The last two could be the beginning of either protocol.
    for sent in ["", "GET /health/live HTTP/1.1\r\nhost: a\r\n", "P", "PRI * HTTP/2.0\r\n"] {
        let said = closed(&mut connect(&router, sent.as_bytes()).await).await;
        assert!(!said.contains("200"), "{sent:?}: {said}");
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_after_its_answer_is_closed() {
    let router = router("idle_timeout_ms = 50").await;
    let mut stream = connect(&router, b"").await;
    probe(&mut stream).await;
    assert_eq!(closed(&mut stream).await, "");
}

#[tokio::test]
async fn a_stream_outlasts_the_limits_for_silent_connections() {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let limits = "[server]\nheader_timeout_ms = 50\nidle_timeout_ms = 50\n";
    let router = TestRouter::start(&format!("{limits}{}", model_at("m", upstream.base_url(), 1.0, ""))).await;
    let mut response = router.ask_streaming("m").await;
    assert!(soon("the first chunk", response.chunk()).await.unwrap().is_some());
    // When two silent connections have been closed, one after the other, both limits have passed.
    for _ in 0..2 {
        closed(&mut connect(&router, b"").await).await;
    }
    send(&sender, stop_event() + DONE);
    drop(sender);
    assert_eq!(soon("the stream ends", response.text()).await.unwrap(), stop_event() + DONE);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_close() {
    let router = router("max_connections = 1").await;
    let mut first = connect(&router, b"").await;
    probe(&mut first).await;
    let mut second = connect(&router, LIVE).await;
    for _ in 0..10 {
        probe(&mut first).await;
    }
    let nothing = second.try_read(&mut [0; 1]);
    assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody has taken it");
    drop(first);
    let mut said = [0; 12];
    soon("the second is served", second.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_silent_connection_does_not_hold_up_the_end() {
    let router = router("header_timeout_ms = 3600000\ndrain_seconds = 3600").await;
    let mut silent = connect(&router, b"").await;
    let mut idle = connect(&router, b"").await;
    probe(&mut idle).await;
    soon("the server ends", router.stop()).await.unwrap();
    for stream in [&mut silent, &mut idle] {
        assert_eq!(closed(stream).await, "");
    }
}

#[tokio::test]
async fn http2_without_tls_is_spoken_to_those_who_begin_it() {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("Hi") + &stop_event() + DONE);
    drop(sender);
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let body = serde_json::json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let url = format!("http://{}/v1/chat/completions", router.addr());
    let response = soon("an answer", client.post(url).json(&body).send()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
    assert_eq!(soon("the stream ends", response.text()).await.unwrap(), word("Hi") + &stop_event() + DONE);
}
