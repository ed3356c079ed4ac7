//! The keys that `semroute keys` made, as rows: written, read, revoked. Knows no key's text; what a hash is of and whether it fits is the
//! caller's business. Every change counts up a revision, so that a server sees with one small query that it has to read them anew.

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

use super::double::Double;
use super::{Store, StoreError};

/// More keys than this are not read, and not made.
pub const MOST_KEYS: usize = 100_000;

/// One key. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApiKeyRecord {
    /// The public part of the key's text; tells keys apart.
    pub id: String,
    /// What people, rules and logs call it.
    pub name: String,
    /// BLAKE3 of the key's text.
    pub secret_hash: Vec<u8>,
    /// Models that it may ask for; `None`: all.
    pub models: Option<Vec<String>>,
    /// Strategies that it may ask for; `None`: all.
    pub strategies: Option<Vec<String>>,
    /// Paths that it may ask for; `None`: all.
    pub endpoints: Option<Vec<String>>,
    /// Whether it may read what everybody did.
    pub is_admin: bool,
    /// Requests that may begin within a minute; `None`: any number, here and below.
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers within a minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests that may be under way at once.
    pub concurrent: Option<u32>,
    /// USD in a day.
    pub budget_day_usd: Option<f64>,
    /// USD in a month.
    pub budget_month_usd: Option<f64>,
    /// When it was made.
    pub created_unix_ms: i64,
    /// From when on it opens nothing.
    pub expires_unix_ms: Option<i64>,
    /// Since when it opens nothing.
    pub revoked_unix_ms: Option<i64>,
}

/// What became of a key that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAdded {
    /// It is there.
    Added,
    /// Another key that is not revoked has the name, or the id.
    NameTaken,
    /// There are [`MOST_KEYS`] that are not revoked.
    Full,
}

/// The columns in the order in which they are bound.
const INSERT: &str = "INSERT INTO api_keys (id, name, secret_hash, models, strategies, endpoints, is_admin, requests_per_minute, \
    tokens_per_minute, concurrent, budget_day_usd, budget_month_usd, created_unix_ms, expires_unix_ms, revoked_unix_ms) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";
const COUNT: &str = "SELECT COUNT(*) AS keys FROM api_keys WHERE revoked_unix_ms IS NULL";
/// Those that open something first, should there be too many to read.
const ALL: &str = "SELECT * FROM api_keys ORDER BY CASE WHEN revoked_unix_ms IS NULL THEN 0 ELSE 1 END, created_unix_ms DESC, id LIMIT $1";
const BY_ID: &str = "SELECT * FROM api_keys WHERE revoked_unix_ms IS NULL AND id = $1";
const BY_NAME: &str = "SELECT * FROM api_keys WHERE revoked_unix_ms IS NULL AND name = $1";
const REVOKE: &str = "UPDATE api_keys SET revoked_unix_ms = $1 WHERE id = $2 AND revoked_unix_ms IS NULL";
const REVISION: &str = "SELECT revision FROM revisions WHERE of_table = 'api_keys'";
const COUNT_UP: &str = "UPDATE revisions SET revision = revision + 1 WHERE of_table = 'api_keys'";

impl Store {
    /// Adds a key, unless its name belongs to another one that is not revoked.
    pub async fn add_key(&self, key: &ApiKeyRecord) -> Result<KeyAdded, StoreError> {
        let keys: i64 = sqlx::query(COUNT).fetch_one(&self.pool).await?.try_get("keys")?;
        if usize::try_from(keys).unwrap_or(0) >= MOST_KEYS {
            return Ok(KeyAdded::Full);
        }
        // It begins with a write: SQLite lets a transaction that has read wait for no other writer.
        let mut transaction = self.pool.begin().await?;
        let added = sqlx::query(INSERT)
            .bind(&key.id)
            .bind(&key.name)
            .bind(&key.secret_hash)
            .bind(as_json(key.models.as_ref()))
            .bind(as_json(key.strategies.as_ref()))
            .bind(as_json(key.endpoints.as_ref()))
            .bind(i64::from(key.is_admin))
            .bind(key.requests_per_minute.map(i64::from))
            .bind(key.tokens_per_minute.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX)))
            .bind(key.concurrent.map(i64::from))
            .bind(key.budget_day_usd.map(Double))
            .bind(key.budget_month_usd.map(Double))
            .bind(key.created_unix_ms)
            .bind(key.expires_unix_ms)
            .bind(key.revoked_unix_ms)
            .execute(&mut *transaction)
            .await?;
        if added.rows_affected() == 0 {
            return Ok(KeyAdded::NameTaken);
        }
        sqlx::query(COUNT_UP).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(KeyAdded::Added)
    }

    /// Every key, those that are not revoked first and then the newest first.
    pub async fn keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let rows = sqlx::query(ALL).bind(i64::try_from(MOST_KEYS).unwrap_or(i64::MAX)).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Revokes the key with this id, or else with this name, from this time on; `None` where no key that is not revoked has either.
    pub async fn revoke_key(&self, id_or_name: &str, now_unix_ms: i64) -> Result<Option<ApiKeyRecord>, StoreError> {
        let found = match one(&self.pool, BY_ID, id_or_name).await? {
            Some(key) => Some(key),
            None => one(&self.pool, BY_NAME, id_or_name).await?,
        };
        let Some(mut key) = found else { return Ok(None) };
        let mut transaction = self.pool.begin().await?;
        sqlx::query(REVOKE).bind(now_unix_ms).bind(&key.id).execute(&mut *transaction).await?;
        sqlx::query(COUNT_UP).execute(&mut *transaction).await?;
        transaction.commit().await?;
        key.revoked_unix_ms = Some(now_unix_ms);
        Ok(Some(key))
    }

    /// Another number than before where a key was made or revoked in between.
    pub async fn keys_revision(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query(REVISION).fetch_one(&self.pool).await?.try_get("revision")?)
    }
}

async fn one(pool: &AnyPool, select: &'static str, value: &str) -> Result<Option<ApiKeyRecord>, sqlx::Error> {
    sqlx::query(select).bind(value).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<ApiKeyRecord, sqlx::Error> {
    let count = |column: &str| -> Result<Option<u64>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(|count| u64::try_from(count).unwrap_or(0)))
    };
    let small = |column: &str| -> Result<Option<u32>, sqlx::Error> {
        Ok(count(column)?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    };
    Ok(ApiKeyRecord {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        secret_hash: row.try_get("secret_hash")?,
        models: names(row, "models")?,
        strategies: names(row, "strategies")?,
        endpoints: names(row, "endpoints")?,
        is_admin: row.try_get::<i64, _>("is_admin")? != 0,
        requests_per_minute: small("requests_per_minute")?,
        tokens_per_minute: count("tokens_per_minute")?,
        concurrent: small("concurrent")?,
        budget_day_usd: row.try_get("budget_day_usd")?,
        budget_month_usd: row.try_get("budget_month_usd")?,
        created_unix_ms: row.try_get("created_unix_ms")?,
        expires_unix_ms: row.try_get("expires_unix_ms")?,
        revoked_unix_ms: row.try_get("revoked_unix_ms")?,
    })
}

fn as_json(names: Option<&Vec<String>>) -> Option<String> {
    names.and_then(|names| serde_json::to_string(names).ok())
}

/// A list that cannot be read allows nothing: it must never widen what a key may do.
fn names(row: &AnyRow, column: &str) -> Result<Option<Vec<String>>, sqlx::Error> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default()))
}
