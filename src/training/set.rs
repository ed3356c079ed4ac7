//! What training sees of the rows: features and labels, kept column by column and small. How they came from files is the
//! command's business.

use std::collections::BTreeMap;

use super::design::{NgramRows, VectorColumn};
use super::network_head::TunedEncoder;
use super::taught::TaughtRows;
use crate::classifier::{Features, InputRecord, SURFACE_FEATURES};
use crate::embedder::EmbedderIdentity;

/// One labelled prompt on its way into a set.
#[derive(Debug, Clone, Default)]
pub struct LabelledPrompt {
    /// What the artifact remembers it by.
    pub id: String,
    /// File and line, for messages.
    pub place: String,
    /// The prompt, if the artifact may keep it.
    pub text: Option<String>,
    /// Its task, if labelled.
    pub task: Option<String>,
    /// Its complexity, if labelled.
    pub complexity: Option<String>,
    /// Rows of one batch were written together: where there are enough batches, whole batches are held out.
    pub batch: usize,
    /// Learnt from, but never measured on and not remembered: a row from elsewhere, unlike those that the artifact is for.
    pub is_extra: bool,
    /// For a noisy copy, the row it is a copy of. Copies are learnt from where their original is, and never measured.
    pub copy_of: Option<usize>,
}

/// All rows for one artifact.
#[derive(Debug, Clone, Default)]
pub struct TrainingSet {
    /// What made the vectors: one embedder, or for a cascade the static one and then the transformer.
    pub embedders: Vec<EmbedderIdentity>,
    /// Where the rows came from, for the card.
    pub inputs: Vec<InputRecord>,
    /// What is known of an embedder that was fine-tuned on these rows.
    pub tuned: Option<TunedEncoder>,
    /// Prompts without labels, of which that embedder said what it thinks; for the first tier to learn from.
    pub taught: Option<TaughtRows>,
    pub(super) rows: Vec<LabelledPrompt>,
    pub(super) ngrams: NgramRows,
    pub(super) surface: Vec<[f32; SURFACE_FEATURES]>,
    /// One column an embedder.
    pub(super) vectors: Vec<VectorColumn>,
}

/// How models answered one prompt.
#[derive(Debug, Clone, Default)]
pub struct OutcomeExample {
    /// The classifier's features, one vector for each of its embedders.
    pub features: Features,
    /// Quality per model, 0..1.
    pub scores: BTreeMap<String, f64>,
    /// Real cost per model in USD, where it is known.
    pub cost_usd: BTreeMap<String, f64>,
    /// Length of each model's answer in tokens, where it is known.
    pub output_tokens: BTreeMap<String, f64>,
    /// Estimated tokens of the prompt: its characters over 4.
    pub input_tokens: f64,
}

impl TrainingSet {
    /// An empty set for rows with vectors of these embedders.
    pub fn new(embedders: Vec<EmbedderIdentity>, inputs: Vec<InputRecord>) -> Self {
        let vectors =
            embedders.iter().map(|identity| VectorColumn { dims: identity.dims, values: Vec::new() }).collect();
        Self { embedders, inputs, vectors, ..Self::default() }
    }

    /// Adds a row; gives its index. A vector that is missing is taken for zeros.
    pub fn push(&mut self, prompt: LabelledPrompt, features: &Features) -> usize {
        self.ngrams.push(features);
        self.surface.push(features.surface);
        for (embedder, column) in self.vectors.iter_mut().enumerate() {
            match features.vector(embedder) {
                Some(vector) => column.values.extend_from_slice(vector),
                None => column.values.resize(column.values.len() + column.dims, 0.0),
            }
        }
        self.rows.push(prompt);
        self.rows.len() - 1
    }

    /// Adds a noisy copy of a row; where it has no vector of an embedder, it gets its original's.
    pub fn push_copy(&mut self, original: usize, prompt: LabelledPrompt, mut features: Features) -> usize {
        for (embedder, vector) in features.vectors.iter_mut().enumerate() {
            if vector.is_none() {
                *vector = self.vectors.get(embedder).map(|column| column.row(original).to_vec());
            }
        }
        self.push(LabelledPrompt { copy_of: Some(original), text: None, ..prompt }, &features)
    }

    /// Rows, copies included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that are no copies.
    pub(super) fn originals(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|row| self.rows[*row].copy_of.is_none()).collect()
    }
}
