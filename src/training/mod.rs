//! Labels and outcomes to an artifact: fits heads, calibration, novelty and outcome tables, and writes down how. Deterministic:
//! the same rows, embedder and seed give the same bytes. Also distils the static table. Serves no request.

mod abstention;
mod assemble;
mod cascade;
mod centroid_head;
mod clusters;
mod design;
mod difficulty;
mod distill;
mod distilled_head;
mod error;
mod fields;
pub mod fine_tune;
mod folds;
mod held_out;
mod labelled;
mod linear_head;
mod margin;
mod network_head;
mod noise;
mod novelty;
mod outcome_tables;
mod output_tokens;
mod overlap;
mod principal_components;
mod quality_heads;
mod quality_rows;
mod quality_shares;
mod ridge;
mod set;
mod soft_fit;
mod stacked;
mod taught;
mod temperature;
mod whitening;

pub use assemble::{LabelNames, TrainOptions, Trained, check_labels, label_names, train};
pub use difficulty::{FittedDifficulty, fit_difficulty};
pub use distill::{DistillOptions, Distilled, distill};
pub use error::TrainingError;
pub use fields::Method;
pub use folds::stratified_folds;
pub use network_head::{NetworkHead, TunedEncoder};
pub use noise::{noisy_copies, with_noise};
pub use overlap::Withheld;
pub use set::{LabelledPrompt, OutcomeExample, TrainingSet};
pub use taught::TaughtRows;
