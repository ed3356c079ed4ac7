//! The shares of the labels in the training rows, whatever the prompt.

/// Knows how frequent each label is.
#[derive(Debug, Clone, PartialEq)]
pub struct MajorityBaseline {
    shares: Vec<f64>,
}

impl MajorityBaseline {
    /// Counts the training labels; without rows every label is as likely.
    pub fn fit(truth: &[usize], labels: usize) -> Self {
        let mut shares = vec![0.0; labels];
        for label in truth.iter().filter(|label| **label < labels) {
            shares[*label] += 1.0 / truth.len() as f64;
        }
        if truth.is_empty() {
            shares.fill(1.0 / labels.max(1) as f64);
        }
        Self { shares }
    }

    /// The same for every prompt.
    pub fn probabilities(&self) -> Vec<f64> {
        self.shares.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_training() {
        assert_eq!(MajorityBaseline::fit(&[1, 1, 0, 1], 3).probabilities(), [0.25, 0.75, 0.0]);
        assert_eq!(MajorityBaseline::fit(&[], 2).probabilities(), [0.5, 0.5]);
    }
}
