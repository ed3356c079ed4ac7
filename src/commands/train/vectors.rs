//! Embeds the rows of a training, in batches, with progress.

use std::path::Path;

use serde_json::Value;

use super::TrainCommand;
use super::rows::RowsOf;
use crate::classifier::{ArtifactManifest, Features};
use crate::commands::{parts, progress};
use crate::dataset::{LabelRow, OutcomeRow};
use crate::embedder::BUILTIN;
use crate::routing::{Tier, embed_batch};
use crate::training::{Example, OutcomeExample, TrainingSet};

const ROWS_A_BATCH: usize = 64;

/// Labelled rows, by the embedder of the command.
pub(super) fn of_labels(command: &TrainCommand, labels: &RowsOf<LabelRow>) -> anyhow::Result<TrainingSet> {
    let opened = parts::open_embedder(&lasting_name(&command.embedder))?;
    let identity = opened.identity().clone();
    let tier = Tier::start(opened)?;
    let bar = progress::bar(labels.rows.len(), "embedding");
    let mut examples = Vec::with_capacity(labels.rows.len());
    for batch in labels.rows.chunks(ROWS_A_BATCH) {
        let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
        for ((row, text), vector) in batch.iter().zip(embed_batch(&tier, &texts)?.0) {
            examples.push(Example {
                id: id_text(&row.prompt.id),
                text: command.keep_examples.then(|| text.clone()),
                vector,
                task: row.task.clone(),
                complexity: row.complexity.clone(),
            });
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(TrainingSet { embedder: identity, examples, inputs: labels.inputs.clone() })
}

/// Outcome rows, by every embedder that the trained heads read.
pub(super) fn of_outcomes(
    manifest: &ArtifactManifest,
    rows: &[(OutcomeRow, String)],
) -> anyhow::Result<Vec<OutcomeExample>> {
    let tiers = manifest
        .embedders
        .iter()
        .map(|record| Ok(Tier::start(parts::open_embedder(&record.name)?)?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let bar = progress::bar(rows.len(), "outcomes");
    let mut examples = Vec::with_capacity(rows.len());
    for batch in rows.chunks(ROWS_A_BATCH) {
        let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
        let mut columns = Vec::with_capacity(tiers.len());
        for tier in &tiers {
            columns.push(embed_batch(tier, &texts)?.0);
        }
        for (index, (row, _)) in batch.iter().enumerate() {
            let vectors = columns.iter_mut().map(|column| Some(std::mem::take(&mut column[index]))).collect();
            examples.push(OutcomeExample { features: Features { vectors }, scores: row.scores.clone() });
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(examples)
}

/// A folder is remembered by its full path, so that the artifact finds it from any other folder.
fn lasting_name(embedder: &str) -> String {
    match Path::new(embedder).canonicalize() {
        Ok(path) if path.is_dir() && embedder != BUILTIN => path.display().to_string(),
        _ => embedder.to_owned(),
    }
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
