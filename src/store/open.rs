//! Opens the store: connections that are made when they are needed, and tables of this version.

use std::time::Duration;

use sqlx::AnyPool;
use tokio::sync::watch;

use super::database::{Address, Engine};
use super::failure::is_unreachable;
use super::prompts::{PromptPolicy, Redaction};
use super::prune::Retention;
use super::{StoreConfig, StoreError, migrations};

/// An open store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    /// For readers. The writer has a connection of its own, which no reader can take from it.
    pub(super) pool: AnyPool,
    pub(super) address: Address,
    pub(super) retention: Retention,
    pub(super) queue_rows: usize,
    /// Whether the tables were seen to be there.
    is_ready: watch::Sender<bool>,
    pub(super) prompts: PromptPolicy,
}

impl Store {
    /// Opens the database, making SQLite's file and the tables where they are missing.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let store = Self::unopened(config)?;
        let opened = store.address.connect().await;
        let cannot = |cause| StoreError::Open { database: store.address.shown.clone(), cause };
        drop(opened.map_err(cannot)?);
        store.prepare().await?;
        Ok(store)
    }

    /// As [`Store::open`], except that a Postgres server which cannot be reached yet is no error: the store is not ready then, what reads it
    /// fails, and its recorder holds rows back until the server comes.
    pub async fn open_or_wait(config: &StoreConfig) -> Result<Self, StoreError> {
        match Self::open(config).await {
            Err(StoreError::Open { database, cause })
                if config.address(|variable| std::env::var(variable).ok())?.engine == Engine::Postgres
                    && is_unreachable(&cause) =>
            {
                tracing::error!(
                    database,
                    error = %cause,
                    "the store cannot be reached; requests are served without it, and decisions wait until it comes"
                );
                Self::unopened(config)
            }
            opened => opened,
        }
    }

    fn unopened(config: &StoreConfig) -> Result<Self, StoreError> {
        config.check()?;
        let address = config.address(|variable| std::env::var(variable).ok())?;
        let keep = Duration::from_secs(u64::from(config.keep_days) * 24 * 3600);
        Ok(Self {
            pool: address.pool(),
            prompts: PromptPolicy::new(config.log_prompts),
            address,
            retention: Retention { keep, max_rows: config.max_rows.map(std::num::NonZeroU64::get) },
            queue_rows: config.queue_rows.get() as usize,
            is_ready: watch::Sender::new(false),
        })
    }

    /// Brings the tables to this version, where they are not.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        let wrong = |cause| StoreError::Migrate { database: self.address.shown.clone(), cause };
        migrations::all(self.address.engine).run(&self.pool).await.map_err(wrong)?;
        let broken = |cause| StoreError::Open { database: self.address.shown.clone(), cause };
        self.prompts.learn_key(&self.pool).await.map_err(broken)?;
        self.is_ready.send_replace(true);
        Ok(())
    }

    /// Whether the tables were seen to be there; only a Postgres server that was gone from the start keeps this from being so.
    pub fn is_ready(&self) -> bool {
        *self.is_ready.borrow()
    }

    /// Waits until the tables are there.
    pub async fn ready(&self) {
        let mut told = self.is_ready.subscribe();
        // The sender is this store's own, so it is not gone.
        let _is_ready = told.wait_for(|is_ready| *is_ready).await;
    }

    /// With what makes words fit to be kept; without it none are.
    #[must_use]
    pub fn redacting(self, redaction: Redaction) -> Self {
        Self { prompts: self.prompts.redacting(redaction), ..self }
    }

    /// Closes every connection, which also folds SQLite's write-ahead log into its file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
