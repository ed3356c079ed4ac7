//! Why fine-tuning stopped, each with what the user can do about it.

use thiserror::Error;

use crate::embedder::{EmbedError, FolderError};

/// Fine-tuning stopped.
#[derive(Debug, Error)]
pub enum FineTuneError {
    /// The base model cannot be trained further.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No head has anything to learn.
    #[error("the rows hold nothing to fine-tune on: give labels, complexities or outcomes")]
    NoTargets,
    /// Too few rows.
    #[error("{rows} row(s) are left to fine-tune on; at least {least} are needed")]
    TooFewRows {
        /// Rows.
        rows: usize,
        /// The least.
        least: usize,
    },
    /// A row does not fit.
    #[error("row {row}: {what}")]
    Row {
        /// Index, counted from 0.
        row: usize,
        /// What is wrong, and the remedy.
        what: &'static str,
    },
    /// An option that makes no sense.
    #[error("{option} is {value}; {expected}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A checkpoint could not be written or read.
    #[error("checkpoint {path}: {message}")]
    Checkpoint {
        /// The file.
        path: String,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// A checkpoint that was made from something else.
    #[error(
        "checkpoint {path} belongs to another run: {what} differ(s). Finish that run with what it was started with, or delete the file to \
         begin anew"
    )]
    OtherRun {
        /// The file.
        path: String,
        /// What differs.
        what: &'static str,
    },
    /// The weights could not be written.
    #[error("{path}: {message}")]
    Weights {
        /// The file.
        path: String,
        /// What the file system said.
        message: String,
    },
    /// Learning went astray.
    #[error("the loss is no number after step {step}; lower the learning rates, the encoder's first")]
    Diverged {
        /// Steps that were taken.
        step: usize,
    },
    /// The caller asked to stop.
    #[error("stopped after step {step} of {steps}")]
    Cancelled {
        /// Steps that were taken.
        step: usize,
        /// Steps in all.
        steps: usize,
    },
    /// The device is not there, or its arithmetic failed.
    #[error("{0}")]
    Device(String),
    /// A text could not be tokenized.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

impl From<candle_core::Error> for FineTuneError {
    /// candle appends a backtrace to its messages when `RUST_BACKTRACE` is set; the first line is what a user needs.
    fn from(error: candle_core::Error) -> Self {
        Self::Device(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}
