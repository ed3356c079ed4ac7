//! Trains an encoder of the BERT family further, together with heads for whatever the rows tell: tasks, a finer label beside them, complexity, the quality
//! of many models. Token ids and targets go in, weights come out. Reads one model folder and changes none; knows nothing of files of rows, artifacts and
//! commands.
//!
//! On the processor the forward and the backward pass are kernels of this room, over the products that serving multiplies with; the heads' small part is
//! differentiated by candle, and so is everything on an accelerator.

mod averaging;
mod batch;
mod checkpoint;
mod encoder;
mod error;
mod evaluate;
mod heads;
mod kernels;
mod network;
mod optimiser;
mod options;
mod parameters;
mod plain;
mod rows;
mod trainer;
mod tuned;

pub use error::FineTuneError;
pub use evaluate::Evaluation;
pub use network::Said;
pub use options::{Averaging, CheckpointOptions, ClassWeights, FineTuneOptions, TrainingDevice};
pub use rows::{FineTuneRow, Targets, tokenize};
pub use trainer::{FineTuneRows, Progress, fine_tune};
pub use tuned::FineTuned;

#[cfg(test)]
mod tests;
