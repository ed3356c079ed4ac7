//! Where models live and how those places are faring: endpoints, the keys they are asked with, breakers, quotas, load. Picks one place out
//! of several; sends nothing.

mod balance;
mod breaker;
mod endpoint;
mod group;
mod lane;
mod load;
mod pick;
mod quota;
mod rate_headers;

pub use breaker::BreakerConfig;
pub use group::QuotaScope;

pub(super) use endpoint::Endpoint;
pub(super) use group::{Account, ProviderGroup};
pub(super) use lane::{Lane, Lease};
pub(super) use pick::{Tried, pick};
pub(super) use rate_headers::retry_after;
