//! Why the store cannot be opened, read or written.

use std::path::PathBuf;

use thiserror::Error;

/// Why the store cannot be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The address is of a kind that this version does not have.
    #[error("store.url: {scheme} is not built in yet in this version; use sqlite://FILE")]
    NotBuiltIn {
        /// `postgres`, for one.
        scheme: String,
    },
    /// The address cannot be read.
    #[error("store.url: {reason}; use sqlite://FILE")]
    BadUrl {
        /// What is wrong with it. Never the address itself, which may hold a password.
        reason: String,
    },
    /// Everything would be deleted as soon as it is written.
    #[error("store.keep_days: 0 would keep nothing; use 1 or more, or leave [store] out")]
    KeepsNothing,
    /// The file cannot be opened or made.
    #[error("store.url: cannot open {path}: {cause}; check that its folder exists and can be written")]
    Open {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        cause: sqlx::Error,
    },
    /// The tables cannot be brought up to date.
    #[error(
        "{path} cannot be brought to this version's tables: {cause}; move it away or use the version that wrote it"
    )]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// What went wrong.
        cause: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the store failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The writer has stopped, so nothing can be flushed.
    #[error("the store's writer has stopped")]
    WriterStopped,
}
