//! The tiers of a cascade on the labelled rows: what each says alone, what they say together, and how long each takes.

use std::time::Instant;

use super::predictions::Predictions;
use super::rows::InputRows;
use crate::evaluation::{CascadeReport, CascadeRow};
use crate::routing::{Ask, Brain};

/// Prompts that are timed one by one by each tier, evenly spread over the rows.
const MOST_TIMED_PROMPTS: usize = 200;

/// Measures the task; `None` where the router is no cascade.
pub(super) fn measure(
    brain: &Brain,
    input: &InputRows,
    predictions: &Predictions,
) -> anyhow::Result<Option<CascadeReport>> {
    let mut rows = Vec::new();
    for (row, both) in input.labels.iter().zip(&predictions.labels) {
        let (Some(task), Some(both)) = (&row.task, both) else { continue };
        let (Some(truth), Some(second)) =
            (predictions.task_labels.iter().position(|label| label == task), &both.second)
        else {
            continue;
        };
        rows.push(CascadeRow {
            truth,
            first: &both.first.task.probabilities,
            second: &second.task.probabilities,
            asked: both.is_unsure,
        });
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let mut report =
        CascadeReport::new([brain.tier_name(false), brain.tier_name(true)], &predictions.task_labels, &rows);
    report.set_latency(time(brain, input, predictions)?);
    Ok(Some(report))
}

/// Single prompts, in microseconds: first tier, second tier, cascade. The three take turns, so that whatever else the machine does
/// falls on all alike.
fn time(brain: &Brain, input: &InputRows, predictions: &Predictions) -> anyhow::Result<[Vec<f64>; 3]> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let words = input.labels.iter().map(|row| row.material.words());
    let measured = words.zip(&predictions.labels).filter_map(|(words, said)| words.filter(|_| said.is_some()));
    let measured: Vec<&str> = measured.collect();
    let step = measured.len().div_ceil(MOST_TIMED_PROMPTS).max(1);
    let mut timings = [Vec::new(), Vec::new(), Vec::new()];
    for words in measured.into_iter().step_by(step) {
        for (ask, timings) in [Ask::Never, Ask::Always, Ask::IfUnsure].into_iter().zip(&mut timings) {
            let start = Instant::now();
            runtime.block_on(brain.classify_asking(words, ask))?;
            timings.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(timings)
}
