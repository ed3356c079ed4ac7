//! Who may call, and how much at once. Knows nothing of HTTP: it is given a key and answers yes or no. Keys are kept as hashes.

pub mod admission;
mod config;
mod keys;

pub use admission::{Admission, Permit};
pub use config::AuthConfig;
pub use keys::{AuthError, KeyRing};
