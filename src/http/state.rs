//! What every handler shares. Cheap to clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use metrics_exporter_prometheus::PrometheusHandle;

use tokio::sync::Semaphore;

use super::{ServerConfig, embeddings, feedback, metrics};
use crate::gateway::Gateway;
use crate::limits::{Admission, KeyRing, Ledger, ResponseCache};
use crate::routing::Router;
use crate::store::{Dashboard, Recorder};

/// The parts a server is made of.
#[derive(Clone)]
pub struct AppState {
    pub(super) parts: Arc<Parts>,
}

pub(super) struct Parts {
    pub(super) router: Arc<Router>,
    pub(super) gateway: Gateway,
    pub(super) keys: KeyRing,
    pub(super) admission: Admission,
    pub(super) recorder: Option<Recorder>,
    pub(super) cache: Option<ResponseCache>,
    /// `None` where nothing is remembered.
    pub(super) dashboard: Option<Dashboard>,
    pub(super) ledger: Ledger,
    pub(super) config: ServerConfig,
    /// For the work of our own embedders that clients ask for.
    pub(super) embedding_places: Arc<Semaphore>,
    /// For feedback that waits for the row that it speaks of.
    pub(super) feedback_places: Arc<Semaphore>,
    pub(super) prometheus: PrometheusHandle,
    pub(super) started_unix_s: u64,
    life: Arc<Life>,
}

/// Where the server stands in its life; the same for every configuration that it has.
#[derive(Default)]
struct Life {
    draining: AtomicBool,
    cut_off: AtomicBool,
}

impl AppState {
    /// Puts the parts together. Without a recorder nothing is remembered.
    pub fn new(
        router: Arc<Router>,
        gateway: Gateway,
        keys: KeyRing,
        recorder: Option<Recorder>,
        ledger: Ledger,
        config: ServerConfig,
    ) -> Self {
        let parts = Parts {
            router,
            gateway,
            keys,
            admission: Admission::new(config.max_in_flight),
            recorder,
            cache: None,
            dashboard: None,
            ledger,
            config,
            embedding_places: embeddings::places(),
            feedback_places: feedback::places(),
            prometheus: metrics::recorder(),
            started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs()),
            life: Arc::default(),
        };
        Self { parts: Arc::new(parts) }
    }

    /// Shows the log to administrators too. To be called before the state is shared.
    #[must_use]
    pub fn showing(mut self, dashboard: Option<Dashboard>) -> Self {
        if let Some(parts) = Arc::get_mut(&mut self.parts) {
            parts.dashboard = dashboard;
        }
        self
    }

    /// The same server by another configuration: its places, its log, its spending and its memory go on. `max_in_flight` is the one it
    /// began with.
    #[must_use]
    pub fn renewed(&self, router: Router, gateway: Gateway, keys: KeyRing, config: ServerConfig) -> Self {
        let before = &self.parts;
        let parts = Parts {
            router: Arc::new(router.remembering(&before.router)),
            gateway: gateway.inheriting(&before.gateway),
            keys: keys.inheriting(&before.keys),
            admission: before.admission.clone(),
            recorder: before.recorder.clone(),
            cache: None,
            dashboard: before.dashboard.clone(),
            ledger: before.ledger.clone(),
            config,
            prometheus: before.prometheus.clone(),
            embedding_places: Arc::clone(&before.embedding_places),
            feedback_places: Arc::clone(&before.feedback_places),
            started_unix_s: before.started_unix_s,
            life: Arc::clone(&before.life),
        };
        Self { parts: Arc::new(parts) }
    }

    /// With answers kept. Only for a state that nobody shares yet, as it is when it was just made.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<ResponseCache>) -> Self {
        if let Some(parts) = Arc::get_mut(&mut self.parts) {
            parts.cache = cache;
        }
        self
    }

    /// The response cache, if there is one.
    pub fn cache(&self) -> Option<&ResponseCache> {
        self.parts.cache.as_ref()
    }

    /// What decides.
    pub fn router(&self) -> &Router {
        &self.parts.router
    }

    /// What asks the providers.
    pub fn gateway(&self) -> &Gateway {
        &self.parts.gateway
    }

    /// What its requests are counted in.
    pub fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    /// Asks those providers that have a `health` table whether they are well, for ever.
    pub(super) async fn watch_health(&self) -> std::convert::Infallible {
        self.parts.gateway.watch_health().await
    }

    /// From now on `/health/ready` answers 503.
    pub fn drain(&self) {
        self.parts.life.draining.store(true, Ordering::Relaxed);
    }

    /// From now on, what is dropped is dropped by the server and not by its client.
    pub(super) fn cut_off(&self) {
        self.parts.life.cut_off.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.parts.life.cut_off.load(Ordering::Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.parts.life.draining.load(Ordering::Relaxed)
    }
}
