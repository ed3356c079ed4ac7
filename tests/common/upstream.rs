//! A provider that does as it is told and remembers what it received.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What to answer.
pub enum Reply {
    /// A status and a JSON body.
    Json(u16, Value),
    /// Anything.
    Raw { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Pieces as they are handed in; the stream ends when the sender is dropped.
    Stream(mpsc::UnboundedReceiver<Piece>),
    /// Amazon's frames, otherwise as `Stream`.
    Frames(mpsc::UnboundedReceiver<Piece>),
    /// A body declared as JSON, otherwise as `Stream`.
    BrokenJson(mpsc::UnboundedReceiver<Piece>),
    /// A status at once and the JSON that explains it in pieces, otherwise as `Stream`.
    RefusalInPieces(u16, mpsc::UnboundedReceiver<Piece>),
    /// No answer. The receiver learns when the caller is gone.
    Silence(oneshot::Sender<()>),
}

/// A piece of a stream.
pub enum Piece {
    Bytes(String),
    Binary(Vec<u8>),
    /// The connection breaks.
    Break,
}

/// A script: what to answer to each request.
type Script = Box<dyn FnMut(&Received) -> Reply + Send>;

struct Shared {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
}

/// A running provider.
pub struct Upstream {
    base_url: String,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Upstream {
    pub async fn start(script: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        let shared = Arc::new(Shared { script: Mutex::new(Box::new(script)), received: Mutex::new(Vec::new()) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let service = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { base_url, shared, serving }
    }

    /// Always the same JSON.
    pub async fn always(status: u16, body: Value) -> Self {
        Self::start(move |_| Reply::Json(status, body.clone())).await
    }

    /// One stream, driven by the sender.
    pub async fn streaming() -> (Self, mpsc::UnboundedSender<Piece>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut receiver = Some(receiver);
        let upstream = Self::start(move |_| Reply::Stream(receiver.take().expect("asked for a second stream"))).await;
        (upstream, sender)
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    pub fn calls(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Hands pieces to a stream.
pub fn send(sender: &mpsc::UnboundedSender<Piece>, bytes: impl Into<String>) {
    sender.send(Piece::Bytes(bytes.into())).expect("nobody reads the stream");
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().map(str::to_owned));
    let received = Received { path, query, headers: parts.headers, body };
    let reply = (shared.script.lock().unwrap())(&received);
    shared.received.lock().unwrap().push(received);
    let response = Response::builder();
    match reply {
        Reply::Json(status, body) => response
            .status(status)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        Reply::Raw { status, headers, body } => headers
            .into_iter()
            .fold(response.status(status), |response, (name, value)| response.header(name, value))
            .body(Body::from(body))
            .unwrap(),
        Reply::Stream(pieces) => {
            response.header("content-type", "text/event-stream").body(Body::from_stream(events(pieces))).unwrap()
        }
        Reply::Frames(pieces) => response
            .header("content-type", "application/vnd.amazon.eventstream")
            .body(Body::from_stream(events(pieces)))
            .unwrap(),
        Reply::BrokenJson(pieces) => {
            response.header("content-type", "application/json").body(Body::from_stream(events(pieces))).unwrap()
        }
        Reply::RefusalInPieces(status, pieces) => response
            .status(status)
            .header("content-type", "application/json")
            .body(Body::from_stream(events(pieces)))
            .unwrap(),
        Reply::Silence(gone) => {
            let _dropped_with_the_caller = gone;
            pending::<Infallible>().await;
            unreachable!()
        }
    }
}

fn events(pieces: mpsc::UnboundedReceiver<Piece>) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::unfold(pieces, |mut pieces| async {
        let piece = match pieces.recv().await? {
            Piece::Bytes(bytes) => Ok(Bytes::from(bytes)),
            Piece::Binary(bytes) => Ok(Bytes::from(bytes)),
            Piece::Break => Err(io::Error::other("told to break")),
        };
        Some((piece, pieces))
    })
}
