//! A bound server and its life: serves until told to stop, then lets what is under way finish, for so long and no longer.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use super::connections::Connections;
use super::{AppState, ListenError, app, listen};

/// How often the recorder folds new measurements into its histograms; without it they pile up until the next scrape.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// The store may take this long to write what waits, even where `drain_seconds` has run out.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// A server that has its port and serves nobody yet.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    state: AppState,
}

impl Server {
    /// Opens the port at `address`, such as `127.0.0.1:8080`; port 0 takes a free one.
    pub async fn bind(address: &str, state: AppState) -> Result<Self, ListenError> {
        let listener = listen::open(address, state.parts.keys.required()).await?;
        let refused = |error| ListenError::Refused { listen: address.to_owned(), error };
        let local_addr = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, local_addr, state })
    }

    /// The address it has.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` completes; then takes no more connections, waits for requests under way, streams included, up to
    /// `drain_seconds`, and has the store write what waits.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, state, .. } = self;
        tokio::select! {
            () = serve_and_drain(listener, &state, shutdown) => {}
            never = upkeep(&state) => match never {},
        }
    }
}

async fn serve_and_drain(listener: TcpListener, state: &AppState, shutdown: impl Future<Output = ()>) {
    let parts = &state.parts;
    let mut connections = Connections::new(app(state.clone()), &parts.config);
    let stop = async {
        shutdown.await;
        state.drain();
        tracing::info!(in_flight = parts.admission.in_flight(), "shutting down");
        sleep(Duration::from_secs(parts.config.drain_delay_seconds)).await;
    };
    connections.accept(listener, stop).await;
    let deadline = Instant::now() + Duration::from_secs(parts.config.drain_seconds);
    if timeout_at(deadline, connections.finish()).await.is_err() {
        tracing::warn!(in_flight = parts.admission.in_flight(), "requests cut off: not finished within drain_seconds");
        state.cut_off();
        connections.cut_off().await;
    }
    if let Some(recorder) = &parts.recorder
        && timeout_at(deadline.max(Instant::now() + STORE_PATIENCE), recorder.close()).await.is_err()
    {
        tracing::warn!("the store did not write everything in time; the last decisions are lost");
    }
}

async fn upkeep(state: &AppState) -> std::convert::Infallible {
    let mut ticks = interval(METRICS_UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        state.parts.prometheus.run_upkeep();
    }
}
