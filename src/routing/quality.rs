//! A model's expected quality from its configured table, for a prompt whose task and complexity are only probable.

use std::collections::BTreeMap;

use super::{RegistryError, Signals};

/// Quality of a model nobody has said anything about: neither good nor bad, so that it is never preferred for its quality.
const UNSTATED_QUALITY: f64 = 0.5;

/// How much harder or easier than average each step of the complexity scale is, on the logit scale, where only `default` or a
/// task is stated: +2 for the easiest, -2 for the hardest, evenly between. A prior, used until a complexity is stated or
/// outcomes are learnt: easy prompts are answered by nearly every model, hard ones separate them.
const EASIEST_LOGIT_SHIFT: f64 = 2.0;

/// Quality by key: `default`, a task, a complexity, or `task/complexity`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QualityTable {
    entries: BTreeMap<String, f64>,
}

impl QualityTable {
    /// Checks that every figure is a quality. `index` is the model's position in the file, for the message.
    pub fn from_config(entries: &BTreeMap<String, f64>, index: usize) -> Result<Self, RegistryError> {
        match entries.iter().find(|(_, quality)| !(0.0..=1.0).contains(*quality)) {
            Some((key, &value)) => Err(RegistryError::OutOfRange {
                index,
                field: format!("quality.{key}"),
                value,
                expected: "a quality between 0 and 1",
            }),
            None => Ok(Self { entries: entries.clone() }),
        }
    }

    /// Keys other than `default`: the labels an artifact must know for them to have any effect.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str).filter(|key| *key != "default")
    }

    /// Expected quality: the mean over tasks and complexities, weighted by their probabilities.
    pub fn expected(&self, signals: &Signals) -> f64 {
        let last = signals.complexity_scores.len().saturating_sub(1).max(1) as f64;
        let mut expected = 0.0;
        for (task, p_task) in &signals.task_scores {
            for (step, (complexity, p_complexity)) in signals.complexity_scores.iter().enumerate() {
                let position = step as f64 / last;
                expected += p_task * p_complexity * self.at(task, complexity, position);
            }
        }
        expected
    }

    /// The most specific figure there is. A complexity that is stated replaces the default, and a task that is stated beside
    /// it moves it by as much as the task differs from the default.
    fn at(&self, task: &str, complexity: &str, position: f64) -> f64 {
        if self.entries.is_empty() {
            return UNSTATED_QUALITY;
        }
        if let Some(quality) = self.pair(task, complexity) {
            return quality;
        }
        let default = self.entries.get("default").copied().unwrap_or(UNSTATED_QUALITY);
        match (self.entries.get(task), self.entries.get(complexity)) {
            (Some(&of_task), Some(&of_complexity)) => sigmoid(logit(of_complexity) + logit(of_task) - logit(default)),
            (None, Some(&of_complexity)) => of_complexity,
            (of_task, None) => {
                let shift = EASIEST_LOGIT_SHIFT * (1.0 - 2.0 * position);
                sigmoid(logit(of_task.copied().unwrap_or(default)) + shift)
            }
        }
    }

    fn pair(&self, task: &str, complexity: &str) -> Option<f64> {
        self.entries
            .iter()
            .find(|(key, _)| key.split_once('/') == Some((task, complexity)))
            .map(|(_, quality)| *quality)
    }
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
