//! Why a linear head says what it says: each feature's share in the difference between the label it chose and the one it came
//! nearest to choosing. Reads a prompt anew, so it is for explanations and not for requests. Pure.

use super::head::Head;
use super::lexical::{BLOCK_NAMES, LexicalWindows, block_of, bucket_of, named_ngrams};
use super::surface::NAMES;
use super::{Features, LabelScores};

/// What spoke for one label against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The label that won.
    pub chosen: String,
    /// The runner-up it is compared with.
    pub against: String,
    /// Shares of n-grams and surface counts, strongest first: what it is, and by how much it moved the score toward the chosen label
    /// (below 0: toward the other).
    pub features: Vec<(String, f32)>,
    /// The shares of the vectors, by embedder.
    pub vectors: Vec<(usize, f32)>,
}

/// The evidence of a linear head; `None` for centroids, which are explained by their examples.
pub fn evidence(
    head: &Head,
    features: &Features,
    windows: LexicalWindows<'_>,
    scores: &LabelScores,
) -> Option<Evidence> {
    let map = head.map()?;
    let chosen = scores.best();
    let against = (0..scores.probabilities.len())
        .filter(|label| *label != chosen)
        .max_by(|a, b| scores.probabilities[*a].total_cmp(&scores.probabilities[*b]))?;
    // An ordinal head has a score for each step between labels: those between the two labels decide.
    let difference = |weight: &dyn Fn(usize) -> f32| match head {
        Head::Ordinal(_) if chosen > against => (against..chosen).map(weight).sum::<f32>(),
        Head::Ordinal(_) => -(chosen..against).map(weight).sum::<f32>(),
        _ => weight(chosen) - weight(against),
    };
    let (lexical, dense) = (map.space().lexical(features), map.space().dense(features));
    let names = named_ngrams(windows);
    let mut found = Vec::new();
    for (key, value) in keyed(features, &lexical, &map.space().idf) {
        let share = value * difference(&|output| map.lexical_weight(bucket_of(key), output));
        let ngrams = names.get(&key).map(|ngrams| ngrams.join(" / ")).unwrap_or_default();
        let block = BLOCK_NAMES[block_of(key) as usize % BLOCK_NAMES.len()];
        found.push((format!("{ngrams:?} ({block})"), share));
    }
    for (column, name) in NAMES.iter().enumerate() {
        found.push(((*name).to_owned(), dense[column] * difference(&|output| map.dense_weight(column, output))));
    }
    found.retain(|(_, share)| *share != 0.0);
    found.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let mut column = NAMES.len();
    let mut vectors = Vec::new();
    for input in &map.space().vectors {
        let columns = column..column + input.mean.len();
        column = columns.end;
        let share = columns.map(|at| dense[at] * difference(&|output| map.dense_weight(at, output))).sum();
        vectors.push((input.embedder, share));
    }
    let labels = head.labels();
    Some(Evidence { chosen: labels[chosen].clone(), against: labels[against].clone(), features: found, vectors })
}

/// The lexical values of a row beside the keys they were made from: buckets that training never saw have no value.
fn keyed(features: &Features, lexical: &[(u32, f32)], idf: &[f32]) -> Vec<(u32, f32)> {
    let seen = features.ngrams.iter().map(|(key, _)| *key).filter(|key| idf[bucket_of(*key) as usize] > 0.0);
    seen.zip(lexical).map(|(key, (_, value))| (key, *value)).collect()
}
