//! `semroute serve`: reads the configuration, builds the parts, serves until SIGTERM or SIGINT. Decides nothing about requests.
#![expect(
    clippy::print_stdout,
    reason = "the address goes to standard output, where scripts can read it; the log does not"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::reload::{FreshConfig, Hangups, Reload};
use super::{UsageError, cache_parts, open_ledger, parts, share};
use crate::config::Config;
use crate::embedder;
use crate::gateway::{Gateway, GatewayError};
use crate::http::{AppState, Certificates, ListenError, Server};
use crate::limits::{KeyRing, Ledger, StoredKeys};
use crate::prompt;
use crate::routing::{Router, nearest_to_the_centre};
use crate::store::{Store, StoreError};

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
    if !options.config.exists() {
        let missing = options.config.display();
        let remedy =
            "name a configuration with --config, write one as docs/configuration.md shows, or try semroute demo";
        return Err(UsageError(format!("{missing}: there is no such file; {remedy}, which needs none")).into());
    }
    let fresh = FreshConfig::read(&options.config, options.listen.as_deref());
    let fresh = fresh.map_err(|error| UsageError(error.to_string()))?;
    let origin = options.config.display().to_string();
    runtime()?.block_on(async {
        let hangups = Hangups::listen()?;
        let bound = bind(&fresh.config, &origin).await?;
        let address = bound.server.origin();
        println!("semroute listens on {address}");
        tracing::info!(address, models = fresh.config.models.len(), "serving");
        let reloader = bound.server.reloader();
        let sharing = share::share(bound.ledger.shared_book().cloned(), reloader.clone());
        let reload = Reload { path: options.config, listen: options.listen, begun_with: fresh, reloader, hangups };
        tokio::select! {
            served = run_until_signalled(bound) => served,
            never = reload.watch() => match never {},
            never = sharing => match never {},
        }
    })
}

/// A runtime for serving.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

/// Closing folds the store's write-ahead log into its file, which another program may be reading.
const STORE_CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// What was spent in the last moments is told to the other replicas.
const LEDGER_TELLS_WITHIN: Duration = Duration::from_secs(5);
/// A store that takes longer is waited for beside the requests.
const KEYS_ARE_READ_WITHIN: Duration = Duration::from_secs(3);

/// A server that has its port, and the store it writes to.
pub(super) struct Bound {
    pub(super) server: Server,
    store: Option<Store>,
    ledger: Ledger,
}

/// Builds every part that `config` describes and takes the port. `origin` is named in errors.
pub(super) async fn bind(config: &Config, origin: &str) -> anyhow::Result<Bound> {
    let (router, gateway, keys) = build_parts(config, origin, |variable| std::env::var(variable).ok())?;
    let cache = cache_parts::build_cache(config, origin, &router, |variable| std::env::var(variable).ok())?;
    let store = match &config.store {
        Some(store) => {
            let store = Store::open_or_wait(store).await.map_err(|error| wrong_store(error, origin))?;
            Some(store.redacting(prompt::redacted))
        }
        None => None,
    };
    let keys = match &store {
        Some(store) => with_stored_keys(keys, store).await,
        None => keys,
    };
    let recorder = store.as_ref().map(Store::recorder);
    let ledger = open_ledger::open(config, origin, store.as_ref()).await?;
    let state = AppState::new(Arc::new(router), gateway, keys, recorder, ledger.clone(), config.server.clone())
        .with_cache(cache)
        .showing(store.as_ref().map(Store::dashboard));
    let server = Server::bind(&config.server.listen, state).await.map_err(wrong_address)?;
    Ok(Bound { server, store, ledger })
}

/// With the store's keys, read now if that can be; otherwise they count as soon as the store can be read.
async fn with_stored_keys(keys: KeyRing, store: &Store) -> KeyRing {
    let stored = StoredKeys::unread(store.clone());
    match timeout(KEYS_ARE_READ_WITHIN, stored.refresh()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!("the store's keys cannot be read yet: {error}"),
        Err(_elapsed) => tracing::warn!("the store's keys cannot be read yet: it does not answer"),
    }
    let keys = keys.with_stored(Arc::new(stored));
    if keys.required() && keys.is_empty() {
        tracing::warn!(
            "auth.required: true, and there is no key yet; make the first: semroute keys create --name NAME"
        );
    }
    keys
}

/// What is written wrongly is wrong input; a file that cannot be opened is not.
pub(super) fn wrong_store(error: StoreError, origin: &str) -> anyhow::Error {
    match error {
        StoreError::BadUrl { .. }
        | StoreError::TwoAddresses
        | StoreError::MissingVariable { .. }
        | StoreError::KeepsNothing => UsageError(format!("{origin}: {error}")).into(),
        error => anyhow::Error::new(error).context(origin.to_owned()),
    }
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
    if let Some(tls) = &config.server.tls {
        Certificates::load(tls).map_err(|error| usage(error.to_string()))?;
    }
    if let Some(store) = &config.store {
        store.check().map_err(|error| wrong_store(error, origin))?;
    }
    if config.models.is_empty() {
        return Err(usage("models: there is none; add a [[models]] table".into()).into());
    }
    let registry = config.build_registry(origin).map_err(|error| UsageError(error.to_string()))?;
    let gateway = Gateway::build(&config.providers, &registry, read_variable).map_err(|error| match error {
        GatewayError::Client(_) => anyhow::Error::new(error),
        error => usage(error.to_string()).into(),
    })?;
    let gateway = gateway.with_comparison(nearest_to_the_centre(embedder::builtin()?)).with_retry(config.retry);
    let keys = parts::build_keys(config, origin, read_variable)?;
    Ok((parts::build_router(config, origin, None)?, gateway, keys))
}

/// The first signal drains; a second one does not wait for it.
pub(super) async fn run_until_signalled(bound: Bound) -> anyhow::Result<()> {
    let Bound { server, store, ledger } = bound;
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
        () = serving => {}
        () = insist => return Ok(()),
    }
    if timeout(LEDGER_TELLS_WITHIN, ledger.flush()).await.is_err() {
        tracing::warn!(
            "the other replicas are not told all that was spent; what was reserved counts once its lease has ended"
        );
    }
    if let Some(store) = store
        && timeout(STORE_CLOSES_WITHIN, store.close()).await.is_err()
    {
        tracing::warn!("the store is still busy; its write-ahead log stays beside its file");
    }
    Ok(())
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
