//! A bound server and its life: serves until told to stop, then lets what is under way finish, for so long and no longer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::connections::Connections;
use super::{AppState, Certificates, ListenError, app, framing, listen};

/// How often the recorder folds new measurements into its histograms; without it they pile up until the next scrape.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How often the certificate's files are looked at. Whoever renews a certificate does so days before it ends.
const CERTIFICATE_UPKEEP: Duration = Duration::from_secs(10);
/// The store may take this long to write what waits, even where `drain_seconds` has run out, and no longer where its database is gone.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// A server that has its port and serves nobody yet.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    live: watch::Sender<Live>,
    certificates: Option<Arc<Certificates>>,
    acceptor: Option<TlsAcceptor>,
}

/// What requests are served with from the moment they come.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) app: Router,
    state: AppState,
}

impl Live {
    fn of(state: AppState) -> Self {
        Self { app: app(state.clone()).layer(from_fn(framing::refuse_ambiguous)), state }
    }
}

/// Gives a running server another configuration. Requests under way end by the one they began with, and none is dropped.
#[derive(Clone)]
pub struct Reloader {
    live: watch::Sender<Live>,
    local_addr: SocketAddr,
    certificates: Option<Arc<Certificates>>,
}

impl Reloader {
    /// What the server goes by now.
    pub fn state(&self) -> AppState {
        self.live.borrow().state.clone()
    }

    /// What it goes by from now on.
    pub fn replace(&self, state: AppState) {
        self.live.send_replace(Live::of(state));
    }
}

impl Reloader {
    /// The address that the server has.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The certificate that the server shows, to be read again; `None` where it does not speak TLS.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }
}

impl Server {
    /// Opens the port at `address`, such as `127.0.0.1:8080`; port 0 takes a free one.
    pub async fn bind(address: &str, state: AppState) -> Result<Self, ListenError> {
        let certificates = state.parts.config.tls.as_ref().map(Certificates::load).transpose()?.map(Arc::new);
        let listener = listen::open(address, state.parts.keys.required()).await?;
        let refused = |error| ListenError::Refused { listen: address.to_owned(), error };
        let local_addr = listener.local_addr().map_err(refused)?;
        let acceptor = certificates.as_ref().map(Certificates::acceptor).transpose().map_err(refused)?;
        Ok(Self { listener, local_addr, live: watch::Sender::new(Live::of(state)), certificates, acceptor })
    }

    /// The address it has.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What gives it another configuration.
    pub fn reloader(&self) -> Reloader {
        Reloader { live: self.live.clone(), local_addr: self.local_addr, certificates: self.certificates() }
    }

    /// Where it answers: `https://` or `http://` and the address.
    pub fn origin(&self) -> String {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.local_addr)
    }

    /// The certificate that it shows, to be read again on demand; `None` where it does not speak TLS.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }

    /// Serves until `shutdown` completes; then takes no more connections, waits for requests under way, streams included, up to
    /// `drain_seconds`, and has the store write what waits.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, live, certificates, acceptor, .. } = self;
        let connections = Connections::new(live.subscribe(), &live.borrow().state.parts.config, acceptor);
        tokio::select! {
            () = serve_and_drain(listener, connections, &live, shutdown) => {}
            never = upkeep(&live) => match never {},
            never = watch_certificates(certificates) => match never {},
            never = tend(&live) => match never {},
        }
    }
}

async fn serve_and_drain(
    listener: TcpListener,
    mut connections: Connections,
    live: &watch::Sender<Live>,
    shutdown: impl Future<Output = ()>,
) {
    let now = || live.borrow().state.clone();
    let stop = async {
        shutdown.await;
        let state = now();
        state.drain();
        tracing::info!(in_flight = state.parts.admission.in_flight(), "shutting down");
        sleep(Duration::from_secs(state.parts.config.drain_delay_seconds)).await;
    };
    connections.accept(listener, stop).await;
    let state = now();
    let parts = &state.parts;
    let deadline = Instant::now() + Duration::from_secs(parts.config.drain_seconds);
    if timeout_at(deadline, connections.finish()).await.is_err() {
        tracing::warn!(in_flight = parts.admission.in_flight(), "requests cut off: not finished within drain_seconds");
        state.cut_off();
        connections.cut_off().await;
    }
    if let Some(recorder) = &parts.recorder {
        // A database that is well has the whole time. That it is not may show only now, when what waits is written.
        let closing = async {
            tokio::select! {
                closed = recorder.close() => closed.is_ok(),
                () = recorder.gone_for(STORE_PATIENCE) => false,
            }
        };
        let until = deadline.max(Instant::now() + STORE_PATIENCE);
        if !timeout_at(until, closing).await.unwrap_or(false) {
            let lost = recorder.abandon();
            tracing::warn!(lost, "the store did not write everything in time; these decisions are lost");
        }
    }
}

/// Shows a renewed certificate soon after its files have changed. Where they are no good, it is said once, and the old one stays.
async fn watch_certificates(certificates: Option<Arc<Certificates>>) -> Infallible {
    let Some(certificates) = certificates else { return std::future::pending().await };
    let mut last_error = None;
    loop {
        sleep(CERTIFICATE_UPKEEP).await;
        let looking = Arc::clone(&certificates);
        match tokio::task::spawn_blocking(move || looking.reload_if_changed()).await {
            Ok(Ok(true)) => tracing::info!("the certificate is renewed"),
            Ok(Err(error)) => {
                let error = error.to_string();
                if last_error.as_ref() != Some(&error) {
                    tracing::warn!(error, "the certificate is not renewed; the one before is still shown");
                }
                last_error = Some(error);
                continue;
            }
            // Unchanged, or the runtime is ending.
            Ok(Ok(false)) | Err(_) => {}
        }
        last_error = None;
    }
}

/// Each configuration's providers and keys are looked after for as long as it is the one.
async fn tend(live: &watch::Sender<Live>) -> Infallible {
    let mut changes = live.subscribe();
    loop {
        let state = changes.borrow_and_update().state.clone();
        tokio::select! {
            never = state.watch_health() => match never {},
            never = state.parts.keys.keep_fresh() => match never {},
            _ = changes.changed() => {}
        }
    }
}

async fn upkeep(live: &watch::Sender<Live>) -> Infallible {
    let mut ticks = interval(METRICS_UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = live.borrow().state.clone();
        state.parts.prometheus.run_upkeep();
    }
}
