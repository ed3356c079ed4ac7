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
    /// Whether a key is `task/complexity`.
    has_pairs: bool,
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
            None => {
                let has_pairs = entries.keys().any(|key| key.contains('/'));
                Ok(Self { entries: entries.clone(), has_pairs })
            }
        }
    }

    /// Keys other than `default`: the labels an artifact must know for them to have any effect.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str).filter(|key| *key != "default")
    }

    /// Expected quality: the mean over tasks and complexities, weighted by their probabilities.
    pub fn expected(&self, signals: &Signals) -> f64 {
        if self.entries.is_empty() {
            return UNSTATED_QUALITY;
        }
        let default = self.entries.get("default").copied().unwrap_or(UNSTATED_QUALITY);
        // Tasks of which nothing is said are alike, and mostly that is all of them.
        let mut unstated = 0.0;
        let mut stated: Vec<(&str, f64, Option<f64>)> = Vec::new();
        for (task, p_task) in &signals.task_scores {
            let of_task = self.entries.get(task).copied();
            if of_task.is_some() || self.has_pairs {
                stated.push((task, *p_task, of_task));
            } else {
                unstated += p_task;
            }
        }
        let last = signals.complexity_scores.len().saturating_sub(1).max(1) as f64;
        let mut expected = 0.0;
        for (step, (complexity, p_complexity)) in signals.complexity_scores.iter().enumerate() {
            let of_complexity = self.entries.get(complexity).copied();
            let cell = |of_task| cell(default, of_task, of_complexity, step as f64 / last);
            let mut of_step = if unstated > 0.0 { unstated * cell(None) } else { 0.0 };
            for (task, p_task, of_task) in &stated {
                of_step += p_task * self.pair(task, complexity).unwrap_or_else(|| cell(*of_task));
            }
            expected += p_complexity * of_step;
        }
        expected
    }

    fn pair(&self, task: &str, complexity: &str) -> Option<f64> {
        if !self.has_pairs {
            return None;
        }
        self.entries
            .iter()
            .find(|(key, _)| key.split_once('/') == Some((task, complexity)))
            .map(|(_, quality)| *quality)
    }
}

/// Without a figure of the pair: a complexity that is stated replaces the default, and a task that is stated beside it moves it by as
/// much as the task differs from the default.
fn cell(default: f64, of_task: Option<f64>, of_complexity: Option<f64>, position: f64) -> f64 {
    match (of_task, of_complexity) {
        (Some(of_task), Some(of_complexity)) => sigmoid(logit(of_complexity) + logit(of_task) - logit(default)),
        (None, Some(of_complexity)) => of_complexity,
        (of_task, None) => {
            let shift = EASIEST_LOGIT_SHIFT * (1.0 - 2.0 * position);
            sigmoid(logit(of_task.unwrap_or(default)) + shift)
        }
    }
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
