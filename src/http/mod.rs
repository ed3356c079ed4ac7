//! The HTTP face: endpoints, JSON shapes, headers, and the one place where errors become statuses. Decides nothing itself: it asks
//! `limits` who may enter, `routing` which model, `gateway` for the answer.

mod admission;
mod aftermath;
mod answer_headers;
mod app;
mod authentication;
mod body;
mod budget;
mod call_pieces;
mod chat_completions;
mod config;
mod connections;
mod conversation;
mod decision_log;
mod embeddings;
mod error;
mod fallbacks;
mod fields;
mod framing;
mod health;
mod listen;
mod messages;
mod metrics;
mod models;
mod observation;
mod openapi;
mod overrides;
mod patience;
mod protocol;
mod request_id;
mod responses;
mod route;
mod running_stream;
mod server;
pub mod simulated_upstream;
mod state;
mod tls;
mod upstream_refusal;

pub use app::app;
pub use config::{ServerConfig, TlsConfig};
pub use listen::{ListenError, check_address};
pub use metrics::metric;
pub use server::{Reloader, Server};
pub use state::AppState;
pub use tls::{Certificates, TlsError};
