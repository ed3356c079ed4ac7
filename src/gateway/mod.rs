//! Carries out a `Decision`: sends the request to the providers of its chain until one answers and hands the answer on as it
//! arrives. Hosts come from the configuration alone. Chooses no model and knows nothing of HTTP endpoints or callers' keys.

mod answer;
mod attempt;
mod config;
mod connection;
mod error;
mod exchange;
mod metering;
mod openai;
mod provider;
mod receipt;
mod relay;
mod send;
mod sse;

pub use answer::{Answer, AnswerBody, AnswerStream};
pub use attempt::{Attempt, Failure, Outcome, TimeoutKind};
pub use config::{ProviderConfig, ProviderKind};
pub use connection::{LoopbackClient, LoopbackHeaders, loopback_client};
pub use error::{GatewayError, SendError, SendErrorKind};
pub use metering::metric;
pub use receipt::{PendingReceipt, Receipt, StreamEnd};
pub use send::Gateway;
