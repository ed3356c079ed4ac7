//! What a head says of rows that its fitting did not see: the ground for choosing, calibrating and abstaining.

use std::collections::BTreeMap;

use super::temperature::golden_section;

/// Scores of held-out rows, and how they become probabilities.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldOut {
    /// Indices into the set.
    pub(super) rows: Vec<usize>,
    /// True labels.
    pub(super) truth: Vec<usize>,
    /// One a row.
    pub(super) scores: Vec<Scores>,
}

/// What a head computes before it is calibrated.
#[derive(Debug, Clone)]
pub(super) enum Scores {
    /// One a label.
    Labels(Vec<f32>),
    /// One for each step between neighbouring labels.
    Steps(Vec<f32>),
}

impl Scores {
    /// These scores with others of the same kind added.
    pub(super) fn plus(&self, other: &Self, weight: f32) -> Self {
        let (Self::Labels(added) | Self::Steps(added)) = other;
        let mut sum = self.clone();
        let (Self::Labels(scores) | Self::Steps(scores)) = &mut sum;
        scores.iter_mut().zip(added).for_each(|(score, added)| *score += weight * added);
        sum
    }

    pub(super) fn probabilities(&self, temperature: f32) -> Vec<f64> {
        match self {
            Self::Labels(scores) => crate::classifier::softmax(scores, temperature),
            Self::Steps(steps) => crate::classifier::ordinal_probabilities(steps, temperature),
        }
    }
}

impl HeldOut {
    /// What is known of these rows alone, in their order. `None` where one of them was not held out.
    pub(super) fn of_rows(&self, rows: &[usize]) -> Option<Self> {
        let places: BTreeMap<usize, usize> = self.rows.iter().enumerate().map(|(at, row)| (*row, at)).collect();
        let mut found = Self::default();
        for row in rows {
            let at = *places.get(row)?;
            found.rows.push(*row);
            found.truth.push(self.truth[at]);
            found.scores.push(self.scores[at].clone());
        }
        Some(found)
    }

    /// Adds the rows of another fold.
    pub(super) fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.truth.extend(other.truth);
        self.scores.extend(other.scores);
    }

    /// Mean of -ln p(truth).
    pub(super) fn log_loss(&self, temperature: f32) -> f64 {
        let total: f64 = self
            .scores
            .iter()
            .zip(&self.truth)
            .map(|(scores, label)| -libm::log(scores.probabilities(temperature)[*label].max(1e-12)))
            .sum();
        total / self.truth.len().max(1) as f64
    }

    /// The temperature with the least log loss.
    pub(super) fn best_temperature(&self) -> f32 {
        golden_section(|temperature| self.log_loss(temperature as f32))
    }

    /// Calibrated probabilities of every row.
    pub(super) fn probabilities(&self, temperature: f32) -> Vec<Vec<f64>> {
        self.scores.iter().map(|scores| scores.probabilities(temperature)).collect()
    }
}
