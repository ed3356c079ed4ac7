//! A stand-in for a provider, for the demo and for benchmarks: speaks OpenAI's API on a loopback port and says plainly that
//! its answers are simulated. No language model runs here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use std::{io, iter};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::error::ApiError;
use crate::chat::{ChatRequest, Role};

/// How a simulated provider behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Behaviour {
    /// Pause before each word of a stream. Zero answers as fast as it can.
    pub word_pause: Duration,
}

/// A running simulated provider; it ends when this is dropped.
pub struct SimulatedUpstream {
    addr: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

/// Starts a simulated provider on a free loopback port. It answers for whatever model it is asked.
pub async fn spawn(behaviour: Behaviour) -> io::Result<SimulatedUpstream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let service = Router::new().route("/v1/chat/completions", post(complete)).with_state(behaviour);
    let serving = tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(SimulatedUpstream { addr, serving })
}

impl SimulatedUpstream {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The `base_url` of a `[[providers]]` entry.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }
}

impl Drop for SimulatedUpstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn complete(State(behaviour): State<Behaviour>, body: Bytes) -> Result<Response, ApiError> {
    let request = ChatRequest::from_slice(&body)?;
    let answer = Answer::to(&request);
    if request.stream() {
        return Ok(answer.stream(behaviour.word_pause, request.include_usage()));
    }
    Ok(Json(answer.whole()).into_response())
}

/// A simulated answer with made-up but plausible token counts: about four bytes a token.
struct Answer {
    model: String,
    text: String,
    usage: Value,
}

impl Answer {
    fn to(request: &ChatRequest) -> Self {
        let texts = || request.messages().iter().map(|message| (message.role, &message.content));
        let asked = texts().rfind(|(role, _)| *role == Role::User);
        let asked = asked.and_then(|(_, content)| content.texts().next()).unwrap_or_default();
        let opening = asked.split_whitespace().take(8).collect::<Vec<_>>().join(" ");
        let model = request.model().to_owned();
        let text = format!(
            "This is a simulated answer from {model}: no language model ran. A real one would now respond to \"{opening}...\""
        );
        let prompt_bytes: usize = texts().flat_map(|(_, content)| content.texts()).map(str::len).sum();
        let (prompt_tokens, completion_tokens) = (prompt_bytes.div_ceil(4), text.len().div_ceil(4));
        let usage = json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        });
        Self { model, text, usage }
    }

    fn whole(&self) -> Value {
        let message = json!({"role": "assistant", "content": self.text});
        json!({
            "id": "chatcmpl-simulated", "object": "chat.completion", "created": 0, "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": self.usage,
        })
    }

    fn stream(&self, word_pause: Duration, include_usage: bool) -> Response {
        let chunk = |choices: Value, usage: &Value| {
            let chunk = json!({
                "id": "chatcmpl-simulated", "object": "chat.completion.chunk", "created": 0, "model": self.model,
                "choices": choices, "usage": usage,
            });
            format!("data: {chunk}\n\n")
        };
        let delta = |delta: Value, finish_reason: Value| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]), &Value::Null)
        };
        let role = delta(json!({"role": "assistant", "content": ""}), Value::Null);
        let words: Vec<String> =
            self.text.split_inclusive(' ').map(|word| delta(json!({"content": word}), Value::Null)).collect();
        let last = delta(json!({}), "stop".into());
        let usage = include_usage.then(|| chunk(json!([]), &self.usage));
        let ending = iter::once(last).chain(usage).chain(iter::once("data: [DONE]\n\n".to_owned())).collect::<String>();
        let events = stream::iter(iter::once(role).chain(words)).then(move |event| async move {
            sleep_unless_zero(word_pause).await;
            event
        });
        let events = events.chain(stream::iter(iter::once(ending))).map(Ok::<_, Infallible>);
        ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
    }
}

/// Even a sleep of zero waits for the timer's next millisecond.
async fn sleep_unless_zero(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}
