//! Features to labels: linear heads over n-grams, surface and vectors, or cosine to learned centroids; calibrated confidence, and
//! novelty by distance. Pure: no model is run here and nothing is fitted here; `training` makes what this room reads.

mod artifact;
mod builtin;
mod by_model;
mod centroids;
mod classify;
mod difficulty;
mod evidence;
mod examples;
mod expected_cost;
mod feature_space;
mod features;
mod folder;
mod head;
mod kernels;
mod lexical;
mod linear;
mod manifest;
mod neighbours;
mod network_quality;
mod novelty;
mod outcome_weights;
mod outcomes;
mod packed_features;
mod quality;
mod surface;
mod validation;
mod vector;
mod weights;
mod whitening;

pub use artifact::{
    ArtifactError, ENCODER_FOLDER, check_destination, read_artifact, write_artifact, write_artifact_with,
};
pub use builtin::builtin;
pub use by_model::ByModel;
pub use centroids::CentroidHead;
pub use classify::{Classification, Classifier, SecondTier, TierHeads};
pub use difficulty::{
    DIFFICULTY_COLUMNS, DIFFICULTY_MANIFEST, DIFFICULTY_VERSION, DIFFICULTY_WEIGHTS, DifficultyManifest,
    DifficultyPrior, DifficultyReader, MOST_SURFACE_DEVIATIONS, builtin_difficulty, difficulty_of, write_difficulty,
};
pub use evidence::{Evidence, evidence};
pub use examples::{ExampleIndex, Neighbour};
pub use expected_cost::{CostForecast, OutcomeCosts, UNKNOWN_COST};
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
pub use neighbours::{OutcomeNeighbours, UNKNOWN_SCORE};
pub use network_quality::{NetworkQuality, quality_of_score};
pub use novelty::{Novelty, NoveltyModel};
pub use outcomes::{OutcomeTable, joint};
pub use packed_features::{PackedFeatures, SpaceName};
pub use quality::{ModelForecast, QualityHeads, quality_columns};
pub use surface::{NAMES as SURFACE_NAMES, SURFACE_FEATURES};
pub use validation::{CostQualityCurve, CurvePoint, HeldOutRows, UNKNOWN_TOKENS, ValidationOutcomes};
pub use vector::{dot, normalise};
pub use whitening::Whitening;
