//! Opens the database and brings its tables up to date. SQLite in write-ahead mode: readers never wait for the writer.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::{StoreConfig, StoreError, migrations};

/// One connection writes, the others read.
const MAX_CONNECTIONS: u32 = 3;
/// Another process (a command that reads the log, a backup) may hold the file for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// An open store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) pool: SqlitePool,
    pub(super) keep: Duration,
}

impl Store {
    /// Opens the database, making the file and its tables where they are missing.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        config.check()?;
        let options = read_url(&config.url)?;
        let path = PathBuf::from(options.get_filename());
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(OPEN_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|cause| StoreError::Open { path: path.clone(), cause })?;
        migrations::all().run(&pool).await.map_err(|cause| StoreError::Migrate { path, cause })?;
        Ok(Self { pool, keep: Duration::from_secs(u64::from(config.keep_days) * 24 * 3600) })
    }

    /// Closes every connection, which also folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

pub(super) fn read_url(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    let bad = |reason: &str| StoreError::BadUrl { reason: reason.to_owned() };
    let (scheme, rest) = url.split_once(':').ok_or_else(|| bad("it has no scheme"))?;
    match scheme {
        "sqlite" => {}
        "postgres" | "postgresql" => return Err(StoreError::NotBuiltIn { scheme: scheme.to_owned() }),
        _ => return Err(bad("its scheme is not known")),
    }
    let path = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
    if path.is_empty() {
        return Err(bad("it names no file"));
    }
    if path.starts_with(":memory:") || rest.contains("mode=memory") {
        return Err(bad("a store in memory would forget everything; leave [store] out instead"));
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| bad(&error.to_string()))?;
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log this risks the last moments after a power cut, never the file.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_files() {
        assert_eq!(read_url("sqlite://semroute.db").unwrap().get_filename().to_str(), Some("semroute.db"));
        assert_eq!(read_url("sqlite:///var/lib/a.db").unwrap().get_filename().to_str(), Some("/var/lib/a.db"));
    }

    #[test]
    fn other_addresses_are_refused_without_being_repeated() {
        let error = read_url("postgres://user:hunter2@host/db").unwrap_err().to_string();
        assert!(error.contains("not built in yet") && !error.contains("hunter2"), "{error}");
        for bad in ["semroute.db", "mysql://u:hunter2@h/d", "sqlite://", "sqlite::memory:", "sqlite://a.db?mode=memory"]
        {
            let error = read_url(bad).unwrap_err().to_string();
            assert!(error.starts_with("store.url: ") && !error.contains("hunter2"), "{error}");
        }
    }
}
