//! Reads from an error whether the database is at fault, so that the same rows may be tried again, or the rows are, which a second try would
//! not change. Acts on nothing.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::database::Engine;

/// Who is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is gone, full, locked, read-only or without its table: all rows alike wait until it is well again.
    Database,
    /// One of them, or more.
    Rows,
}

/// SQLSTATE classes that speak of the server, its connections, rights and tables: 08 connection, 25 transaction state (a read-only replica), 28
/// password, 3D and 3F database or schema missing, 40 rolled back, 42 table missing or not allowed, 53 resources, 55 locked, 57 shut down or
/// cancelled, 58 system. Any other one speaks of a value.
const DATABASE_CLASSES: [&str; 11] = ["08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"];
/// SQLite's primary codes that speak of a value: too big, constraint, mismatch, out of range.
const SQLITE_ROW_CODES: [u32; 4] = [18, 19, 20, 25];

/// Who is at fault for a failed write.
pub(super) fn fault_of(error: &sqlx::Error, engine: Engine) -> Fault {
    match error {
        sqlx::Error::Database(told) => {
            let code = told.code().unwrap_or_default();
            let is_rows = match engine {
                Engine::Postgres => !DATABASE_CLASSES.iter().any(|class| code.starts_with(class)),
                // The upper bytes of the code only say more of the same.
                Engine::Sqlite => code.parse().is_ok_and(|code: u32| SQLITE_ROW_CODES.contains(&(code & 0xff))),
            };
            if is_rows { Fault::Rows } else { Fault::Database }
        }
        sqlx::Error::Encode(_) | sqlx::Error::AnyDriverError(_) | sqlx::Error::InvalidArgument(_) => Fault::Rows,
        _ => Fault::Database,
    }
}

/// Whether a server could not be reached, or is only just coming up or going down: it may be there in a moment.
pub(super) fn is_unreachable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(told) => {
            told.code().is_some_and(|code| ["57P01", "57P02", "57P03", "53300"].contains(&code.as_ref()))
        }
        _ => false,
    }
}

/// Work that a database which says nothing does not hold up for ever.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, work).await.unwrap_or_else(|_| {
        let said = format!("no answer within {} s", limit.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, said).into())
    })
}
