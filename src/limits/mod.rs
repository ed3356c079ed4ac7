//! Who may call, how much, and what it may cost. Knows nothing of HTTP: it is given a key or a request and answers yes or no. Keys are kept as
//! hashes.

mod account;
pub mod admission;
mod allowance;
mod book;
pub mod budget;
pub mod cache;
mod config;
mod issued_key;
pub mod jwt;
mod keys;
pub mod ledger;
mod rates;
mod refused;
pub mod shared;
mod stored_keys;
mod terms;

pub use admission::{Admission, Permit};
pub use allowance::{Allowance, CallerLimits, Scopes};
pub use book::SpentBefore;
pub use budget::BudgetConfig;
pub use cache::{CacheConfig, ResponseCache};
pub use config::{AuthConfig, KeyConfig};
pub use issued_key::{IssuedKey, KEY_PREFIX, NoRandomness};
pub use keys::{AuthError, KeyRing, KnownCaller, Refusal};
pub use ledger::{Ask, BudgetStanding, BudgetedCaller, Ledger, Refused, Reservation, Standing};
pub use rates::RateStanding;
pub use refused::{LimitError, Whose};
pub use shared::{OnFailure, SharedBook, SharedConfig};
pub use stored_keys::StoredKeys;
