//! What is remembered of decisions: one row a request in SQLite, written behind the request's back, and totals read from
//! it. Never sees a prompt's text or a key, and no request ever waits for it.

mod error;
mod insert;
mod migrations;
mod open;
mod prune;
mod read;
mod record;
mod recorder;

use serde::Deserialize;

pub use error::StoreError;
pub use open::Store;
pub use read::{ModelTotals, Totals};
pub use record::{DecisionRecord, Outcome};
pub use recorder::{RECORDS_METRIC, Recorder};

/// `[store]` of the configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite://FILE`, the file relative to the working folder, or `sqlite:///ABSOLUTE/FILE`. It is made if missing.
    pub url: String,
    /// Decisions older than this are deleted.
    #[serde(default = "default_keep_days")]
    pub keep_days: u32,
}

/// Long enough to compare a month with the one before it.
fn default_keep_days() -> u32 {
    90
}

impl StoreConfig {
    /// A store at `url` that keeps decisions as long as it does by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), keep_days: default_keep_days() }
    }

    /// Whether a store could be there, without opening it.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.keep_days == 0 {
            return Err(StoreError::KeepsNothing);
        }
        open::read_url(&self.url).map(drop)
    }
}

/// An address may hold a password, so only its kind is shown.
impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        formatter
            .debug_struct("StoreConfig")
            .field("url", &format_args!("{scheme}:..."))
            .field("keep_days", &self.keep_days)
            .finish()
    }
}
