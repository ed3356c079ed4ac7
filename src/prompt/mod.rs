//! From a conversation to the words that are classified. Pure, and bounded: whatever the size of the request, only windows of
//! fixed size are looked at, and `truncated` tells when words were left unread.

mod block_names;
mod blocks;
mod conversation;
mod demand_words;
mod demands;
mod failed_tools;
mod failure_signs;
mod follow_up;
mod follow_up_phrases;
mod kept_words;
mod language;
mod lines;
mod notices;
mod own_words;
pub mod personal_data;
mod tags;
mod templates;
mod tool_results;
mod transcripts;
mod view;
mod windows;

pub use conversation::{UserWords, last_words, user_words};
pub use failed_tools::failed_tool_turns;
pub use kept_words::{ends_of, redacted};
pub use language::{Language, language};
pub use own_words::own_words;
pub use windows::{PromptText, read};

/// Raised whenever reading changes, because an artifact is only right for the reading it was trained with.
pub const READER_VERSION: u32 = 2;
