//! `decide(request) -> Decision`: reads the prompt, embeds and classifies it, drops the models that cannot serve the request,
//! and lets a strategy choose. Selection is pure; only the embedding queue is awaited. Nothing is sent from here.

mod brain;
mod config;
mod decision;
mod history;
mod models_asked;
mod price_list;
mod quality;
mod registry;
mod requirements;
mod router;
mod select;
mod signals;
mod strategy;
mod tiers;

pub use brain::{Ask, BothTiers, Brain, BrainError, Classified};
pub use config::{ModelConfig, RouterConfig, UnknownModel};
pub use decision::{Candidate, Decision, DecisionRow, Plan};
pub use history::History;
pub use models_asked::{ModelAsked, UnknownModelError};
pub use price_list::{ListedModel, PRICE_LIST, listed_model};
pub use quality::QualityTable;
pub use registry::{Capability, Model, Prices, Registry, RegistryError, UsdPerMtok};
pub use requirements::Requirements;
pub use router::{Overrides, RouteError, Router};
pub use select::{NoCandidate, select};
pub use signals::Signals;
pub use strategy::{Strategy, UnknownStrategy};
pub use tiers::{Tier, embed_batch, embed_windows, lexical_windows, read_features};
