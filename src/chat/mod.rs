//! The shapes of a chat conversation, as OpenAI's API has them: what every room may read. Pure: no IO, no policy, and no
//! field is dropped, so that what a client sends reaches the provider as it was written.

mod content;
mod error_body;
mod origin;
mod raw_object;
mod request;
mod told_error;
mod usage;

pub use content::{Content, Part};
pub use error_body::{ErrorBody, ErrorDetail};
pub use origin::Origin;
pub use request::{BodyWith, ChatRequest, InvalidRequest, Message, Role};
pub use told_error::{error_in, error_message, is_error_body};
pub use usage::Usage;
