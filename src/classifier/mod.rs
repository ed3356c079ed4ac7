//! Features to labels: linear heads over n-grams, surface and vectors, or cosine to learned centroids; calibrated confidence, and
//! novelty by distance. Pure: no model is run here and nothing is fitted here; `training` makes what this room reads.

mod artifact;
mod builtin;
mod centroids;
mod classify;
mod evidence;
mod examples;
mod feature_space;
mod features;
mod folder;
mod head;
mod lexical;
mod linear;
mod manifest;
mod novelty;
mod outcomes;
mod quality;
mod surface;
mod vector;
mod weights;
mod whitening;

pub use artifact::{ArtifactError, check_destination, read_artifact, write_artifact};
pub use builtin::builtin;
pub use centroids::CentroidHead;
pub use classify::{Classification, Classifier, SecondTier, TierHeads};
pub use evidence::{Evidence, evidence};
pub use examples::{ExampleIndex, Neighbour};
pub use feature_space::{
    FeatureSpace, SURFACE_WEIGHT, VectorInput, WeighedNgrams, byte_of_idf, idf_of_byte, term_frequency,
};
pub use features::Features;
pub use head::{Head, LabelScores, MultinomialHead, OrdinalHead, lead, ordinal_probabilities, softmax};
pub use lexical::{BLOCKS, BUCKETS, LexicalWindows, NGRAM_VERSION, NgramCounts, block_of, bucket_of};
pub use linear::LinearMap;
pub use manifest::{
    ArtifactManifest, EmbedderRecord, ExamplesManifest, FORMAT_VERSION, HeadManifest, InputRecord, NoveltyManifest,
    OutcomeManifest, QualityManifest, SecondTierManifest, TrainingCard,
};
pub use novelty::{Novelty, NoveltyModel};
pub use outcomes::OutcomeTable;
pub use quality::{ModelForecast, OutcomeNeighbours, QualityHeads, UNKNOWN_COST, UNKNOWN_SCORE, quality_columns};
pub use surface::{NAMES as SURFACE_NAMES, SURFACE_FEATURES};
pub use vector::{dot, normalise};
pub use whitening::Whitening;
