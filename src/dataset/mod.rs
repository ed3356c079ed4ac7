//! Rows from files: prompts, labels, outcomes. Streams line by line; a bad row is named by file and line. Knows nothing of
//! models or labels' meaning.

mod jsonl;
mod rows;
mod unlabelled;

use thiserror::Error;

pub use jsonl::{JsonLines, MAX_LINE_BYTES};
pub use rows::{CHARS_A_TOKEN, LabelFields, LabelRow, OutcomeRow, PairRow, PromptRow, PromptSource};
pub use unlabelled::UnlabelledPrompts;

/// Why a file's rows could not be read.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The file system said no.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What it said.
        cause: std::io::Error,
    },
    /// A row is wrong.
    #[error("{path}:{line}: {message}")]
    Row {
        /// The file.
        path: String,
        /// 1-based.
        line: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// No row at all.
    #[error("{path}: the file holds no rows; write one JSON object a line")]
    Empty {
        /// The file.
        path: String,
    },
}
