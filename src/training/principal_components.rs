//! Principal components of a set of vectors, by the eigenvectors of their covariance.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array1, Array2, Axis};

/// Projects vectors onto the directions of most variance.
pub(super) struct PrincipalComponents {
    mean: Array1<f64>,
    /// dims x count; columns of unit length, most variance first.
    pub(super) directions: Array2<f64>,
    /// Share of the variance that the directions keep, 0..1.
    pub(super) explained: f64,
}

impl PrincipalComponents {
    /// The first `count` directions of the vectors, which are the rows; there is at least one.
    pub(super) fn of(vectors: &Array2<f64>, count: usize) -> Self {
        let (rows, dims) = vectors.dim();
        let mean = vectors.sum_axis(Axis(0)) / rows.max(1) as f64;
        let centred = vectors - &mean;
        let covariance = centred.t().dot(&centred) / rows.max(1) as f64;
        let eigen = SymmetricEigen::new(DMatrix::from_fn(dims, dims, |row, column| covariance[(row, column)]));
        let mut order: Vec<usize> = (0..dims).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.truncate(count);
        let kept: f64 = order.iter().map(|&index| eigen.eigenvalues[index]).sum();
        let total: f64 = eigen.eigenvalues.iter().sum();
        let mut directions =
            Array2::from_shape_fn((dims, order.len()), |(row, column)| eigen.eigenvectors[(row, order[column])]);
        // An eigenvector's sign is arbitrary; the largest coordinate is made positive so that reruns agree.
        for mut direction in directions.columns_mut() {
            let largest = direction.iter().copied().fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 {
                direction.mapv_inplace(|x| -x);
            }
        }
        Self { mean, directions, explained: if total > 0.0 { kept / total } else { 0.0 } }
    }

    /// The coordinates of every row along the directions.
    pub(super) fn project(&self, vectors: &Array2<f64>) -> Array2<f64> {
        (vectors - &self.mean).dot(&self.directions)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_first_direction_is_the_one_of_most_variance() {
        let vectors = array![[2.0, 2.1, 5.0], [-2.0, -2.0, 5.0], [1.0, 0.9, 5.0], [-1.0, -1.0, 5.0]];
        let components = PrincipalComponents::of(&vectors, 1);
        assert!(components.explained > 0.99, "{}", components.explained);
        let direction = components.directions.column(0);
        assert!((direction[0] - direction[1]).abs() < 0.05 && direction[2].abs() < 1e-9, "{direction}");
        let projected = components.project(&vectors);
        assert!(projected[(0, 0)] > 2.8 && projected[(1, 0)] < -2.8, "{projected}");
    }
}
