//! Tokens of an identity provider in place of a key: signature, issuer, audience and times are checked, and the caller's name is read.
//! Knows nothing of HTTP; how documents are fetched is lent to it.

mod claims;
mod config;
mod error;
mod issuer;
mod key_set;
mod signature;
mod verify;

pub use claims::TOKEN_NAME_PREFIX;
pub use config::{JwtConfig, SigningAlgorithm};
pub use error::TokenError;
pub use issuer::FetchDocument;
pub use verify::TokenVerifier;
