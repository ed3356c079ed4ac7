//! An empty database for a test: a SQLite file of its own, or a database of its own in a Postgres server that several tests share.

use std::sync::atomic::{AtomicU32, Ordering};

use semroute::store::StoreConfig;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use tempfile::TempDir;

use super::postgres::Postgres;

/// A database with nothing in it.
pub enum Database {
    Sqlite(TempDir),
    Postgres { url: String },
}

impl Database {
    pub fn in_sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    pub async fn in_postgres(server: &Postgres) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (server_url, _) =
            server.url().rsplit_once('/').map(|(url, name)| (url.to_owned(), name.to_owned())).unwrap();
        Self::Postgres { url: server.url() }.execute(&format!("CREATE DATABASE {name}")).await;
        Self::Postgres { url: format!("{server_url}/{name}") }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// As `[store] url` names it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", folder.path().join("semroute.db").display()),
            Self::Postgres { url } => url.clone(),
        }
    }

    pub fn config(&self) -> StoreConfig {
        StoreConfig::new(self.url())
    }

    /// Runs statements on a connection of their own.
    pub async fn execute(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(_) => drop(sql.execute(&mut self.sqlite().await).await.unwrap()),
            Self::Postgres { url } => drop(sql.execute(&mut postgres(url).await).await.unwrap()),
        }
    }

    /// The first column of the first row, a number.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(_) => sqlx::query(sql).fetch_one(&mut self.sqlite().await).await.unwrap().get(0),
            Self::Postgres { url } => sqlx::query(sql).fetch_one(&mut postgres(url).await).await.unwrap().get(0),
        }
    }

    /// Everything that is kept, as bytes to search in: SQLite's files, or each row of each table of Postgres as text.
    pub async fn contents(&self) -> Vec<u8> {
        let mut contents = Vec::new();
        match self {
            Self::Sqlite(folder) => {
                for file in std::fs::read_dir(folder.path()).unwrap() {
                    contents.extend(std::fs::read(file.unwrap().path()).unwrap());
                }
            }
            Self::Postgres { url } => {
                let mut connection = postgres(url).await;
                let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
                for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await.unwrap() {
                    let rows = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t"));
                    for row in sqlx::query_scalar::<_, String>(rows).fetch_all(&mut connection).await.unwrap() {
                        contents.extend(row.into_bytes());
                        contents.push(b'\n');
                    }
                }
            }
        }
        contents
    }

    async fn sqlite(&self) -> SqliteConnection {
        let Self::Sqlite(folder) = self else { unreachable!("it is a Postgres database") };
        let options = SqliteConnectOptions::new().filename(folder.path().join("semroute.db"));
        SqliteConnection::connect_with(&options).await.unwrap()
    }
}

async fn postgres(url: &str) -> PgConnection {
    PgConnection::connect_with(&url.parse::<PgConnectOptions>().unwrap()).await.unwrap()
}
