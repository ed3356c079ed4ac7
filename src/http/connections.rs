//! Takes connections and serves each: no more than so many at once, none that brings no request for long. Knows nothing of what
//! is asked over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::Request;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt, service_fn};

use super::ServerConfig;
use super::patience::Patient;
use super::server::Live;

/// A peer of an HTTP/2 connection that answers no ping for this long is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection; a client that has more of them opens another.
const MAX_STREAMS: u32 = 256;
/// Requests of one HTTP/2 connection that were taken back before anybody looked at them. More are an attack, and end it.
const MAX_UNSEEN_RESETS: usize = 32;
/// Mistakes in one HTTP/2 connection that were answered with a reset, over its whole life. More end it.
const MAX_MISTAKES: usize = 1024;

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
    live: watch::Receiver<Live>,
    protocol: Builder<TokioExecutor>,
    header_timeout: Duration,
    write_timeout: Duration,
    /// `None`: what is spoken is not encrypted.
    tls: Option<TlsAcceptor>,
}

impl Connections {
    pub(super) fn new(live: watch::Receiver<Live>, config: &ServerConfig, tls: Option<TlsAcceptor>) -> Self {
        let mut protocol = Builder::new(TokioExecutor::new());
        // Counts again from the end of each answer, so it bounds idle connections as well as slow headers.
        let idle_timeout = Duration::from_millis(config.idle_timeout_ms);
        protocol
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .max_buf_size(config.max_header_bytes);
        protocol
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_EVERY)
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_UNSEEN_RESETS)
            .max_local_error_reset_streams(MAX_MISTAKES);
        Self {
            places: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
            serving: JoinSet::new(),
            stop: watch::Sender::new(false),
            face: Face {
                live,
                protocol,
                header_timeout: Duration::from_millis(config.header_timeout_ms),
                write_timeout: Duration::from_millis(config.write_timeout_ms),
                tls,
            },
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

/// Serves a connection. The place is free again when it ends.
async fn serve(face: Face, stream: TcpStream, mut stop: watch::Receiver<bool>, _place: Option<OwnedSemaphorePermit>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let Some(acceptor) = &face.tls else { return converse(&face, stream, stop).await };
    let encrypted = tokio::select! {
        shaken = timeout(face.header_timeout, acceptor.accept(stream)) => match shaken {
            Ok(Ok(encrypted)) => encrypted,
            Ok(Err(error)) => return tracing::debug!(%error, "no TLS was agreed on"),
            Err(_elapsed) => return tracing::debug!("no TLS was agreed on in time"),
        },
        _ = stop.wait_for(|stop| *stop) => return,
    };
    converse(&face, encrypted, stop).await;
}

/// Answers the requests of a connection.
async fn converse(face: &Face, stream: impl AsyncRead + AsyncWrite + Unpin + 'static, mut stop: watch::Receiver<bool>) {
    let has_asked = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&has_asked);
    let live = face.live.clone();
    // Each request is served by the configuration that holds when it comes, whenever its connection was made.
    let service = service_fn(move |request: Request<_>| {
        note.store(true, Ordering::Relaxed);
        let app = live.borrow().app.clone();
        app.oneshot(request)
    });
    let connection = face
        .protocol
        .serve_connection(TokioIo::new(Patient::new(stream, face.write_timeout)), TowerToHyperService::new(service));
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
