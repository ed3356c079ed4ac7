//! Principal components of a set of vectors, by the eigenvectors of their covariance.

use nalgebra::{DMatrix, SymmetricEigen};

/// Projects vectors onto the directions of most variance.
pub(super) struct PrincipalComponents {
    mean: Vec<f64>,
    /// Unit length each, most variance first.
    directions: Vec<Vec<f64>>,
    /// Share of the variance that the directions keep, 0..1.
    pub(super) explained: f64,
}

impl PrincipalComponents {
    /// The first `count` directions of the vectors.
    pub(super) fn of(vectors: &[&[f32]], count: usize) -> Self {
        let dims = vectors.first().map_or(0, |vector| vector.len());
        let rows = vectors.len().max(1) as f64;
        let mut mean = vec![0.0f64; dims];
        for vector in vectors {
            mean.iter_mut().zip(*vector).for_each(|(sum, x)| *sum += f64::from(*x) / rows);
        }
        let mut covariance = DMatrix::<f64>::zeros(dims, dims);
        for vector in vectors {
            let centred: Vec<f64> = vector.iter().zip(&mean).map(|(x, mean)| f64::from(*x) - mean).collect();
            for (column, &y) in centred.iter().enumerate() {
                let target = &mut covariance.as_mut_slice()[column * dims..(column + 1) * dims];
                target.iter_mut().zip(&centred).for_each(|(sum, x)| *sum += x * y);
            }
        }
        covariance /= rows;
        let eigen = SymmetricEigen::new(covariance);
        let mut order: Vec<usize> = (0..dims).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let total: f64 = eigen.eigenvalues.iter().sum();
        let kept: f64 = order.iter().take(count).map(|&index| eigen.eigenvalues[index]).sum();
        let directions = order
            .iter()
            .take(count)
            .map(|&index| {
                let mut direction: Vec<f64> = eigen.eigenvectors.column(index).iter().copied().collect();
                // An eigenvector's sign is arbitrary; the largest coordinate is made positive so that reruns agree.
                let largest = direction.iter().copied().fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
                if largest < 0.0 {
                    direction.iter_mut().for_each(|x| *x = -*x);
                }
                direction
            })
            .collect();
        Self { mean, directions, explained: if total > 0.0 { kept / total } else { 0.0 } }
    }

    /// The coordinates of a vector along the directions.
    pub(super) fn project(&self, vector: &[f32]) -> Vec<f32> {
        self.directions
            .iter()
            .map(|direction| {
                let centred = vector.iter().zip(&self.mean).map(|(x, mean)| f64::from(*x) - mean);
                centred.zip(direction).map(|(x, d)| x * d).sum::<f64>() as f32
            })
            .collect()
    }
}
