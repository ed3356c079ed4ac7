//! Reads the configuration of a running server anew: on SIGHUP, and when its file, its artifact or a file with a key has changed. What is wrong is said and
//! not taken: the server goes on as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use metrics::counter;
use tokio::time::{MissedTickBehavior, interval};

use super::{cache_parts, serve};
use crate::config::{Config, ConfigError};
use crate::http::{Reloader, metric};

/// How often files are looked at. A file that changes is read once it has stayed the same from one look to the next.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A server's configuration, and where it comes from.
pub(super) struct Reload {
    pub(super) path: PathBuf,
    /// `--listen`, which goes before the file.
    pub(super) listen: Option<String>,
    /// What the server began with.
    pub(super) begun_with: FreshConfig,
    pub(super) reloader: Reloader,
    pub(super) hangups: Hangups,
}

impl Reload {
    /// Watches for ever.
    pub(super) async fn watch(mut self) -> std::convert::Infallible {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let FreshConfig { mut config, looked: mut taken } = self.begun_with.clone();
        let mut last = taken.clone();
        loop {
            let was_told = tokio::select! {
                () = self.hangups.next() => true,
                _ = looks.tick() => false,
            };
            let now = Looked::at(&self.path, &config);
            let is_settled = std::mem::replace(&mut last, now.clone()) == now;
            if !was_told && (!config.server.reload_on_change || now == taken || !is_settled) {
                continue;
            }
            if was_told {
                self.renew_certificates().await;
            }
            match self.take().await {
                Ok(new) => {
                    counter!(metric::RELOADS, "outcome" => "taken").increment(1);
                    tracing::info!(models = new.config.models.len(), "the configuration was read anew");
                    FreshConfig { config, looked: taken } = new;
                    last = taken.clone();
                }
                Err(error) => {
                    taken = now;
                    counter!(metric::RELOADS, "outcome" => "refused").increment(1);
                    tracing::error!("the changed configuration is not taken, the one before stays: {error:#}");
                }
            }
        }
    }

    async fn renew_certificates(&self) {
        let Some(certificates) = self.reloader.certificates() else { return };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || certificates.reload()).await {
            tracing::error!("the certificate is not renewed, the one before is still shown: {error}");
        }
    }

    /// Reads, checks and builds everything before anything is replaced.
    async fn take(&self) -> anyhow::Result<FreshConfig> {
        let (path, listen) = (self.path.clone(), self.listen.clone());
        let building = tokio::task::spawn_blocking(move || {
            let fresh = FreshConfig::read(&path, listen.as_deref())?;
            let (config, origin) = (&fresh.config, path.display().to_string());
            let parts = serve::build_parts(config, &origin, |variable| std::env::var(variable).ok())?;
            let cache = cache_parts::build_cache(config, &origin, &parts.0, |variable| std::env::var(variable).ok())?;
            anyhow::Ok((fresh, parts, cache))
        });
        let (fresh, (router, gateway, keys), cache) = building.await.context("building the parts failed")??;
        let config = &fresh.config;
        let before = self.reloader.state();
        // The address that it has, whatever the file says by now: a change of that needs a restart.
        if !keys.required() && !self.reloader.local_addr().ip().is_loopback() {
            let (file, address) = (self.path.display(), self.reloader.local_addr());
            anyhow::bail!(
                "{file}: auth.required: the server listens on {address}, where others can reach it, and would ask nobody for a key; set \
                 it to true, or start the server anew on 127.0.0.1"
            );
        }
        for field in needs_restart(&self.begun_with.config, config) {
            tracing::warn!("{field}: a change of it takes effect when the server is started anew");
        }
        before.ledger().limit(config.budget);
        let cache = cache.map(|cache| cache.inheriting(before.cache()));
        self.reloader.replace(before.renewed(router, gateway, keys, config.server.clone()).with_cache(cache));
        Ok(fresh)
    }
}

/// What cannot be changed while the server runs.
fn needs_restart(begun: &Config, new: &Config) -> Vec<&'static str> {
    let (old, now) = (&begun.server, &new.server);
    [
        ("server.listen", old.listen != now.listen),
        ("server.max_in_flight", old.max_in_flight != now.max_in_flight),
        ("server.max_connections", old.max_connections != now.max_connections),
        ("server.header_timeout_ms", old.header_timeout_ms != now.header_timeout_ms),
        ("server.idle_timeout_ms", old.idle_timeout_ms != now.idle_timeout_ms),
        ("server.write_timeout_ms", old.write_timeout_ms != now.write_timeout_ms),
        ("server.max_header_bytes", old.max_header_bytes != now.max_header_bytes),
        ("server.tls", old.tls != now.tls),
        ("store", begun.store != new.store),
        ("shared", begun.shared != new.shared),
    ]
    .into_iter()
    .filter_map(|(field, has_changed)| has_changed.then_some(field))
    .collect()
}

/// A configuration, and how its files looked just before they were read: what changes afterwards, while the server is still being built or
/// before the first look, is a change.
#[derive(Debug, Clone)]
pub(super) struct FreshConfig {
    pub(super) config: Config,
    looked: Looked,
}

impl FreshConfig {
    /// The file, and `--listen` before it. Nothing that the file names has been opened yet.
    pub(super) fn read(path: &Path, listen: Option<&str>) -> Result<Self, ConfigError> {
        let before = look(path);
        let mut config = Config::from_file(path)?;
        if let Some(listen) = listen {
            listen.clone_into(&mut config.server.listen);
        }
        let mut looked = Looked::at(path, &config);
        looked.0.insert(path.to_owned(), before);
        Ok(Self { config, looked })
    }
}

/// When a file was last written, and its bytes; nothing where there is none.
type Look = Option<(SystemTime, u64)>;

fn look(file: &Path) -> Look {
    let data = std::fs::metadata(file).ok()?;
    Some((data.modified().ok()?, data.len()))
}

/// How the files look from outside.
#[derive(Debug, Clone, PartialEq)]
struct Looked(BTreeMap<PathBuf, Look>);

impl Looked {
    fn at(path: &Path, config: &Config) -> Self {
        let artifact = Path::new(&config.router.artifact);
        let files = [path.to_owned(), artifact.join("router.json"), artifact.join("weights.safetensors")];
        let own_keys = config.providers.iter().flat_map(|provider| &provider.own_keys);
        let key_files = own_keys.filter_map(|own| own.api_key_file.clone());
        Self(files.into_iter().chain(key_files).map(|file| (file.clone(), look(&file))).collect())
    }
}

/// SIGHUP, where there is one.
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangups {
    #[cfg(unix)]
    /// From now on a SIGHUP no longer ends the program.
    pub(super) fn listen() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signal: signal(SignalKind::hangup()).context("cannot listen for SIGHUP")? })
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_before_the_first_look_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("semroute.toml");
        std::fs::write(&path, "").unwrap();
        let fresh = FreshConfig::read(&path, Some("127.0.0.1:0")).unwrap();
        assert_eq!(fresh.looked, Looked::at(&path, &fresh.config));
        assert_eq!(fresh.config.server.listen, "127.0.0.1:0");
        std::fs::write(&path, "# longer\n").unwrap();
        assert_ne!(fresh.looked, Looked::at(&path, &fresh.config));
    }
}
