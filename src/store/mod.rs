//! What is remembered of decisions: one row a request in SQLite or Postgres, written behind the request's back, and totals read from
//! it. Never sees a key, sees a prompt's text only where `log_prompts` asks for it, and no request ever waits for it.

mod columns;
mod dashboard;
mod database;
mod double;
mod error;
mod failure;
mod feedback;
mod insert;
mod keys;
mod log;
mod migrations;
mod open;
mod prompts;
mod prune;
mod read;
mod record;
mod recorder;
mod rollup;
mod tally;
mod writer;

use std::num::{NonZeroU32, NonZeroU64};

use serde::Deserialize;

pub use dashboard::{Dashboard, DashboardError, Decisions, DecisionsAsked, Overview, OverviewAsked};
pub use error::StoreError;
pub use feedback::{Feedback, Verdict};
pub use keys::{ApiKeyRecord, KeyAdded, MOST_KEYS};
pub use log::{Judged, LogReading};
pub use open::Store;
pub use prompts::Redaction;
pub use read::{ModelTotals, Totals};
pub use record::{DecisionRecord, Outcome, PlannedModel, Try};
pub use recorder::Recorder;
pub use rollup::RELATIVE_ERROR;
pub use tally::metric;

/// `[store]` of the configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite://FILE`, the file relative to the working folder, or `sqlite:///ABSOLUTE/FILE`, made if missing; or
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[serde(default)]
    pub url: String,
    /// In place of `url`, the environment variable that holds it: an address with a password belongs in no file.
    #[serde(default)]
    pub url_env: Option<String>,
    /// Decisions older than this are deleted.
    #[serde(default = "default_keep_days")]
    pub keep_days: u32,
    /// The most decisions that are kept, the newest; `None` is no limit.
    #[serde(default)]
    pub max_rows: Option<NonZeroU64>,
    /// Rows that may wait to be written. Those that find the queue full are dropped and counted.
    #[serde(default = "default_queue_rows")]
    pub queue_rows: NonZeroU32,
    /// What is kept of prompts.
    #[serde(default)]
    pub log_prompts: LogPrompts,
}

/// What the log keeps of prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPrompts {
    /// Nothing.
    #[default]
    Off,
    /// What the classifier saw: a vector and hashed n-grams. Enough to train on, not enough to read.
    Features,
    /// The words that were classified, with e-mail addresses, card numbers, keys and the like struck out.
    Full,
}

/// Long enough to compare a month with the one before it.
fn default_keep_days() -> u32 {
    90
}

/// At a hundred requests a second this is a minute and a half without the database, in some tens of megabytes.
fn default_queue_rows() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9_999)
}

impl StoreConfig {
    /// A store at `url` that keeps decisions as long as it does by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            url_env: None,
            keep_days: default_keep_days(),
            max_rows: None,
            queue_rows: default_queue_rows(),
            log_prompts: LogPrompts::Off,
        }
    }

    /// Whether a store could be there, without opening it.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.keep_days == 0 {
            return Err(StoreError::KeepsNothing);
        }
        match (&self.url_env, self.url.is_empty()) {
            (None, _) => database::Address::read(&self.url).map(drop),
            (Some(_), true) => Ok(()),
            (Some(_), false) => Err(StoreError::TwoAddresses),
        }
    }

    /// Where the database is, which a variable may say.
    fn address(&self, read_variable: impl Fn(&str) -> Option<String>) -> Result<database::Address, StoreError> {
        let Some(variable) = &self.url_env else { return database::Address::read(&self.url) };
        let url = read_variable(variable).map(|url| url.trim().to_owned()).filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| StoreError::MissingVariable { variable: variable.clone() })?;
        database::Address::read(&url)
    }
}

/// An address may hold a password, so only its kind is shown.
impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        formatter
            .debug_struct("StoreConfig")
            .field("url", &format_args!("{scheme}:..."))
            .field("url_env", &self.url_env)
            .field("keep_days", &self.keep_days)
            .field("max_rows", &self.max_rows)
            .field("queue_rows", &self.queue_rows)
            .field("log_prompts", &self.log_prompts)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_in_the_file_or_in_a_variable() {
        let read = |variable: &str| (variable == "SET").then(|| "sqlite://of_the_variable.db\n".to_owned());
        let shown = |config: &StoreConfig| config.address(read).map(|address| address.shown);
        let by = |variable: &str| StoreConfig { url_env: Some(variable.into()), ..StoreConfig::new("") };
        assert_eq!(shown(&StoreConfig::new("sqlite://of_the_file.db")).unwrap(), "of_the_file.db");
        assert!(by("SET").check().is_ok());
        assert_eq!(shown(&by("SET")).unwrap(), "of_the_variable.db");
        let error = shown(&by("UNSET")).unwrap_err().to_string();
        assert!(error.contains("store.url_env") && error.contains("UNSET"), "{error}");
        let both = StoreConfig { url_env: Some("SET".into()), ..StoreConfig::new("sqlite://a.db") };
        assert!(matches!(both.check(), Err(StoreError::TwoAddresses)));
        assert!(StoreConfig::new("").check().is_err(), "neither is no address");
    }
}
