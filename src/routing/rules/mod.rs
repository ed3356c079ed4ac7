//! What the operator has laid down before any learning: rules that fix models, strategy or destination for requests that they describe, routes
//! that clients may ask for by name, archetypes for `semantic`. Everything is checked when it is read.

mod conditions;
mod config;
mod read;

pub use conditions::Caller;
pub use config::{ArchetypeConfig, RouteCache, RouteCacheSettings, RouteConfig, RuleConfig};
pub use read::RuleError;
pub(super) use read::{Effect, UserRules};
