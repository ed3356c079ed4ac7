//! Holds an issuer's keys at hand: fetched at the start, from time to time, and when a token names one that is not there. Keeps the last
//! good set while the issuer cannot be reached. How a document is fetched is lent to it.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use super::JwtConfig;
use super::key_set::{KeySet, place_of};

/// Fetches a small public document: its address to its bytes, or what went wrong. It bounds time and size, and takes only addresses that
/// cannot be tampered with on the way.
pub type FetchDocument = Box<dyn Fn(String) -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// Tokens with made-up key names cause no more than one fetch in this time.
const PAUSE_BETWEEN_ASKED: Duration = Duration::from_secs(10);
/// How soon a fetch that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The keys of one issuer.
pub(super) struct Issuer {
    name: String,
    jwks_url: Option<String>,
    refresh_every: Duration,
    fetch: FetchDocument,
    current: RwLock<Option<Arc<KeySet>>>,
    /// When a token last caused a fetch. Held while any fetch is under way, so that there is one at a time.
    last_asked: Mutex<Option<Instant>>,
}

impl Issuer {
    pub(super) fn new(config: &JwtConfig, fetch: FetchDocument) -> Self {
        Self {
            name: config.issuer.clone(),
            jwks_url: config.jwks_url.clone(),
            refresh_every: Duration::from_secs(config.refresh_minutes.saturating_mul(60)),
            fetch,
            current: RwLock::new(None),
            last_asked: Mutex::new(None),
        }
    }

    /// The keys, if any were ever fetched.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys now and then, without end.
    pub(super) async fn keep_fresh(&self) -> Infallible {
        loop {
            let fetched = self.fetch_keys(&mut self.last_asked.lock().await).await;
            sleep(if fetched { self.refresh_every } else { RETRY_AFTER.min(self.refresh_every) }).await;
        }
    }

    /// Fetches newer keys than those of generation `seen`, unless somebody just did or just tried. It goes on when the caller leaves, or
    /// one that comes and goes could keep others from it.
    pub(super) async fn look_again(self: &Arc<Self>, seen: u64) {
        let issuer = Arc::clone(self);
        let looking = tokio::spawn(async move {
            let mut last_asked = issuer.last_asked.lock().await;
            let is_newer = issuer.keys().is_some_and(|keys| keys.generation != seen);
            if !is_newer && last_asked.is_none_or(|last| last.elapsed() >= PAUSE_BETWEEN_ASKED) {
                issuer.fetch_keys(&mut last_asked).await;
                // Counted from its end: whoever waited for it does not ask at once again.
                *last_asked = Some(Instant::now());
            }
        });
        // What it found, or that it found nothing, is seen in the keys.
        let _ended = looking.await;
    }

    /// Whether it went well. The guard is the proof that nobody else is fetching.
    async fn fetch_keys(&self, _alone: &mut MutexGuard<'_, Option<Instant>>) -> bool {
        match self.read_keys().await {
            Ok(keys) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                true
            }
            Err(error) => {
                tracing::warn!(issuer = self.name, error, "cannot fetch the keys of the token issuer");
                false
            }
        }
    }

    async fn read_keys(&self) -> Result<KeySet, String> {
        let generation = self.keys().map_or(0, |keys| keys.generation).wrapping_add(1);
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let document = (self.fetch)(url.clone()).await.map_err(|wrong| format!("{url}: {wrong}"))?;
        KeySet::read(&document, generation).map_err(|wrong| format!("{url}: {wrong}"))
    }

    /// Where the issuer says that its keys are (OpenID Connect Discovery 1.0, sections 4 and 4.3).
    async fn discover(&self) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let url = format!("{}/.well-known/openid-configuration", self.name.trim_end_matches('/'));
        let document = (self.fetch)(url.clone()).await.map_err(|wrong| format!("{url}: {wrong}"))?;
        let Discovery { issuer, jwks_uri } = serde_json::from_slice(&document)
            .map_err(|error| format!("{url}: it is not a discovery document{}", place_of(&error)))?;
        if issuer != self.name {
            return Err(format!(
                "{url}: it is the document of another issuer; auth.jwt.issuer must be its word to the letter"
            ));
        }
        if self.name.starts_with("https://") && !jwks_uri.starts_with("https://") {
            return Err(format!("{url}: it sends for the keys to an address without https"));
        }
        Ok(jwks_uri)
    }
}
