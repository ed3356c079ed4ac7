//! Why a cache cannot be built.

use thiserror::Error;

use crate::limits::shared::SharedError;

/// Why `[cache]` cannot be honoured.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Redis is asked for, and nobody said where it is.
    #[error("cache.store: \"redis\" needs the server's address; set [shared] url, or store = \"memory\"")]
    NoSharedUrl,
    /// `[shared]` does not say how Redis is reached.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The pairs cannot be read.
    #[error("cache.pairs: {0}")]
    Pairs(String),
    /// The pairs do not tell likeness from difference.
    #[error(
        "cache.pairs: no threshold tells pairs of the same answer from pairs of different ones; give at least {0} of each kind"
    )]
    NoThreshold(usize),
}
