//! From a conversation to the words that are classified. Pure, and bounded: whatever the size of the request, only windows of
//! fixed size are looked at, and `truncated` tells when words were left unread.

mod conversation;
mod windows;

pub use conversation::words_of;
pub use windows::{PromptText, read};

/// Raised whenever reading changes, because an artifact is only right for the reading it was trained with.
pub const READER_VERSION: u32 = 1;
