//! The shapes of a chat conversation, as OpenAI's API has them: what every room may read. Pure: no IO, no policy, and no
//! field is dropped, so that what a client sends reaches the provider as it was written.

mod content;
mod error_body;
mod raw_object;
mod request;
mod usage;

pub use content::{Content, Part};
pub use error_body::{ErrorBody, ErrorDetail};
pub use request::{ChatRequest, InvalidRequest, Message, Role};
pub use usage::Usage;
