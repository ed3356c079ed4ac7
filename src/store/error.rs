//! Why the store cannot be opened, read or written.

use thiserror::Error;

/// Why the store cannot be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The address cannot be read.
    #[error("store.url: {reason}; use sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE")]
    BadUrl {
        /// What is wrong with it. Never the address itself, which may hold a password.
        reason: String,
    },
    /// Both the address and the variable that holds it.
    #[error("store.url, store.url_env: give one of the two")]
    TwoAddresses,
    /// The variable that should hold the address does not.
    #[error("store.url_env: the environment variable {variable} is not set; set it to the store's address")]
    MissingVariable {
        /// Its name.
        variable: String,
    },
    /// Everything would be deleted as soon as it is written.
    #[error("store.keep_days: 0 would keep nothing; use 1 or more, or leave [store] out")]
    KeepsNothing,
    /// The database cannot be opened or made.
    #[error("store.url: cannot open {database}: {cause}; check that it is there and may be written")]
    Open {
        /// The file, or host and database.
        database: String,
        /// What the database said.
        cause: sqlx::Error,
    },
    /// The tables cannot be brought up to date.
    #[error(
        "{database} cannot be brought to this version's tables: {cause}; move it away or use the version that wrote it"
    )]
    Migrate {
        /// The file, or host and database.
        database: String,
        /// What went wrong.
        cause: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the store failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A database that was there, or will be, does not answer.
    #[error("the store cannot be reached; decisions wait until it is there again")]
    Unreachable,
    /// The writer has stopped, so nothing can be flushed.
    #[error("the store's writer has stopped")]
    WriterStopped,
}
