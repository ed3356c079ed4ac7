//! Vector to labels: cosine to learned centroids, with calibrated confidence and novelty by distance. Pure: no model is run
//! here and nothing is fitted here; `training` makes what this room reads.

mod artifact;
mod builtin;
mod centroids;
mod classify;
mod examples;
mod folder;
mod manifest;
mod novelty;
mod outcomes;
mod vector;
mod weights;
mod whitening;

pub use artifact::{ArtifactError, check_destination, read_artifact, write_artifact};
pub use builtin::builtin;
pub use centroids::CentroidHead;
pub use classify::{Classification, Classifier, Features, LabelScores, PlacedHead};
pub use examples::{ExampleIndex, Neighbour};
pub use manifest::{
    ArtifactManifest, EmbedderRecord, ExamplesManifest, FORMAT_VERSION, HeadManifest, InputRecord, NoveltyManifest,
    OutcomeManifest, TrainingCard,
};
pub use novelty::{Novelty, NoveltyModel};
pub use outcomes::OutcomeTable;
pub use vector::{dot, normalise};
pub use whitening::Whitening;
