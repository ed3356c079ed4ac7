//! The flags of `train --fine-tune`, and what they say.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::train::FineTuneCommand;
use crate::commands::train::options::{self, Averaging, CheckpointOptions, FineTuneOptions};

/// Seconds between two checkpoints.
const CHECKPOINT_SECONDS: u64 = 60;

/// What rare labels weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClassWeights {
    /// Every row the same.
    None,
    /// The root of what would make every label the same.
    Sqrt,
    /// Every label the same.
    Balanced,
}

/// Where fine-tuning runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The first CUDA device; needs a build with that feature.
    Cuda,
}

/// `train --fine-tune`
#[derive(Debug, Args)]
#[command(next_help_heading = "Fine-tuning")]
pub struct FineTuneArgs {
    /// Train the encoder too, on the labels, and put it into the artifact. --embedder then names the model to begin from (all-MiniLM-L6-v2
    /// where it names none), or cascade for the built-in one first and the trained one where that is unsure.
    #[arg(long)]
    pub fine_tune: bool,
    /// Field of a finer label that the encoder learns beside the task.
    #[arg(long, value_name = "FIELD", requires = "fine_tune")]
    pub auxiliary_field: Option<String>,
    /// Prompts without labels, {"prompt"} or {"text"} a line: the trained encoder says what it thinks of each, and the first tier of a cascade learns that too.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "fine_tune")]
    pub unlabelled: Vec<PathBuf>,
    /// Times that every row is learnt from.
    #[arg(long, default_value_t = 5, value_name = "N", requires = "fine_tune")]
    pub epochs: usize,
    /// Rows of a step.
    #[arg(long, default_value_t = 32, value_name = "N", requires = "fine_tune")]
    pub batch: usize,
    /// Learning rate of the encoder.
    #[arg(long, default_value_t = 1e-4, value_name = "RATE", requires = "fine_tune")]
    pub encoder_rate: f64,
    /// Learning rate of the heads.
    #[arg(long, default_value_t = 2e-3, value_name = "RATE", requires = "fine_tune")]
    pub head_rate: f64,
    /// Tokens that the encoder reads of a prompt, then and ever after: two thirds from its front, one third from its back.
    #[arg(long, default_value_t = 96, value_name = "N", requires = "fine_tune")]
    pub max_tokens: usize,
    /// What rare labels weigh.
    #[arg(long, value_enum, default_value_t = ClassWeights::Sqrt, requires = "fine_tune")]
    pub class_weights: ClassWeights,
    /// Keep the mean of the weights after the last N epochs instead of one epoch's.
    #[arg(long, value_name = "N", requires = "fine_tune")]
    pub average_last: Option<usize>,
    /// Share of the rows that the encoder does not learn from: the best epoch, the heads and their calibration are chosen on them.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE", requires = "fine_tune")]
    pub validation: f64,
    /// Stop after so many epochs without a better one; 0 for never.
    #[arg(long, default_value_t = 0, value_name = "N", requires = "fine_tune")]
    pub patience: usize,
    /// Where it runs.
    #[arg(long, value_enum, default_value_t = Device::Cpu, requires = "fine_tune")]
    pub device: Device,
    /// Keep the run in this file every minute, so that it can be gone on with after a kill; deleted when the artifact is written.
    #[arg(long, value_name = "FILE", requires = "fine_tune")]
    pub checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint, with the same rows and flags; without a file, begin.
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
}

impl FineTuneArgs {
    /// What to do, if it was asked for.
    pub fn command(self, seed: u64) -> Option<FineTuneCommand> {
        if !self.fine_tune {
            return None;
        }
        let resume = self.resume;
        let how = FineTuneOptions {
            epochs: self.epochs,
            batch: self.batch,
            encoder_rate: self.encoder_rate,
            head_rate: self.head_rate,
            class_weights: match self.class_weights {
                ClassWeights::None => options::ClassWeights::None,
                ClassWeights::Sqrt => options::ClassWeights::Sqrt,
                ClassWeights::Balanced => options::ClassWeights::Balanced,
            },
            averaging: self.average_last.map_or(Averaging::None, Averaging::Last),
            patience: self.patience,
            seed,
            device: match self.device {
                Device::Cpu => options::TrainingDevice::Cpu,
                Device::Cuda => options::TrainingDevice::Cuda,
            },
            checkpoint: self.checkpoint.map(|path| CheckpointOptions {
                path,
                every_steps: 0,
                every_seconds: CHECKPOINT_SECONDS,
                resume,
            }),
            ..FineTuneOptions::default()
        };
        Some(FineTuneCommand {
            auxiliary_field: self.auxiliary_field,
            unlabelled: self.unlabelled,
            max_tokens: self.max_tokens,
            validation: self.validation,
            options: how,
        })
    }
}
