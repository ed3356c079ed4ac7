//! Who may call, and how much at once. Knows nothing of HTTP: it is given a key and answers yes or no. Keys are kept as hashes.

pub mod admission;
pub mod budget;
mod config;
pub mod jwt;
mod keys;

pub use admission::{Admission, Permit};
pub use budget::{Budget, BudgetConfig, BudgetError, Reservation};
pub use config::{AuthConfig, KeyConfig};
pub use keys::{AuthError, KeyRing, KnownCaller, Refusal};
