//! A model's quality by task and complexity, measured on outcome rows and shrunk toward its mean where rows are few.

/// Expected quality, 0..1, for every task and complexity.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeTable {
    /// `tasks * complexities`, task after task.
    pub quality: Vec<f32>,
    /// Columns.
    pub complexities: usize,
    /// Mean over all rows.
    pub mean: f64,
    /// Rows it was measured on.
    pub rows: usize,
}

impl OutcomeTable {
    /// The mean over the table, weighted by the probabilities of task and complexity.
    pub fn expected(&self, task: &[f64], complexity: &[f64]) -> f64 {
        let mut expected = 0.0;
        for (row, p_task) in self.quality.chunks_exact(self.complexities.max(1)).zip(task) {
            for (quality, p_complexity) in row.iter().zip(complexity) {
                expected += p_task * p_complexity * f64::from(*quality);
            }
        }
        expected
    }
}
