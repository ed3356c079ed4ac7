//! How often a change that means nothing moves the label: flip rates by kind of change.

use serde::Serialize;

/// One kind of change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flips {
    /// The change, in words.
    pub change: String,
    /// Prompts that were changed.
    pub prompts: usize,
    /// Share whose task changed.
    pub task_flip_rate: f64,
    /// Share whose complexity changed.
    pub complexity_flip_rate: f64,
    /// Task accuracy on the changed prompts; None where they carry no labels.
    pub task_accuracy: Option<f64>,
}

/// All kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RobustnessReport {
    /// One entry a kind of change.
    pub flips: Vec<Flips>,
    /// Task accuracy on the same prompts as they were.
    pub unchanged_task_accuracy: Option<f64>,
}

/// What is said of one prompt: best task, best complexity.
pub type Said = (usize, usize);

impl Flips {
    /// Compares what is said of prompts before and after a change. `truth`: true task where it is known.
    pub fn new(change: &str, before: &[Said], after: &[Said], truth: &[Option<usize>]) -> Self {
        let share = |differs: &dyn Fn(&Said, &Said) -> bool| {
            before.iter().zip(after).filter(|(a, b)| differs(a, b)).count() as f64 / before.len().max(1) as f64
        };
        Self {
            change: change.to_owned(),
            prompts: before.len(),
            task_flip_rate: share(&|a, b| a.0 != b.0),
            complexity_flip_rate: share(&|a, b| a.1 != b.1),
            task_accuracy: task_accuracy(after, truth),
        }
    }
}

/// Share of the rows with a known truth whose task is right.
pub fn task_accuracy(said: &[Said], truth: &[Option<usize>]) -> Option<f64> {
    let known: Vec<bool> = said.iter().zip(truth).filter_map(|(said, truth)| Some(said.0 == (*truth)?)).collect();
    (!known.is_empty()).then(|| known.iter().filter(|right| **right).count() as f64 / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_are_counted_for_each_label() {
        let before = [(0, 0), (1, 1), (2, 2), (3, 3)];
        let after = [(0, 1), (1, 1), (0, 2), (3, 3)];
        let flips = Flips::new("typos", &before, &after, &[Some(0), None, Some(2), None]);
        assert_eq!((flips.task_flip_rate, flips.complexity_flip_rate), (0.25, 0.25));
        assert_eq!(flips.task_accuracy, Some(0.5));
    }
}
