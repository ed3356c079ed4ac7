//! The two databases: which one an address means, and how a pool to it is opened. SQLite in write-ahead mode: readers never wait for the
//! writer. Statements are written once for both, with `$1` for what is bound.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Once;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};

use super::StoreError;
use super::failure::in_time;

/// Of readers; the writer has one more.
const MAX_CONNECTIONS: u32 = 4;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const FILE_OPENS_WITHIN: Duration = Duration::from_secs(30);
/// Another process (a command that reads the log, a backup) may hold SQLite's file for a moment. With a write-ahead log `NORMAL` risks the
/// last moments after a power cut, never the file. A new file gives back the pages of deleted rows, which an older one does after a `VACUUM`.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = NORMAL;";

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// An address that was understood. It may hold a password, so it is never shown.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) engine: Engine,
    options: AnyConnectOptions,
    /// What errors call it: the file, or host and database.
    pub(super) shown: String,
}

impl Address {
    pub(super) fn read(url: &str) -> Result<Self, StoreError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let bad = |reason: &str| StoreError::BadUrl { reason: reason.to_owned() };
        let (scheme, rest) = url.split_once(':').ok_or_else(|| bad("it has no scheme"))?;
        let (engine, url, shown) = match scheme {
            "sqlite" => {
                let path = sqlite_file(url, rest)?;
                let separator = if url.contains('?') { '&' } else { '?' };
                let made_if_missing =
                    if url.contains("mode=") { url.to_owned() } else { format!("{url}{separator}mode=rwc") };
                (Engine::Sqlite, made_if_missing, path.display().to_string())
            }
            "postgres" | "postgresql" => {
                // What is wrong with it may be the password, so what the driver says is not repeated.
                let options =
                    PgConnectOptions::from_str(url).map_err(|_| bad("it is no address of a Postgres database"))?;
                let database = options.get_database().unwrap_or("the user's own");
                let shown = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
                (Engine::Postgres, url.to_owned(), shown)
            }
            _ => return Err(bad("its scheme is not known")),
        };
        let options = AnyConnectOptions::from_str(&url).map_err(|_| bad("it cannot be read"))?;
        // A batch's statement is tens of kilobytes long, and a slow database should not fill the log with them.
        Ok(Self { engine, options: options.disable_statement_logging(), shown })
    }

    /// Connections for readers, made when they are needed.
    pub(super) fn pool(&self) -> AnyPool {
        let engine = self.engine;
        AnyPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(CONNECT_WITHIN)
            .after_connect(move |connection, _| Box::pin(settle(connection, engine)))
            .connect_lazy_with(self.options.clone())
    }

    /// One connection, now or not at all.
    pub(super) async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let connecting = async {
            let mut connection = AnyConnection::connect_with(&self.options).await?;
            settle(&mut connection, self.engine).await?;
            Ok(connection)
        };
        // A file is opened once, and on a busy disk that may take its time; a server that is silent is as good as gone.
        let patience = if self.engine == Engine::Sqlite { FILE_OPENS_WITHIN } else { CONNECT_WITHIN };
        in_time(patience, connecting).await
    }
}

/// What a new connection is told.
async fn settle(connection: &mut AnyConnection, engine: Engine) -> Result<(), sqlx::Error> {
    if engine == Engine::Sqlite {
        connection.execute(SQLITE_SETTINGS).await?;
    }
    Ok(())
}

/// The address may hold a password, so only what errors call it is shown.
impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Address").field(&self.shown).finish()
    }
}

fn sqlite_file(url: &str, rest: &str) -> Result<PathBuf, StoreError> {
    let bad = |reason: &str| StoreError::BadUrl { reason: reason.to_owned() };
    let path = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
    if path.is_empty() {
        return Err(bad("it names no file"));
    }
    if path.starts_with(":memory:") || rest.contains("mode=memory") {
        return Err(bad("a store in memory would forget everything; leave [store] out instead"));
    }
    let _understood = SqliteConnectOptions::from_str(url).map_err(|error| bad(&error.to_string()))?;
    Ok(PathBuf::from(
        percent_decode_str(rest.trim_start_matches("//").split('?').next().unwrap_or_default())
            .decode_utf8_lossy()
            .as_ref(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_database() {
        for (url, shown) in [
            ("sqlite://semroute.db", "semroute.db"),
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
            ("postgres://user:hunter2@db.internal:5433/semroute", "postgres://db.internal:5433/semroute"),
        ] {
            assert_eq!(Address::read(url).map(|address| address.shown).unwrap(), shown);
        }
    }

    #[test]
    fn other_addresses_are_refused_without_being_repeated() {
        for bad in [
            "semroute.db",
            "mysql://u:hunter2@h/d",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://a.db?mode=memory",
            "postgres://user:hunter2@host:port/db",
        ] {
            let error = Address::read(bad).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with("store.url: ") && !error.contains("hunter2"), "{error}");
        }
    }
}
