//! What is remembered of decisions: one row a request in SQLite, written behind the request's back, and totals read from
//! it. Never sees a prompt's text or a key, and no request ever waits for it.

mod error;
mod insert;
mod migrations;
mod open;
mod read;
mod record;
mod recorder;

use serde::Deserialize;

pub use error::StoreError;
pub use open::Store;
pub use read::{ModelTotals, Totals};
pub use record::DecisionRecord;
pub use recorder::Recorder;

/// `[store]` of the configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite://FILE`, the file relative to the working folder, or `sqlite:///ABSOLUTE/FILE`. It is made if missing.
    pub url: String,
}

/// An address may hold a password, so only its kind is shown.
impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        formatter.debug_struct("StoreConfig").field("url", &format_args!("{scheme}:...")).finish()
    }
}
