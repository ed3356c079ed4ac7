//! Every labelled prompt again, changed in ways that change nothing: how often the router says something else.

use super::predictions::{self, Predictions};
use super::rows::InputRows;
use crate::classifier::Classification;
use crate::evaluation::{Flips, Perturbation, RobustnessReport, Said, task_accuracy};
use crate::prompt;
use crate::routing::Brain;

/// Prompts that are changed, evenly spread over the rows: each is classified once for every kind of change.
const MOST_PROMPTS: usize = 2000;

/// Measures on the labelled rows.
pub(super) fn measure(
    brain: &Brain,
    input: &InputRows,
    predictions: &Predictions,
    seed: u64,
) -> anyhow::Result<Option<RobustnessReport>> {
    let step = input.labels.len().div_ceil(MOST_PROMPTS).max(1);
    let rows: Vec<usize> =
        (0..input.labels.len()).step_by(step).filter(|row| predictions.labels[*row].is_some()).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let truth: Vec<Option<usize>> = rows
        .iter()
        .map(|row| {
            let task = input.labels[*row].task.as_ref()?;
            predictions.task_labels.iter().position(|label| label == task)
        })
        .collect();
    let said = |of: &Classification| -> Said { (of.task.best(), of.complexity.best()) };
    let before: Vec<Said> =
        rows.iter().filter_map(|row| predictions.labels[*row].as_ref()).map(|both| said(both.chosen())).collect();
    let mut flips = Vec::new();
    for kind in Perturbation::ALL {
        let changed: Vec<String> = rows
            .iter()
            .map(|row| {
                let changed = kind.apply(&input.labels[*row].text, seed.wrapping_add(*row as u64));
                prompt::own_words(&changed).into_owned()
            })
            .collect();
        let texts: Vec<&str> = changed.iter().map(String::as_str).collect();
        let after: Vec<Said> = predictions::classify(brain, &texts)?.iter().map(said).collect();
        flips.push(Flips::new(kind.name(), &before, &after, &truth));
    }
    Ok(Some(RobustnessReport { flips, unchanged_task_accuracy: task_accuracy(&before, &truth) }))
}
