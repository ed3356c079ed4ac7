//! Fits the change of coordinates of a head: pooled within-label covariance, shrunk toward a multiple of the identity, and
//! the inverse of its Cholesky factor.

use super::TrainingError;
use super::design::VectorColumn;
use super::labelled::Labelled;
use crate::classifier::Whitening;

/// Means and spread of the rows of a fold; every shrinkage is tried on the same one.
pub(super) struct LabelSpread {
    mean: Vec<f64>,
    /// dims * dims, symmetric.
    covariance: Vec<f64>,
}

impl LabelSpread {
    /// Over the rows that `used` names.
    pub(super) fn of(data: &Labelled, vectors: &VectorColumn, used: &[usize]) -> Self {
        let dims = vectors.dims;
        let mut label_means = vec![vec![0.0f64; dims]; data.names.len()];
        let mut counts = vec![0usize; data.names.len()];
        for &row in used {
            let label = data.labels[row];
            counts[label] += 1;
            label_means[label].iter_mut().zip(vectors.row(row)).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        for (mean, &count) in label_means.iter_mut().zip(&counts) {
            mean.iter_mut().for_each(|sum| *sum /= count.max(1) as f64);
        }
        // Every label counts the same, whatever its number of rows.
        let present = counts.iter().filter(|&&count| count > 0).count().max(1) as f64;
        let mut mean = vec![0.0f64; dims];
        for (label_mean, _) in label_means.iter().zip(&counts).filter(|(_, count)| **count > 0) {
            mean.iter_mut().zip(label_mean).for_each(|(sum, x)| *sum += x / present);
        }
        let mut covariance = vec![0.0f64; dims * dims];
        let mut centred = vec![0.0f64; dims];
        for &row in used {
            let label_mean = &label_means[data.labels[row]];
            for ((centred, x), mean) in centred.iter_mut().zip(vectors.row(row)).zip(label_mean) {
                *centred = f64::from(*x) - mean;
            }
            for (i, &x) in centred.iter().enumerate() {
                let line = &mut covariance[i * dims..i * dims + i + 1];
                line.iter_mut().zip(&centred).for_each(|(sum, y)| *sum += x * y);
            }
        }
        let rows = used.len().max(1) as f64;
        for i in 0..dims {
            for j in 0..=i {
                let value = covariance[i * dims + j] / rows;
                covariance[i * dims + j] = value;
                covariance[j * dims + i] = value;
            }
        }
        Self { mean, covariance }
    }

    /// The whitening for (1 - shrinkage) S + shrinkage * mean variance * I.
    pub(super) fn whitening(&self, shrinkage: f64) -> Result<Whitening, TrainingError> {
        let dims = self.mean.len();
        let variance = (0..dims).map(|i| self.covariance[i * dims + i]).sum::<f64>() / dims.max(1) as f64;
        // Rows that are all the same have no spread; the identity serves then.
        let ridge = if variance > 0.0 { shrinkage * variance } else { 1.0 };
        let mut shrunk: Vec<f64> = self.covariance.iter().map(|value| (1.0 - shrinkage) * value).collect();
        (0..dims).for_each(|i| shrunk[i * dims + i] += ridge);
        let factor = cholesky(shrunk, dims).ok_or(TrainingError::Numeric(
            "the covariance of the vectors is not positive definite; are all vectors finite?",
        ))?;
        let inverse = invert_lower(&factor, dims);
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        Whitening::new(narrow(&self.mean), narrow(&inverse)).ok_or(TrainingError::Numeric("whitening of no dimension"))
    }
}

/// Lower triangular L with L L^T = the matrix, row after row; `None` unless positive definite.
fn cholesky(mut matrix: Vec<f64>, dims: usize) -> Option<Vec<f64>> {
    for i in 0..dims {
        for j in 0..=i {
            let (before, row) = matrix.split_at(i * dims);
            let other = if i == j { row } else { &before[j * dims..] };
            let sum = row[j] - row[..j].iter().zip(&other[..j]).map(|(a, b)| a * b).sum::<f64>();
            let value = if i == j {
                if !(sum.is_finite() && sum > 0.0) {
                    return None;
                }
                sum.sqrt()
            } else {
                sum / matrix[j * dims + j]
            };
            matrix[i * dims + j] = value;
        }
        matrix[i * dims + i + 1..(i + 1) * dims].fill(0.0);
    }
    Some(matrix)
}

/// The inverse of a lower triangular matrix, by forward substitution, a row from those above it.
fn invert_lower(factor: &[f64], dims: usize) -> Vec<f64> {
    let mut inverse = vec![0.0f64; dims * dims];
    for i in 0..dims {
        let (above, row) = inverse.split_at_mut(i * dims);
        let row = &mut row[..dims];
        row[i] = 1.0;
        for k in 0..i {
            let weight = factor[i * dims + k];
            let source = &above[k * dims..k * dims + k + 1];
            row.iter_mut().zip(source).for_each(|(value, x)| *value -= weight * x);
        }
        let diagonal = factor[i * dims + i];
        row[..=i].iter_mut().for_each(|value| *value /= diagonal);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_inverse_factor_undoes_the_matrix(values in proptest::collection::vec(-2.0f64..2.0, 16)) {
            let dims = 4;
            // A A^T + I is positive definite.
            let at = |i: usize, j: usize| (0..dims).map(|k| values[i * dims + k] * values[j * dims + k]).sum::<f64>();
            let matrix: Vec<f64> =
                (0..dims * dims).map(|n| at(n / dims, n % dims) + f64::from(u8::from(n / dims == n % dims))).collect();
            let inverse = invert_lower(&cholesky(matrix.clone(), dims).unwrap(), dims);
            // inverse * matrix * inverse^T = I
            for i in 0..dims {
                for j in 0..dims {
                    let mut sum = 0.0;
                    for k in 0..dims {
                        for l in 0..dims {
                            sum += inverse[i * dims + k] * matrix[k * dims + l] * inverse[j * dims + l];
                        }
                    }
                    prop_assert!((sum - f64::from(u8::from(i == j))).abs() < 1e-8);
                }
            }
        }
    }
}
