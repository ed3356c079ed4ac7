//! How often a change that means nothing moves the label or the chosen model: flip rates by kind of change.

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
    /// Share whose chosen model changed; None where no model is chosen.
    pub choice_flip_rate: Option<f64>,
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
    /// What chooses the model, in words; None where no model is chosen.
    pub chosen_by: Option<String>,
    /// 1 - share of changed prompts, of all kinds together, whose chosen model changed; None where no model is chosen.
    pub robustness: Option<f64>,
}

/// What is said of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Best task.
    pub task: usize,
    /// Best complexity.
    pub complexity: usize,
    /// Chosen model; None where no model is chosen.
    pub model: Option<String>,
}

impl Flips {
    /// Compares what is said of prompts before and after a change. `truth`: true task where it is known.
    pub fn new(change: &str, before: &[Said], after: &[Said], truth: &[Option<usize>]) -> Self {
        let share = |differs: &dyn Fn(&Said, &Said) -> bool| {
            before.iter().zip(after).filter(|(a, b)| differs(a, b)).count() as f64 / before.len().max(1) as f64
        };
        let chooses = !before.is_empty() && before.iter().chain(after).all(|said| said.model.is_some());
        Self {
            change: change.to_owned(),
            prompts: before.len(),
            task_flip_rate: share(&|a, b| a.task != b.task),
            complexity_flip_rate: share(&|a, b| a.complexity != b.complexity),
            choice_flip_rate: chooses.then(|| share(&|a, b| a.model != b.model)),
            task_accuracy: task_accuracy(after, truth),
        }
    }
}

impl RobustnessReport {
    /// Puts the kinds together.
    pub fn new(flips: Vec<Flips>, unchanged_task_accuracy: Option<f64>, chosen_by: Option<String>) -> Self {
        let prompts: usize = flips.iter().map(|flips| flips.prompts).sum();
        let moved: Option<f64> = flips.iter().map(|flips| Some(flips.choice_flip_rate? * flips.prompts as f64)).sum();
        let robustness = moved.filter(|_| prompts > 0).map(|moved| 1.0 - moved / prompts as f64);
        Self { flips, unchanged_task_accuracy, chosen_by, robustness }
    }
}

/// Share of the rows with a known truth whose task is right.
pub fn task_accuracy(said: &[Said], truth: &[Option<usize>]) -> Option<f64> {
    let known: Vec<bool> = said.iter().zip(truth).filter_map(|(said, truth)| Some(said.task == (*truth)?)).collect();
    (!known.is_empty()).then(|| known.iter().filter(|right| **right).count() as f64 / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(task: usize, complexity: usize, model: Option<&str>) -> Said {
        Said { task, complexity, model: model.map(str::to_owned) }
    }

    #[test]
    fn flips_are_counted_for_each_label() {
        let before = [said(0, 0, None), said(1, 1, None), said(2, 2, None), said(3, 3, None)];
        let after = [said(0, 1, None), said(1, 1, None), said(0, 2, None), said(3, 3, None)];
        let flips = Flips::new("typos", &before, &after, &[Some(0), None, Some(2), None]);
        assert_eq!((flips.task_flip_rate, flips.complexity_flip_rate), (0.25, 0.25));
        assert_eq!(flips.task_accuracy, Some(0.5));
        assert_eq!(flips.choice_flip_rate, None);
        assert_eq!(RobustnessReport::new(vec![flips], None, None).robustness, None);
    }

    #[test]
    fn robustness_counts_changed_prompts_not_kinds() {
        let kind = |models: &[&str]| {
            let before: Vec<Said> = models.iter().map(|_| said(0, 0, Some("a"))).collect();
            let after: Vec<Said> = models.iter().map(|model| said(0, 0, Some(model))).collect();
            Flips::new("typos", &before, &after, &[])
        };
        let report = RobustnessReport::new(vec![kind(&["a", "b"]), kind(&["a", "a", "a", "b", "a", "a"])], None, None);
        assert_eq!(report.flips[0].choice_flip_rate, Some(0.5));
        assert_eq!(report.robustness, Some(0.75), "two of eight");
        assert_eq!(RobustnessReport::new(vec![], None, None).robustness, None);
    }
}
