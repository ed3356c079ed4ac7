//! A bound server and its life: serves until told to stop, then lets what is under way finish, for so long and no longer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{AppState, ListenError, app, listen};

/// How often the recorder folds new measurements into its histograms; without it they pile up until the next scrape.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// A server that has its port and serves nobody yet.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    state: AppState,
}

/// Why a server ended other than by being told to.
#[derive(Debug, Error)]
#[error("the server failed: {0}")]
pub struct ServerError(#[from] io::Error);

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

    /// Serves until `shutdown` completes; then takes no more connections and waits for requests under way, streams included, up
    /// to `drain_seconds`.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, state, .. } = self;
        let drain = Duration::from_secs(state.parts.config.drain_seconds);
        let (stopped, stops) = oneshot::channel();
        let draining = state.clone();
        let stop = async move {
            shutdown.await;
            draining.drain();
            tracing::info!(in_flight = draining.parts.admission.in_flight(), "shutting down");
            sleep(Duration::from_secs(draining.parts.config.drain_delay_seconds)).await;
            // The other end is gone only when the server is.
            let _gone = stopped.send(());
        };
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
        });
        let serving = axum::serve(listener, app(state.clone())).with_graceful_shutdown(stop).into_future();
        let deadline = async {
            match stops.await {
                Ok(()) => sleep(drain).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serving => served?,
            () = deadline => {
                tracing::warn!(in_flight = state.parts.admission.in_flight(), "requests cut off: not finished within drain_seconds");
            }
            never = upkeep(&state) => match never {},
        }
        Ok(())
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
