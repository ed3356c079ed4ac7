//! What the HTTP and gateway tests share: a provider that does as it is told, and the real router before it, both on loopback
//! sockets. No test here sleeps: each waits for the event it is about.
#![allow(dead_code, reason = "each test file uses the part it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

pub mod binary;
pub mod databases;
pub mod decisions;
pub mod installation;
pub mod load;
pub mod nginx;
pub mod obliging_provider;
pub mod plans;
pub mod postgres;
pub mod python;
pub mod redis;
pub mod router;
pub mod upstream;

use std::{sync::OnceLock, time::Duration};

/// Far above what anything here takes; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for an event, and fails the test if it does not come.
pub async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap_or_else(|_| panic!("did not happen: {what}"))
}

/// A loopback address where nobody listens and nobody can begin to: the port stays bound, without a listener, until the process
/// ends. A port that was merely free a moment ago may be another test's upstream a moment later.
pub fn deserted_address() -> std::net::SocketAddr {
    static HELD: OnceLock<tokio::net::TcpSocket> = OnceLock::new();
    let socket = HELD.get_or_init(|| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    });
    socket.local_addr().unwrap()
}

/// The base URL of a provider at an address where nobody listens.
pub fn deserted_base_url() -> String {
    format!("http://{}/v1", deserted_address())
}

/// An answer as OpenAI gives it.
pub fn completion(content: &str) -> serde_json::Value {
    serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "upstream-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    })
}

/// One event of a stream that adds a word.
pub fn word(content: &str) -> String {
    event(&serde_json::json!([{"index": 0, "delta": {"content": content}, "finish_reason": null}]))
}

/// The event that ends the answer.
pub fn stop_event() -> String {
    event(&serde_json::json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
}

fn event(choices: &serde_json::Value) -> String {
    let chunk = serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-model", "choices": choices,
    });
    format!("data: {chunk}\n\n")
}

pub const DONE: &str = "data: [DONE]\n\n";

/// The event that tells the token counts of a stream.
pub fn usage_event(input: u64, output: u64) -> String {
    let usage = serde_json::json!({"prompt_tokens": input, "completion_tokens": output});
    let chunk = serde_json::json!({"choices": [], "usage": usage});
    format!("data: {chunk}\n\n")
}
