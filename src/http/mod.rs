//! The HTTP face: endpoints, JSON shapes, headers, and the one place where errors become statuses. Decides nothing itself: it asks
//! `limits` who may enter, `routing` which model, `gateway` for the answer.

mod admission;
mod aftermath;
mod answer_headers;
mod app;
mod authentication;
mod body;
mod budget;
mod chat_completions;
mod config;
mod connections;
mod conversation;
mod decision_log;
mod error;
mod fallbacks;
mod health;
mod listen;
mod metrics;
mod models;
mod observation;
mod overrides;
mod protocol;
mod request_id;
mod route;
mod running_stream;
mod server;
pub mod simulated_upstream;
mod state;

pub use app::app;
pub use config::ServerConfig;
pub use listen::{ListenError, check_address};
pub use metrics::metric;
pub use server::Server;
pub use state::AppState;
