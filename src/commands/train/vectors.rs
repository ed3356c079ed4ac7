//! Rows of a training to features, in batches, with progress.

use serde_json::Value;

use super::TrainCommand;
use super::rows::RowsOf;
use crate::classifier::{ArtifactManifest, EmbedderRecord};
use crate::commands::material::{Material, features_of};
use crate::commands::progress;
use crate::commands::training_set::{self, Row};
use crate::dataset::{LabelRow, OutcomeRow};
use crate::embedder::BUILTIN_ENCODER;
use crate::routing::Tier;
use crate::training::{LabelledPrompt, OutcomeExample, TrainingSet};

const ROWS_A_BATCH: usize = 64;

/// What is known of the labelled rows.
pub(super) fn prompts(command: &TrainCommand, labels: &RowsOf<LabelRow>) -> Vec<LabelledPrompt> {
    let prompt = |((row, material), file): (&(LabelRow, Material), &usize)| LabelledPrompt {
        id: id_text(&row.prompt.id),
        place: format!("{}:{}", labels.inputs[*file].file, row.prompt.line),
        text: material.words().filter(|_| command.keep_examples).map(str::to_owned),
        task: row.task.clone(),
        complexity: row.complexity.clone(),
        batch: *file,
        copy_of: None,
    };
    labels.rows.iter().zip(&labels.files).map(prompt).collect()
}

/// Labelled rows, by the embedders of the command.
pub(super) fn of_labels(
    command: &TrainCommand,
    labels: &RowsOf<LabelRow>,
    prompts: Vec<LabelledPrompt>,
) -> anyhow::Result<TrainingSet> {
    fill(command, labels, prompts, &training_set::tiers(&command.embedder)?)
}

/// The same, by these embedders.
pub(super) fn fill(
    command: &TrainCommand,
    labels: &RowsOf<LabelRow>,
    prompts: Vec<LabelledPrompt>,
    tiers: &[Tier],
) -> anyhow::Result<TrainingSet> {
    let identities = tiers.iter().map(|tier| tier.identity().clone()).collect();
    let mut set = TrainingSet::new(identities, labels.inputs.clone());
    let bar = progress::bar(labels.rows.len(), "embedding");
    let rows = labels.rows.iter().zip(prompts).map(|((_, material), prompt)| Row { material, prompt });
    training_set::fill(&mut set, tiers, rows, command.seed, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    Ok(set)
}

/// Outcome rows, by every embedder that the trained heads read.
pub(super) fn of_outcomes(
    manifest: &ArtifactManifest,
    rows: &[(OutcomeRow, Material)],
    open: impl Fn(&EmbedderRecord) -> anyhow::Result<Tier>,
) -> anyhow::Result<Vec<OutcomeExample>> {
    let tiers = manifest.embedders.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
    // An inherited second tier may be done without.
    let is_needed = |at: usize| manifest.embedders[at].name != BUILTIN_ENCODER;
    let bar = progress::bar(rows.len(), "outcomes");
    let mut examples = Vec::with_capacity(rows.len());
    for batch in rows.chunks(ROWS_A_BATCH) {
        let materials: Vec<&Material> = batch.iter().map(|(_, material)| material).collect();
        for ((row, material), features) in batch.iter().zip(features_of(&tiers, &materials, is_needed)?) {
            examples.push(training_set::outcome_example(row, material.chars(), features));
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(examples)
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
