//! Fits a centroid head: tries shrinkages and numbers of centroids on held-out folds, calibrates on the same held-out
//! predictions, then fits the winner on all rows.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::TrainingError;
use super::clusters::centres;
use super::examples::Labelled;
use super::folds::stratified_folds;
use super::temperature::{fit_temperature, negative_log_likelihood};
use super::whitening::LabelSpread;
use crate::classifier::{CentroidHead, normalise};

const FOLDS: usize = 5;
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

/// A head with what is known of it from rows its folds did not see.
pub(super) struct FittedHead {
    pub(super) head: CentroidHead,
    pub(super) metrics: BTreeMap<String, Value>,
}

/// Chooses, calibrates and fits.
pub(super) fn fit(data: &Labelled<'_>, seed: u64) -> Result<FittedHead, TrainingError> {
    let folds = FOLDS.min(data.labels.len());
    let fold_of = stratified_folds(&data.labels, folds, seed);
    let shapes: Vec<Shape> = SHRINKAGES
        .into_iter()
        .flat_map(|shrinkage| {
            CENTROIDS_PER_LABEL.into_iter().map(move |centroids_per_label| Shape { shrinkage, centroids_per_label })
        })
        .collect();
    let held_out = held_out_cosines(data, &fold_of, folds, &shapes, seed)?;
    let mut tried = Vec::new();
    for (shape, cosines) in shapes.iter().zip(&held_out) {
        let temperature = fit_temperature(cosines, &data.labels);
        let loss = negative_log_likelihood(cosines, &data.labels, f64::from(temperature));
        tried.push((*shape, temperature, loss, accuracy(cosines, &data.labels)));
    }
    // Least log loss: accuracy alone would not tell a confident mistake from a hesitant one.
    let best = (0..tried.len()).min_by(|&a, &b| tried[a].2.total_cmp(&tried[b].2)).unwrap_or(0);
    let (shape, temperature, loss, accuracy) = tried[best];
    let every_row: Vec<usize> = (0..data.labels.len()).collect();
    let head = fit_shape(data, &every_row, &LabelSpread::of(data, &every_row), shape, temperature, seed)?;
    let metrics = BTreeMap::from([
        ("rows".into(), json!(data.labels.len())),
        ("labels".into(), json!(data.names.len())),
        ("folds".into(), json!(folds)),
        ("shrinkage".into(), json!(shape.shrinkage)),
        ("centroids_per_label".into(), json!(shape.centroids_per_label)),
        ("held_out_accuracy".into(), json!(round(accuracy))),
        ("held_out_log_loss".into(), json!(round(loss))),
        (
            "tried".into(),
            tried
                .iter()
                .map(|(shape, _, loss, accuracy)| {
                    json!({
                        "shrinkage": shape.shrinkage,
                        "centroids_per_label": shape.centroids_per_label,
                        "held_out_accuracy": round(*accuracy),
                        "held_out_log_loss": round(*loss),
                    })
                })
                .collect(),
        ),
    ]);
    Ok(FittedHead { head, metrics })
}

/// For every shape, each row's cosines by the head that did not see the row's fold.
fn held_out_cosines(
    data: &Labelled<'_>,
    fold_of: &[usize],
    folds: usize,
    shapes: &[Shape],
    seed: u64,
) -> Result<Vec<Vec<Vec<f32>>>, TrainingError> {
    let mut held_out = vec![vec![Vec::new(); data.labels.len()]; shapes.len()];
    for fold in 0..folds {
        let (test, used): (Vec<usize>, Vec<usize>) = (0..data.labels.len()).partition(|&row| fold_of[row] == fold);
        let spread = LabelSpread::of(data, &used);
        let scored: Vec<Vec<Vec<f32>>> = shapes
            .par_iter()
            .map(|shape| {
                let head = fit_shape(data, &used, &spread, *shape, 1.0, seed)?;
                Ok(test.iter().map(|&row| head.cosines(data.vectors[row])).collect())
            })
            .collect::<Result<_, TrainingError>>()?;
        for (of_shape, rows) in held_out.iter_mut().zip(scored) {
            for (&row, cosines) in test.iter().zip(rows) {
                of_shape[row] = cosines;
            }
        }
    }
    Ok(held_out)
}

fn fit_shape(
    data: &Labelled<'_>,
    used: &[usize],
    spread: &LabelSpread,
    shape: Shape,
    temperature: f32,
    seed: u64,
) -> Result<CentroidHead, TrainingError> {
    let whitening = spread.whitening(shape.shrinkage)?;
    let mut of_label: Vec<Vec<Vec<f32>>> = vec![Vec::new(); data.names.len()];
    for &row in used {
        let mut whitened = whitening.apply(data.vectors[row]);
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

fn accuracy(cosines: &[Vec<f32>], truth: &[usize]) -> f64 {
    let right = cosines.iter().zip(truth).filter(|(row, label)| row.iter().all(|cosine| *cosine <= row[**label]));
    right.count() as f64 / truth.len().max(1) as f64
}

/// Four digits are what such a measurement can carry.
pub(super) fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
