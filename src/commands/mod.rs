//! One file a command: builds the parts from options and configuration, runs one thing, prints its result. The only place
//! besides `main` that writes to standard output.

pub mod bench;
pub mod cache_parts;
pub mod check_config;
pub mod check_health;
pub mod closed_pipe;
pub mod demo;
pub mod distill;
pub mod evaluate;
pub mod explain;
pub mod fit_difficulty;
pub mod keys;
pub mod log;
mod material;
pub mod models;
mod open_ledger;
pub mod parts;
pub mod progress;
mod reload;
pub mod route;
pub mod serve;
mod share;
pub mod train;
mod training_set;
pub mod whole_file;

pub use crate::embedder::Precision;
pub use crate::training::Method as HeadMethod;
use thiserror::Error;

/// Wrong usage or bad input: the message names file, line or flag and the remedy. The process exits with 2.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct UsageError(pub String);
