//! Prompts again, changed in ways that change nothing: how often the router says something else, and chooses another model.

use super::chooser::Chooser;
use super::predictions::{self, BothSaid, Predictions};
use super::rows::InputRows;
use crate::classifier::Classification;
use crate::evaluation::{Flips, Perturbation, RobustnessReport, task_accuracy};
use crate::prompt;
use crate::routing::Brain;

/// Prompts that are changed, evenly spread over the rows: each is classified once for every kind of change.
const MOST_PROMPTS: usize = 2000;

/// Measures on the labelled rows; without any, on outcome rows, if a model is chosen at all.
pub(super) fn measure(
    brain: &Brain,
    chooser: Chooser<'_>,
    input: &InputRows,
    predictions: &Predictions,
    seed: u64,
) -> anyhow::Result<Option<RobustnessReport>> {
    let rows = match chooser {
        _ if !input.labels.is_empty() => labelled(input, predictions),
        Chooser::Nothing => Vec::new(),
        _ => with_outcomes(input, predictions),
    };
    let step = rows.len().div_ceil(MOST_PROMPTS).max(1);
    let rows: Vec<Row<'_>> = rows.into_iter().step_by(step).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let truth: Vec<Option<usize>> = rows.iter().map(|row| row.truth).collect();
    let texts: Vec<&str> = rows.iter().map(|row| row.text).collect();
    let classified: Vec<&Classification> = rows.iter().map(|row| row.said).collect();
    let before = chooser.said(&texts, &classified)?;
    let mut flips = Vec::new();
    for kind in Perturbation::ALL {
        let changed: Vec<String> =
            rows.iter().map(|row| kind.apply(row.text, seed.wrapping_add(row.number as u64))).collect();
        let sent: Vec<&str> = changed.iter().map(String::as_str).collect();
        let read: Vec<_> = sent.iter().map(|text| prompt::own_words(text)).collect();
        let read: Vec<&str> = read.iter().map(AsRef::as_ref).collect();
        let classified = predictions::classify(brain, &read)?;
        let after = chooser.said(&sent, &classified.iter().collect::<Vec<_>>())?;
        flips.push(Flips::new(kind.name(), &before, &after, &truth));
    }
    Ok(Some(RobustnessReport::new(flips, task_accuracy(&before, &truth), chooser.name())))
}

/// One prompt as it is.
struct Row<'a> {
    number: usize,
    text: &'a str,
    said: &'a Classification,
    truth: Option<usize>,
}

fn labelled<'a>(input: &'a InputRows, predictions: &'a Predictions) -> Vec<Row<'a>> {
    let row = |(number, said): (usize, &'a Option<BothSaid>)| {
        let row = &input.labels[number];
        let task = row.task.as_ref();
        let truth = task.and_then(|task| predictions.task_labels.iter().position(|label| label == task));
        Some(Row { number, text: row.material.words()?, said: said.as_ref()?.chosen(), truth })
    };
    predictions.labels.iter().enumerate().filter_map(row).collect()
}

fn with_outcomes<'a>(input: &'a InputRows, predictions: &'a Predictions) -> Vec<Row<'a>> {
    let row = |(number, said): (usize, &'a Option<BothSaid>)| {
        let text = input.outcomes[number].material.words()?;
        Some(Row { number, text, said: said.as_ref()?.chosen(), truth: None })
    };
    predictions.outcomes.iter().enumerate().filter_map(row).collect()
}
