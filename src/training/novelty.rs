//! Fits novelty: prototypes of the training prompts, and the distances that prompts held out of training have to them.

use super::TrainingError;
use super::clusters::centres;
use super::folds::stratified_folds;
use crate::classifier::{NoveltyModel, normalise};

/// Bounded, so that the cost of a request does not grow with the training set.
const MOST_PROTOTYPES: usize = 256;
const ROWS_PER_PROTOTYPE: usize = 4;
const FOLDS: usize = 5;
const QUANTILES: usize = 101;
/// This share of prompts like those of training is taken for known.
const KNOWN_SHARE: f64 = 0.98;

/// Fits on the vectors of one embedder.
pub(super) fn fit(vectors: &[&[f32]], seed: u64) -> Result<NoveltyModel, TrainingError> {
    let every_row: Vec<usize> = (0..vectors.len()).collect();
    let folds = FOLDS.min(vectors.len());
    let fold_of = stratified_folds(&vec![0; vectors.len()], folds, seed);
    let mut distances = Vec::with_capacity(vectors.len());
    for fold in 0..folds {
        let (test, used): (Vec<usize>, Vec<usize>) = every_row.iter().partition(|&&row| fold_of[row] == fold);
        let model = with_quantiles(vectors, &used, vec![0.0, 2.0], seed)?;
        distances.extend(test.iter().map(|&row| model.distance(vectors[row])));
    }
    distances.sort_by(f32::total_cmp);
    let last = distances.len().saturating_sub(1);
    let quantiles = (0..QUANTILES).map(|step| distances[step * last / (QUANTILES - 1)]).collect();
    with_quantiles(vectors, &every_row, quantiles, seed)
}

fn with_quantiles(
    vectors: &[&[f32]],
    used: &[usize],
    quantiles: Vec<f32>,
    seed: u64,
) -> Result<NoveltyModel, TrainingError> {
    let dims = vectors.first().map_or(0, |vector| vector.len());
    let mut mean = vec![0.0f64; dims];
    for &row in used {
        mean.iter_mut().zip(vectors[row]).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let mean: Vec<f32> = mean.iter().map(|sum| (sum / used.len().max(1) as f64) as f32).collect();
    let points: Vec<Vec<f32>> = used
        .iter()
        .map(|&row| {
            let mut centred: Vec<f32> = vectors[row].iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            normalise(&mut centred);
            centred
        })
        .collect();
    let count = (used.len() / ROWS_PER_PROTOTYPE).clamp(1, MOST_PROTOTYPES);
    let prototypes = centres(&points, count, seed).concat();
    NoveltyModel::new(mean, prototypes, quantiles, KNOWN_SHARE)
        .map_err(|_| TrainingError::Numeric("novelty could not be fitted; are all vectors finite?"))
}
