//! Multinomial logistic regression on sparse rows, fitted by AdaGrad in an order that the seed decides.

use crate::random::SplitMix64;

/// Column and value, columns rising.
pub(super) type SparseRow = Vec<(u32, f32)>;

/// Passes over the training rows.
const PASSES: u64 = 20;
/// AdaGrad's step (Duchi, Hazan & Singer 2011).
const STEP: f32 = 0.5;
/// Inverse strength of the penalty on squared weights, as scikit-learn's `C`.
const INVERSE_PENALTY: f32 = 10.0;

/// One weight for each column and label, and one for each label alone.
#[derive(Debug, Clone)]
pub(super) struct LogisticRegression {
    labels: usize,
    /// `columns * labels`, column after column, so that one column's weights lie together.
    weights: Vec<f32>,
    intercepts: Vec<f32>,
}

impl LogisticRegression {
    /// Minimises C * sum of log losses + squared weights / 2; intercepts are free of penalty.
    pub(super) fn fit(rows: &[SparseRow], truth: &[usize], columns: usize, labels: usize, seed: u64) -> Self {
        let mut fitted = Self { labels, weights: vec![0.0; columns * labels], intercepts: vec![0.0; labels] };
        let mut squares = vec![1e-6f32; columns * labels];
        let mut intercept_squares = vec![1e-6f32; labels];
        let penalties = penalty_of_each_visit(rows, columns);
        let mut order: Vec<usize> = (0..rows.len().min(truth.len())).collect();
        for pass in 0..PASSES {
            SplitMix64::new(seed.wrapping_mul(PASSES).wrapping_add(pass)).shuffle(&mut order);
            for &row in &order {
                let errors = fitted.errors(&rows[row], truth[row]);
                for (label, error) in errors.iter().enumerate() {
                    intercept_squares[label] += error * error;
                    fitted.intercepts[label] -= STEP * error / intercept_squares[label].sqrt();
                }
                for &(column, value) in &rows[row] {
                    let (at, penalty) = (column as usize * labels, penalties[column as usize]);
                    let weights = &mut fitted.weights[at..at + labels];
                    let squares = &mut squares[at..at + labels];
                    for ((weight, square), error) in weights.iter_mut().zip(squares).zip(&errors) {
                        let gradient = error * value + penalty * *weight;
                        *square += gradient * gradient;
                        *weight -= STEP * gradient / square.sqrt();
                    }
                }
            }
        }
        fitted
    }

    /// Probabilities in label order.
    pub(super) fn probabilities(&self, row: &SparseRow) -> Vec<f64> {
        self.softmax(row).into_iter().map(f64::from).collect()
    }

    /// Probability less truth, label by label: the gradient of the log loss by the label's score.
    fn errors(&self, row: &SparseRow, truth: usize) -> Vec<f32> {
        let mut errors = self.softmax(row);
        if let Some(error) = errors.get_mut(truth) {
            *error -= 1.0;
        }
        errors
    }

    fn softmax(&self, row: &SparseRow) -> Vec<f32> {
        let mut scores = self.intercepts.clone();
        for &(column, value) in row {
            let at = column as usize * self.labels;
            let weights = &self.weights[at..at + self.labels];
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += value * weight);
        }
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        scores.iter_mut().for_each(|score| *score = (*score - most).exp());
        let sum: f32 = scores.iter().sum();
        scores.iter_mut().for_each(|score| *score /= sum);
        scores
    }
}

/// A column's penalty for one pass, shared out evenly over the rows that hold it, so that a visit touches only its own columns.
fn penalty_of_each_visit(rows: &[SparseRow], columns: usize) -> Vec<f32> {
    let mut visits = vec![0u32; columns];
    for (column, _) in rows.iter().flatten() {
        visits[*column as usize] += 1;
    }
    visits.into_iter().map(|visits| 1.0 / (INVERSE_PENALTY * visits.max(1) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_decide_three_labels() {
        let rows: Vec<SparseRow> =
            (0..90).map(|row| if row % 3 == 2 { vec![(0, 0.7), (1, 0.7)] } else { vec![(row % 3, 1.0)] }).collect();
        let truth: Vec<usize> = (0..90).map(|row| row % 3).collect();
        let fitted = LogisticRegression::fit(&rows, &truth, 2, 3, 5);
        for (row, label) in rows.iter().zip(&truth).take(3) {
            let probabilities = fitted.probabilities(row);
            assert!(probabilities[*label] > 0.4, "{label}: {probabilities:?}");
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn without_columns_the_shares_of_the_labels_are_learnt() {
        let rows = vec![SparseRow::new(); 100];
        let truth: Vec<usize> = (0..100).map(|row| usize::from(row % 4 == 0)).collect();
        let probabilities = LogisticRegression::fit(&rows, &truth, 0, 2, 1).probabilities(&Vec::new());
        assert!((probabilities[1] - 0.25).abs() < 0.05, "{probabilities:?}");
    }
}
