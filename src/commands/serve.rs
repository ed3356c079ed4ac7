//! `semroute serve`: reads the configuration, builds the parts, serves until SIGTERM or SIGINT. Decides nothing about requests.
#![expect(
    clippy::print_stdout,
    reason = "the address goes to standard output, where scripts can read it; the log does not"
)]

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use super::{UsageError, parts};
use crate::config::Config;
use crate::gateway::{Gateway, GatewayError};
use crate::http::{AppState, ListenError, Server};
use crate::limits::KeyRing;
use crate::routing::Router;

/// The flags of `serve`.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// `--config`
    pub config: PathBuf,
    /// `--listen`, instead of `[server] listen`.
    pub listen: Option<String>,
}

/// Serves until told to stop.
pub fn run(options: ServeOptions) -> anyhow::Result<()> {
    let mut config = Config::from_file(&options.config).map_err(|error| UsageError(error.to_string()))?;
    if let Some(listen) = options.listen {
        config.server.listen = listen;
    }
    let origin = options.config.display().to_string();
    runtime()?.block_on(async {
        let server = bind(&config, &origin).await?;
        println!("semroute listens on http://{}", server.local_addr());
        tracing::info!(address = %server.local_addr(), models = config.models.len(), "serving");
        run_until_signalled(server).await
    })
}

/// A runtime for serving.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

/// Builds every part that `config` describes and takes the port. `origin` is named in errors.
pub(super) async fn bind(config: &Config, origin: &str) -> anyhow::Result<Server> {
    let (router, gateway, keys) = build_parts(config, origin, |variable| std::env::var(variable).ok())?;
    let state = AppState::new(Arc::new(router), gateway, keys, config.server.clone());
    Server::bind(&config.server.listen, state).await.map_err(wrong_address)
}

/// An address that cannot be used as it is written is wrong input.
pub(super) fn wrong_address(error: ListenError) -> anyhow::Error {
    match error {
        ListenError::BadAddress { .. } | ListenError::OpenToAll { .. } => UsageError(error.to_string()).into(),
        error => anyhow::Error::new(error),
    }
}

/// Every part that `config` describes but the port. `read_variable` is given the names of the keys' variables.
pub(super) fn build_parts(
    config: &Config,
    origin: &str,
    read_variable: impl Fn(&str) -> Option<String> + Copy,
) -> anyhow::Result<(Router, Gateway, KeyRing)> {
    let usage = |message: String| UsageError(format!("{origin}: {message}"));
    config.server.check().map_err(usage)?;
    if config.models.is_empty() {
        return Err(usage("models: there is none; add a [[models]] table".into()).into());
    }
    let registry = config.build_registry(origin).map_err(|error| UsageError(error.to_string()))?;
    let gateway = Gateway::build(&config.providers, &registry, read_variable).map_err(|error| match error {
        GatewayError::Client(_) => anyhow::Error::new(error),
        error => usage(error.to_string()).into(),
    })?;
    let keys = KeyRing::build(&config.auth, read_variable).map_err(|error| usage(error.to_string()))?;
    Ok((parts::build_router(config, None)?, gateway, keys))
}

/// The first signal drains; a second one does not wait for it.
pub(super) async fn run_until_signalled(server: Server) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = server.run(async move {
        // Nobody left to say so means the same.
        let _said = stopped.await;
    });
    let insist = async {
        signals.next().await;
        let _server_gone = stop.send(());
        signals.next().await;
    };
    tokio::select! {
        served = serving => served.context("serving"),
        () = insist => Ok(()),
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")? })
    }

    #[cfg(not(unix))]
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        let terminate = self.terminate.recv();
        #[cfg(not(unix))]
        let terminate = std::future::pending::<Option<()>>();
        tokio::select! {
            _ = terminate => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
