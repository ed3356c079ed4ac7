//! The store's tables, version by version, for both databases. A migration that has shipped is never edited: a new one follows it.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::database::Engine;

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "decisions", include_str!("migrations/0001_decisions.sql")),
    (2, "counted", include_str!("migrations/0002_counted.sql")),
    (3, "token_buckets", include_str!("migrations/0003_token_buckets.sql")),
    (4, "context", include_str!("migrations/0004_context.sql")),
    (5, "keys", include_str!("migrations/0005_keys.sql")),
    (6, "feedback", include_str!("migrations/0006_feedback.sql")),
    (7, "secrets", include_str!("migrations/0007_secrets.sql")),
    (8, "rollups", include_str!("migrations/0008_rollups.sql")),
];

/// What the files say in SQLite's words, and Postgres's words for the same: whole numbers of 64 bits, floats of 64 bits, bytes. Types are
/// written in capitals and nothing else is.
const IN_POSTGRES: [(&str, &str); 4] =
    [(" INTEGER", " BIGINT"), (" REAL", " DOUBLE PRECISION"), (" BLOB", " BYTEA"), (") STRICT;", ");")];

/// Every migration, in order, as one of the databases reads it.
pub(super) fn all(engine: Engine) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, description, sql)| {
        let sql = match engine {
            Engine::Sqlite => AssertSqlSafe(*sql).into_sql_str(),
            Engine::Postgres => AssertSqlSafe(in_postgres(sql)).into_sql_str(),
        };
        Migration::new(*version, Cow::Borrowed(*description), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

fn in_postgres(sql: &str) -> String {
    IN_POSTGRES.iter().fold(sql.to_owned(), |sql, (sqlite, postgres)| sql.replace(sqlite, postgres))
}
