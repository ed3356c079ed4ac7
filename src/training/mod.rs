//! Labels and outcomes to an artifact: fits heads, calibration, novelty and outcome tables, and writes down how. Deterministic:
//! the same rows, embedder and seed give the same bytes. Also distils the static table. Serves no request.

mod assemble;
mod centroid_head;
mod clusters;
mod distill;
mod error;
mod examples;
mod folds;
mod novelty;
mod outcome_tables;
mod principal_components;
mod random;
mod temperature;
mod whitening;

pub use assemble::{TrainOptions, Trained, train};
pub use distill::{DistillOptions, Distilled, distill};
pub use error::TrainingError;
pub use examples::{Example, OutcomeExample, TrainingSet};
pub use folds::stratified_folds;
