//! The shape of `router.json`: everything an artifact says of itself beside its weights. Reads and writes no file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Raised when the meaning of the files changes.
pub const FORMAT_VERSION: u32 = 4;

/// `router.json`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactManifest {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of the prompt reader that training used.
    pub prompt_reader_version: u32,
    /// Version of the n-gram hash that training used.
    pub ngram_version: u32,
    /// blake3 of `weights.safetensors`.
    pub weights_blake3: String,
    /// blake3 of this file as it would stand with this field empty.
    pub seal: String,
    /// The embedders whose vectors the heads read.
    pub embedders: Vec<EmbedderRecord>,
    /// The task head.
    pub task: HeadManifest,
    /// The complexity head.
    pub complexity: HeadManifest,
    /// The second tier of a cascade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_tier: Option<SecondTierManifest>,
    /// Task confidence below which a prompt counts as unknown, from the risk-coverage curve of held-out rows.
    pub abstain_below: f64,
    /// Novelty.
    pub novelty: NoveltyManifest,
    /// Remembered prompts; their vectors are among the weights.
    pub examples: ExamplesManifest,
    /// Models with outcomes: mean quality and rows; the tables are among the weights.
    #[serde(default)]
    pub outcomes: BTreeMap<String, OutcomeManifest>,
    /// What moves the tables' words; absent without outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityManifest>,
    /// How it was made.
    pub card: TrainingCard,
}

/// An embedder as the artifact remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedderRecord {
    /// `builtin`, a hub name or a folder's name.
    pub name: String,
    /// Length of its vectors.
    pub dims: usize,
    /// blake3 of its files.
    pub fingerprint: String,
    /// The folder inside the artifact where its files lie; absent where the name says where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// What is fitted about a head, beside its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadManifest {
    /// Labels in order; for complexity, easiest first.
    pub labels: Vec<String>,
    /// `centroid`, `multinomial` or `ordinal`.
    pub method: String,
    /// The vectors it reads: indices into `embedders`.
    pub embedders: Vec<usize>,
    /// Label index of each centroid; empty for other methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub centroid_labels: Vec<usize>,
    /// Fitted on predictions for rows that their fold's training did not see.
    pub temperature: f32,
    /// `trained`, or the artifact it was inherited from.
    pub origin: String,
}

/// The heads of the second tier and when they are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondTierManifest {
    /// Asked when the first tier's best task leads the second best, p1 / (p1 + p2), by at least this ...
    pub from: f64,
    /// ... and by less than this.
    pub to: f64,
    /// Its own task confidence below which a prompt counts as unknown.
    pub abstain_below: f64,
    /// The task head.
    pub task: HeadManifest,
    /// The complexity head.
    pub complexity: HeadManifest,
}

/// What is fitted about novelty, beside its prototypes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoveltyManifest {
    /// Index into `embedders`.
    pub embedder: usize,
    /// Rank from which a prompt is unknown.
    pub threshold: f64,
}

/// Remembered prompts, one entry each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExamplesManifest {
    /// As in the training file.
    pub ids: Vec<String>,
    /// Task labels, empty where a row had none.
    pub tasks: Vec<String>,
    /// Complexity labels, empty where a row had none.
    pub complexities: Vec<String>,
    /// The prompts themselves; only with `--keep-examples`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
}

/// Quality of one model over its outcome rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeManifest {
    /// Mean over all rows.
    pub mean: f64,
    /// Rows.
    pub rows: usize,
    /// Mean output tokens over the rows that told them; the table by task is among the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<f64>,
}

/// The heads that move the tables' words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityManifest {
    /// Index into `embedders`.
    pub embedder: usize,
    /// How many of the nearest outcome prompts are asked.
    pub nearest: usize,
    /// How many are remembered.
    pub neighbours: usize,
    /// Length of their kept vectors.
    pub neighbour_dims: usize,
    /// blake3 of the difficulty prior whose scores the heads read; absent where its embedder is not among the artifact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    /// Index into `embedders` of the encoder that was fine-tuned on outcomes, whose own heads are among the weights; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_embedder: Option<usize>,
}

/// How an artifact was made, so that anybody can make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingCard {
    /// Short name for decisions.
    pub name: String,
    /// Seed of every choice that is made at random.
    pub seed: u64,
    /// Each input: file name, rows, blake3 of its bytes.
    pub inputs: Vec<InputRecord>,
    /// What was compared and measured, on rows held out of each fold.
    pub metrics: BTreeMap<String, Value>,
}

/// One training file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRecord {
    /// File name without its folder.
    pub file: String,
    /// `labels` or `outcomes`.
    pub kind: String,
    /// Rows.
    pub rows: usize,
    /// blake3 of its bytes.
    pub blake3: String,
}
