//! A static table from a transformer, in the way of model2vec (Tulkens and van Dongen 2024): every token of the vocabulary
//! through the transformer by itself, principal components, a weight by frequency (Arora et al. 2017), int8 rows.

use ndarray::{Array2, Axis};

use super::TrainingError;
use super::principal_components::PrincipalComponents;
use crate::embedder::{Embedder, TableRows, TokenIds, Transformer};

const TOKENS_A_BATCH: usize = 512;

/// What is distilled, beside the transformer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistillOptions {
    /// Columns of the table.
    pub dims: usize,
    /// `a` of the weight a / (a + p(token)): small values silence frequent words.
    pub frequency_smoothing: f64,
}

impl Default for DistillOptions {
    fn default() -> Self {
        Self { dims: 256, frequency_smoothing: 1e-3 }
    }
}

/// A distilled table.
pub struct Distilled {
    /// Token by id.
    pub vocabulary: Vec<String>,
    /// `vocabulary.len() * dims` signed bytes.
    pub rows: Vec<u8>,
    /// One a token; 0 for tokens that carry no meaning.
    pub scales: Vec<f32>,
    /// Columns.
    pub dims: usize,
    /// Share of the variance that the components keep, 0..1.
    pub explained_variance: f64,
}

impl Distilled {
    /// As the table file wants it.
    pub fn table(&self) -> TableRows<'_> {
        TableRows { rows: &self.rows, scales: self.scales.clone(), dims: self.dims }
    }
}

/// Distils. `progress` is told how many tokens are done.
pub fn distill(
    transformer: &Transformer,
    options: DistillOptions,
    progress: &dyn Fn(usize),
) -> Result<Distilled, TrainingError> {
    let vocabulary = transformer.vocabulary();
    let tokens = (0..vocabulary.len())
        .map(|id| transformer.wrap_token(u32::try_from(id).unwrap_or(u32::MAX)))
        .collect::<Result<Vec<TokenIds>, _>>()?;
    let mut vectors = Vec::new();
    for batch in tokens.chunks(TOKENS_A_BATCH) {
        let borrowed: Vec<&TokenIds> = batch.iter().collect();
        let embeddings = transformer.forward(&borrowed)?;
        vectors.extend(embeddings.into_iter().flat_map(|embedding| embedding.vector).map(f64::from));
        progress(vectors.len() / transformer.identity().dims.max(1));
    }
    let vectors = Array2::from_shape_vec((tokens.len(), transformer.identity().dims), vectors)
        .map_err(|_| TrainingError::Numeric("the transformer gave vectors of another length than it states"))?;
    let real: Vec<usize> = (0..vocabulary.len()).filter(|&id| !is_reserved(&vocabulary[id])).collect();
    let dims = options.dims.min(transformer.identity().dims);
    let components = PrincipalComponents::of(&vectors.select(Axis(0), &real), dims);
    let projected = components.project(&vectors);
    let weights = frequency_weights(&vocabulary, options.frequency_smoothing);
    let mut rows = Vec::with_capacity(vocabulary.len() * dims);
    let mut scales = Vec::with_capacity(vocabulary.len());
    for ((vector, token), weight) in projected.rows().into_iter().zip(&vocabulary).zip(weights) {
        let most = vector.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        if is_reserved(token) || most == 0.0 {
            rows.resize(rows.len() + dims, 0);
            scales.push(0.0);
            continue;
        }
        let step = most / 127.0;
        rows.extend(vector.iter().map(|x| ((x / step).round() as i8).cast_unsigned()));
        scales.push((step * weight) as f32);
    }
    Ok(Distilled { vocabulary, rows, scales, dims, explained_variance: components.explained })
}

/// `[PAD]`, `[unused17]` and their like mean nothing.
fn is_reserved(token: &str) -> bool {
    token.is_empty() || (token.len() > 2 && token.starts_with('[') && token.ends_with(']'))
}

/// a / (a + p), with p by Zipf's law over the vocabulary's own order: WordPiece vocabularies list whole words by frequency,
/// after the single characters. Punctuation is as frequent as the most frequent words; other single characters, mostly of
/// rare scripts, are rare.
fn frequency_weights(vocabulary: &[String], smoothing: f64) -> Vec<f64> {
    let first_word = vocabulary
        .iter()
        .position(|token| !is_reserved(token) && !token.starts_with("##") && token.chars().count() > 1)
        .unwrap_or(0);
    let harmonic: f64 = (1..=vocabulary.len()).map(|rank| 1.0 / rank as f64).sum();
    let probability = |rank: usize| 1.0 / (rank.max(1) as f64 * harmonic);
    let frequent = probability(10);
    vocabulary
        .iter()
        .enumerate()
        .map(|(id, token)| {
            let p = match id.checked_sub(first_word) {
                Some(rank) => probability(rank + 1),
                None if token.chars().all(|c| c.is_ascii_punctuation()) => frequent,
                None => probability(vocabulary.len() / 2),
            };
            smoothing / (smoothing + p)
        })
        .collect()
}
