//! The store's tables, version by version. A migration that has shipped is never edited: a new one follows it.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "decisions", include_str!("migrations/0001_decisions.sql")),
    (2, "counted", include_str!("migrations/0002_counted.sql")),
    (3, "token_buckets", include_str!("migrations/0003_token_buckets.sql")),
];

/// Every migration, in order.
pub(super) fn all() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, description, sql)| {
        let sql = AssertSqlSafe(*sql).into_sql_str();
        Migration::new(*version, Cow::Borrowed(*description), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}
