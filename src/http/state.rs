//! What every handler shares. Cheap to clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use metrics_exporter_prometheus::PrometheusHandle;

use super::{ServerConfig, metrics};
use crate::gateway::Gateway;
use crate::limits::{Admission, Budget, KeyRing};
use crate::routing::Router;
use crate::store::Recorder;

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
    pub(super) budget: Option<Budget>,
    pub(super) config: ServerConfig,
    pub(super) prometheus: PrometheusHandle,
    pub(super) started_unix_s: u64,
    draining: AtomicBool,
    cut_off: AtomicBool,
}

impl AppState {
    /// Puts the parts together. Without a recorder nothing is remembered, without a budget nothing is bounded.
    pub fn new(
        router: Arc<Router>,
        gateway: Gateway,
        keys: KeyRing,
        recorder: Option<Recorder>,
        budget: Option<Budget>,
        config: ServerConfig,
    ) -> Self {
        let parts = Parts {
            router,
            gateway,
            keys,
            admission: Admission::new(config.max_in_flight),
            recorder,
            budget,
            config,
            prometheus: metrics::recorder(),
            started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs()),
            draining: AtomicBool::new(false),
            cut_off: AtomicBool::new(false),
        };
        Self { parts: Arc::new(parts) }
    }

    /// From now on `/health/ready` answers 503.
    pub fn drain(&self) {
        self.parts.draining.store(true, Ordering::Relaxed);
    }

    /// From now on, what is dropped is dropped by the server and not by its client.
    pub(super) fn cut_off(&self) {
        self.parts.cut_off.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.parts.cut_off.load(Ordering::Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.parts.draining.load(Ordering::Relaxed)
    }
}
