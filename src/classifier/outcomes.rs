//! A model's quality by task and complexity, measured on outcome rows and shrunk toward its mean where rows are few; and how long its
//! answers are by task, where rows tell.

use super::dot;

/// Probabilities of every task and complexity together, task after task.
pub fn joint(task: &[f64], complexity: &[f64]) -> Vec<f32> {
    task.iter().flat_map(|p_task| complexity.iter().map(move |p_complexity| (p_task * p_complexity) as f32)).collect()
}

/// Expected quality, 0..1, for every task and complexity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutcomeTable {
    /// `tasks * complexities`, task after task.
    pub quality: Vec<f32>,
    /// Columns.
    pub complexities: usize,
    /// Mean over all rows.
    pub mean: f64,
    /// Rows it was measured on.
    pub rows: usize,
    /// Expected output tokens of each task, where any row told the model's.
    pub output_tokens: Option<Vec<f32>>,
    /// Their mean over the rows that told it.
    pub mean_output_tokens: Option<f64>,
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

    /// [`Self::expected`] by the [`joint`] probabilities, which are the same for all tables of a prompt.
    pub fn expected_of(&self, joint: &[f32]) -> f64 {
        f64::from(dot(&self.quality, joint))
    }

    /// Output tokens, the mean over the tasks weighted by their probabilities. NaN where no row told any.
    pub fn expected_output_tokens(&self, task: &[f64]) -> f64 {
        let Some(tokens) = &self.output_tokens else { return f64::NAN };
        tokens.iter().zip(task).map(|(tokens, p_task)| f64::from(*tokens) * p_task).sum()
    }
}
