//! semroute: a learned semantic router for LLM traffic.
//!
//! Each prompt is embedded locally, recognised by what it asks for and how hard it is, and sent to the cheapest model that
//! is good enough. `ARCHITECTURE.md` maps the rooms; data flows down the list there and an answer comes back up.

pub mod chat;
pub mod classifier;
pub mod cli;
pub mod commands;
pub mod config;
pub mod dataset;
pub mod embedder;
pub mod evaluation;
pub mod gateway;
pub mod http;
pub mod limits;
pub mod prompt;
mod random;
pub mod routing;
pub mod store;
pub mod telemetry;
pub mod training;
