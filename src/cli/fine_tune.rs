//! The flags of `train --fine-tune`, and what they say.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::train;
use crate::commands::train::options::{self, Averaging, CheckpointOptions, FineTuneOptions};

/// Seconds between two checkpoints.
const CHECKPOINT_SECONDS: u64 = 60;

/// What stands where a flag is not given.
struct Defaults {
    epochs: usize,
    encoder_rate: f64,
    max_tokens: usize,
    looks_per_epoch: usize,
    average_last: usize,
}

const OF_LABELS: Defaults =
    Defaults { epochs: 5, encoder_rate: 1e-4, max_tokens: 96, looks_per_epoch: 1, average_last: 0 };
const OF_QUALITY: Defaults =
    Defaults { epochs: 2, encoder_rate: 5e-5, max_tokens: 128, looks_per_epoch: 4, average_last: 3 };

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

/// What the artifact keeps the encoder's matrices as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EncoderPrecision {
    /// Numbers of 16 bits.
    F16,
    /// Bytes, with a scale an output: half the size, three times as fast, vectors a little off. The heads are fitted on those.
    Int8,
}

/// `train --fine-tune`
#[derive(Debug, Args)]
#[command(next_help_heading = "Fine-tuning")]
pub struct FineTuneArgs {
    /// Train the encoder too, on the labels, the outcomes or both, and put it into the artifact. --embedder then names the model to begin from (all-MiniLM-L6-v2
    /// where it names none), or cascade for the built-in one first and the trained one where that is unsure.
    #[arg(long)]
    pub fine_tune: bool,
    /// Field of a finer label that the encoder learns beside the task.
    #[arg(long, value_name = "FIELD", requires = "fine_tune")]
    pub auxiliary_field: Option<String>,
    /// Prompts without labels, {"prompt"} or {"text"} a line: the trained encoder says what it thinks of each, and the first tier of a cascade learns that too.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "fine_tune")]
    pub unlabelled: Vec<PathBuf>,
    /// Times that every row is learnt from [default: 5; 2 for outcomes alone].
    #[arg(long, value_name = "N", requires = "fine_tune")]
    pub epochs: Option<usize>,
    /// Rows of a step.
    #[arg(long, default_value_t = 32, value_name = "N", requires = "fine_tune")]
    pub batch: usize,
    /// Learning rate of the encoder [default: 1e-4; 5e-5 for outcomes alone].
    #[arg(long, value_name = "RATE", requires = "fine_tune")]
    pub encoder_rate: Option<f64>,
    /// Learning rate of the heads.
    #[arg(long, default_value_t = 2e-3, value_name = "RATE", requires = "fine_tune")]
    pub head_rate: f64,
    /// Tokens that the encoder reads of a prompt, then and ever after: two thirds from its front, one third from its back
    /// [default: 96; 128 for outcomes alone].
    #[arg(long, value_name = "N", requires = "fine_tune")]
    pub max_tokens: Option<usize>,
    /// Copies of each labelled prompt with slips, greetings and demands that some epochs read instead of it: with 2, every third reads it as it is.
    #[arg(long, default_value_t = 0, value_name = "N", requires = "fine_tune")]
    pub noisy_copies: usize,
    /// What rare labels weigh.
    #[arg(long, value_enum, default_value_t = ClassWeights::Sqrt, requires = "fine_tune")]
    pub class_weights: ClassWeights,
    /// How often in an epoch the kept rows are looked at, and the best weights so far kept [default: 1; 4 for outcomes alone].
    #[arg(long, value_name = "N", requires = "fine_tune")]
    pub looks_per_epoch: Option<usize>,
    /// Keep the mean of the weights at the last N looks instead of one look's; 0 for one look's [default: 0; 3 for outcomes alone].
    #[arg(long, value_name = "N", requires = "fine_tune")]
    pub average_last: Option<usize>,
    /// Share of the rows that the encoder does not learn from: the best look, the heads and their calibration are chosen on them.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE", requires = "fine_tune")]
    pub validation: f64,
    /// Stop after so many looks without a better one; 0 for never.
    #[arg(long, default_value_t = 0, value_name = "N", requires = "fine_tune")]
    pub patience: usize,
    /// What the artifact keeps the encoder's matrices as, and serves it as unless the configuration says otherwise.
    #[arg(long, value_enum, default_value_t = EncoderPrecision::F16, requires = "fine_tune")]
    pub encoder_precision: EncoderPrecision,
    /// Where it runs.
    #[arg(long, value_enum, default_value_t = Device::Cpu, requires = "fine_tune")]
    pub device: Device,
    /// Keep the run in this file every minute, so that it can be gone on with after a kill; deleted when the artifact is written.
    #[arg(long, value_name = "FILE", requires = "fine_tune")]
    pub checkpoint: Option<PathBuf>,
    /// Write the checkpoint after every N steps too; 0 for by time alone.
    #[arg(long, default_value_t = 0, value_name = "N", requires = "checkpoint")]
    pub checkpoint_steps: usize,
    /// Go on from the checkpoint, with the same rows and flags; without a file, begin.
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
    /// Keep the checkpoint when the artifact is written: the same command with --resume and another --encoder-precision then writes another artifact of
    /// the same run without training again.
    #[arg(long, requires = "checkpoint")]
    pub keep_checkpoint: bool,
}

impl FineTuneArgs {
    /// What to do, if it was asked for. Quality alone has defaults of its own: scores of models say little of each prompt, so that an encoder soon knows them
    /// by heart.
    pub fn command(self, seed: u64, is_quality_alone: bool) -> Option<train::FineTuneCommand> {
        if !self.fine_tune {
            return None;
        }
        let resume = self.resume;
        let defaults = if is_quality_alone { &OF_QUALITY } else { &OF_LABELS };
        let averaged = self.average_last.unwrap_or(defaults.average_last);
        let how = FineTuneOptions {
            epochs: self.epochs.unwrap_or(defaults.epochs),
            batch: self.batch,
            encoder_rate: self.encoder_rate.unwrap_or(defaults.encoder_rate),
            head_rate: self.head_rate,
            class_weights: match self.class_weights {
                ClassWeights::None => options::ClassWeights::None,
                ClassWeights::Sqrt => options::ClassWeights::Sqrt,
                ClassWeights::Balanced => options::ClassWeights::Balanced,
            },
            evaluations_per_epoch: self.looks_per_epoch.unwrap_or(defaults.looks_per_epoch),
            averaging: if averaged == 0 { Averaging::None } else { Averaging::Last(averaged) },
            patience: self.patience,
            seed,
            device: match self.device {
                Device::Cpu => options::TrainingDevice::Cpu,
                Device::Cuda => options::TrainingDevice::Cuda,
            },
            checkpoint: self.checkpoint.map(|path| CheckpointOptions {
                path,
                every_steps: self.checkpoint_steps,
                every_seconds: CHECKPOINT_SECONDS,
                resume,
            }),
            ..FineTuneOptions::default()
        };
        let encoder_precision = match self.encoder_precision {
            EncoderPrecision::F16 => train::EncoderPrecision::F16,
            EncoderPrecision::Int8 => train::EncoderPrecision::Int8,
        };
        Some(train::FineTuneCommand {
            auxiliary_field: self.auxiliary_field,
            unlabelled: self.unlabelled,
            noisy_copies: self.noisy_copies,
            max_tokens: self.max_tokens.unwrap_or(defaults.max_tokens),
            validation: self.validation,
            encoder_precision,
            keep_checkpoint: self.keep_checkpoint,
            options: how,
        })
    }
}
