//! Fits a centroid head: tries shrinkages and numbers of centroids on held-out folds, calibrates on the same held-out
//! predictions, then fits the winner on all rows.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::TrainingError;
use super::clusters::centres;
use super::design::VectorColumn;
use super::folds::Folds;
use super::held_out::{HeldOut, Scores};
use super::labelled::Labelled;
use super::linear_head::{FittedHead, round};
use super::set::TrainingSet;
use super::whitening::LabelSpread;
use crate::classifier::{CentroidHead, Head, normalise};

const SHRINKAGES: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.4];
const CENTROIDS_PER_LABEL: [usize; 3] = [1, 2, 4];
/// A label gets a further centroid only for this many rows each.
const ROWS_PER_CENTROID: usize = 10;

/// What is tried on the folds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shape {
    shrinkage: f64,
    centroids_per_label: usize,
}

/// Chooses, calibrates and fits, on the vectors of one embedder.
pub(super) fn fit(
    set: &TrainingSet,
    data: &Labelled,
    folds: &Folds,
    embedder: usize,
    seed: u64,
) -> Result<FittedHead, TrainingError> {
    let vectors = &set.vectors[embedder];
    let shapes: Vec<Shape> = SHRINKAGES
        .into_iter()
        .flat_map(|shrinkage| {
            CENTROIDS_PER_LABEL.into_iter().map(move |centroids_per_label| Shape { shrinkage, centroids_per_label })
        })
        .collect();
    let held_out = held_out_cosines(set, data, folds, vectors, &shapes, seed)?;
    let tried: Vec<(f32, f64)> = held_out
        .par_iter()
        .map(|held| {
            let temperature = held.best_temperature();
            (temperature, held.log_loss(temperature))
        })
        .collect();
    // Least log loss: accuracy alone would not tell a confident mistake from a hesitant one.
    let best = (0..tried.len()).min_by(|&a, &b| tried[a].1.total_cmp(&tried[b].1)).unwrap_or(0);
    let (shape, (temperature, _)) = (shapes[best], tried[best]);
    let rows = data.originals(set);
    let head = fit_shape(data, vectors, &rows, &LabelSpread::of(data, vectors, &rows), shape, temperature, seed)?;
    let metrics = json!({
        "shrinkage": shape.shrinkage,
        "centroids_per_label": shape.centroids_per_label,
        "temperature": temperature,
        "tried": shapes
            .iter()
            .zip(&tried)
            .map(|(shape, (_, loss))| {
                json!({
                    "shrinkage": shape.shrinkage,
                    "centroids_per_label": shape.centroids_per_label,
                    "log_loss": round(*loss),
                })
            })
            .collect::<Vec<Value>>(),
    });
    let held_out = held_out.into_iter().nth(best).unwrap_or_default();
    Ok(FittedHead { head: Head::Centroid { head, embedder }, held_out, metrics })
}

/// For every shape, each row's cosines by the head that did not see the row's fold.
fn held_out_cosines(
    set: &TrainingSet,
    data: &Labelled,
    folds: &Folds,
    vectors: &VectorColumn,
    shapes: &[Shape],
    seed: u64,
) -> Result<Vec<HeldOut>, TrainingError> {
    let mut held_out = vec![HeldOut::default(); shapes.len()];
    for fold in 0..folds.measured {
        let (mut used, held) = folds.split(set, data, fold);
        used.retain(|row| set.rows[*row].copy_of.is_none());
        let spread = LabelSpread::of(data, vectors, &used);
        let scored: Vec<Vec<Scores>> = shapes
            .par_iter()
            .map(|shape| {
                let head = fit_shape(data, vectors, &used, &spread, *shape, 1.0, seed)?;
                Ok(held.iter().map(|&row| Scores::Labels(head.cosines(vectors.row(row)))).collect())
            })
            .collect::<Result<_, TrainingError>>()?;
        for (of_shape, scores) in held_out.iter_mut().zip(scored) {
            of_shape.rows.extend(&held);
            of_shape.truth.extend(data.truth(&held));
            of_shape.scores.extend(scores);
        }
    }
    Ok(held_out)
}

fn fit_shape(
    data: &Labelled,
    vectors: &VectorColumn,
    used: &[usize],
    spread: &LabelSpread,
    shape: Shape,
    temperature: f32,
    seed: u64,
) -> Result<CentroidHead, TrainingError> {
    let whitening = spread.whitening(shape.shrinkage)?;
    let mut of_label: Vec<Vec<Vec<f32>>> = vec![Vec::new(); data.names.len()];
    for &row in used {
        let mut whitened = whitening.apply(vectors.row(row));
        normalise(&mut whitened);
        of_label[data.labels[row]].push(whitened);
    }
    let mut centroids = Vec::new();
    let mut centroid_labels = Vec::new();
    for (label, points) in of_label.iter().enumerate() {
        let count = shape.centroids_per_label.min(points.len() / ROWS_PER_CENTROID).max(1);
        for centre in centres(points, count, seed ^ label as u64) {
            centroids.extend(centre);
            centroid_labels.push(label);
        }
    }
    CentroidHead::new(data.names.clone(), whitening, centroids, centroid_labels, temperature).map_err(|_| {
        TrainingError::Numeric("a label has no row outside one of the folds; every label needs at least two rows")
    })
}
