//! Carries out a `Decision`: sends the request to the providers of its plan, in turn or together, until there is an answer to hand on,
//! and hands it on as it arrives. Hosts come from the configuration alone. Chooses no model and knows nothing of HTTP endpoints or
//! callers' keys.

mod answer;
mod answer_gate;
mod anthropic;
mod attempt;
mod chain;
mod config;
mod connection;
mod course;
mod dialect;
mod error;
mod escalate;
mod exchange;
mod held;
mod judge;
mod metering;
mod openai;
mod provider;
mod race;
mod receipt;
mod received;
mod refusal;
mod refusal_phrases;
mod relay;
mod said;
mod send;
mod sse;

pub use answer::{Answer, AnswerBody, AnswerStream, sum_of_costs};
pub use attempt::{Attempt, Failure, GateFailure, Outcome, TimeoutKind};
pub use config::{ProviderConfig, ProviderKind};
pub use connection::{LoopbackClient, LoopbackHeaders, loopback_client};
pub use error::{GatewayError, SendError, SendErrorKind};
pub use metering::metric;
pub use receipt::{PendingReceipt, Receipt, StreamEnd};
pub use send::Gateway;
