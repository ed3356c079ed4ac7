//! Carries out a `Decision`: sends the request to the providers of its plan, in turn or together, until there is an answer to hand on,
//! and hands it on as it arrives. Hosts come from the configuration alone. Chooses no model and knows nothing of HTTP endpoints or
//! callers' keys.

mod address;
mod answer;
mod answer_gate;
mod anthropic;
mod ask;
mod attempt;
mod bedrock;
mod chain;
mod config;
mod connection;
mod course;
mod dialect;
mod document;
mod dropped;
mod embeddings;
mod error;
mod escalate;
mod exchange;
mod fields;
mod gemini;
mod health;
mod held;
mod judge;
mod metering;
mod openai;
mod own_content;
mod pace;
mod provider;
mod race;
mod receipt;
mod received;
mod refusal;
mod refusal_phrases;
mod relay;
mod retry;
mod said;
mod send;
mod sse;
mod try_once;
mod upstream;

pub use answer::{Answer, AnswerBody, AnswerStream, sum_of_costs};
pub use attempt::{Attempt, Failure, GateFailure, Outcome, Shut, TimeoutKind};
pub use config::{KeyHeader, KeyVariables, ProviderConfig, ProviderKind};
pub use connection::{LoopbackClient, LoopbackHeaders, loopback_client};
pub use document::{DocumentClient, DocumentError, check_document_address};
pub use embeddings::EmbeddingsBody;
pub use error::{GatewayError, SendError, SendErrorKind};
pub use health::HealthConfig;
pub use metering::metric;
pub use openai::completion_as_events;
pub use receipt::{PendingReceipt, Receipt, StreamEnd};
pub use retry::RetryConfig;
pub use send::Gateway;
pub use upstream::{BreakerConfig, QuotaScope};
