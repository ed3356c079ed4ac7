//! Takes connections and serves each: no more than so many at once, none that brings no request for long. Knows nothing of what
//! is asked over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::ServiceExt;

use super::ServerConfig;

/// A peer of an HTTP/2 connection that answers no ping for this long is gone.
const PING_EVERY: Duration = Duration::from_secs(30);

/// The open connections.
pub(super) struct Connections {
    places: Arc<Semaphore>,
    serving: JoinSet<()>,
    stop: watch::Sender<bool>,
    face: Face,
}

/// What every connection is served with.
#[derive(Clone)]
struct Face {
    app: Router,
    protocol: Builder<TokioExecutor>,
    header_timeout: Duration,
}

impl Connections {
    pub(super) fn new(app: Router, config: &ServerConfig) -> Self {
        let mut protocol = Builder::new(TokioExecutor::new());
        // Counts again from the end of each answer, so it bounds idle connections as well as slow headers.
        let idle_timeout = Duration::from_millis(config.idle_timeout_ms);
        protocol.http1().timer(TokioTimer::new()).header_read_timeout(idle_timeout);
        protocol.http2().timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
        Self {
            places: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
            serving: JoinSet::new(),
            stop: watch::Sender::new(false),
            face: Face { app, protocol, header_timeout: Duration::from_millis(config.header_timeout_ms) },
        }
    }

    /// Takes connections until `stop` completes. Then nobody can connect any more, and each connection ends after the answer that
    /// it is giving.
    pub(super) async fn accept(&mut self, mut listener: TcpListener, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let Self { places, serving, .. } = self;
            let taken = async {
                // Nobody closes the semaphore. Until there is a place, the system's own queue holds who comes.
                let place = Arc::clone(places).acquire_owned().await.ok();
                (Listener::accept(&mut listener).await.0, place)
            };
            tokio::select! {
                () = &mut stop => break,
                Some(_ended) = serving.join_next() => {}
                (stream, place) = taken => {
                    serving.spawn(serve(self.face.clone(), stream, self.stop.subscribe(), place));
                }
            }
        }
        self.stop.send_replace(true);
    }

    /// Waits until the last connection has ended.
    pub(super) async fn finish(&mut self) {
        while self.serving.join_next().await.is_some() {}
    }

    /// Ends all of them at once.
    pub(super) async fn cut_off(&mut self) {
        self.serving.shutdown().await;
    }
}

async fn serve(face: Face, stream: TcpStream, mut stop: watch::Receiver<bool>, _place: Option<OwnedSemaphorePermit>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let has_asked = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&has_asked);
    let service = face.app.map_request(move |request: Request<_>| {
        note.store(true, Ordering::Relaxed);
        request
    });
    let connection = face.protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let patience = sleep(face.header_timeout);
    tokio::pin!(patience);
    let (mut waits_for_first_request, mut is_stopping) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended badly");
                }
                return;
            }
            // The protocol's own limit begins only once it knows which protocol it is.
            () = &mut patience, if waits_for_first_request => {
                if !has_asked.load(Ordering::Relaxed) {
                    return;
                }
                waits_for_first_request = false;
            }
            _ = stop.wait_for(|stop| *stop), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
