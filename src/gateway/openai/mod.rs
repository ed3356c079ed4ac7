//! OpenAI's chat completions: how a request is written and how an answer is read. Sends nothing itself.

mod event;
mod request;
mod whole;

pub(super) use event::{Event, read_event};
pub(super) use request::build_request;
pub(super) use whole::read_usage;
