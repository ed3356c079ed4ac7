//! Rows of a training to features, in batches, with progress.

use serde_json::Value;

use super::TrainCommand;
use super::rows::RowsOf;
use crate::classifier::{EmbedderRecord, Features};
use crate::commands::material::{Material, features_of};
use crate::commands::progress;
use crate::commands::training_set::{self, Row};
use crate::dataset::{LabelRow, OutcomeRow};
use crate::routing::Tier;
use crate::training::{LabelledPrompt, OutcomeExample, Trained, TrainingSet};

const ROWS_A_BATCH: usize = 64;

/// What is known of the labelled rows.
pub(super) fn prompts(command: &TrainCommand, labels: &RowsOf<LabelRow>) -> Vec<LabelledPrompt> {
    let prompt = |(at, ((row, material), file)): (usize, (&(LabelRow, Material), &usize))| LabelledPrompt {
        id: id_text(&row.prompt.id),
        place: format!("{}:{}", labels.inputs[*file].file, row.prompt.line),
        text: material.words().filter(|_| command.keep_examples).map(str::to_owned),
        task: row.task.clone(),
        complexity: row.complexity.clone(),
        batch: *file,
        is_extra: at >= labels.measurable,
        copy_of: None,
    };
    labels.rows.iter().zip(&labels.files).enumerate().map(prompt).collect()
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

/// Outcome rows, by every embedder that the trained heads read. A second tier is asked about rows that the first is unsure of, as it will be about requests;
/// about all rows where an encoder was fine-tuned on them.
pub(super) fn of_outcomes(
    trained: &Trained,
    rows: &[(OutcomeRow, Material)],
    asks_about_all: bool,
    open: impl Fn(&EmbedderRecord) -> anyhow::Result<Tier>,
) -> anyhow::Result<Vec<OutcomeExample>> {
    let classifier = &trained.classifier;
    let tiers = trained.manifest.embedders.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
    // They come first in every artifact.
    let read_always = classifier.first_tier_embedders();
    let (first, second) = tiers.split_at(read_always.last().map_or(0, |last| last + 1));
    let bar = progress::bar(rows.len(), "outcomes");
    let mut examples = Vec::with_capacity(rows.len());
    for batch in rows.chunks(ROWS_A_BATCH) {
        let materials: Vec<&Material> = batch.iter().map(|(_, material)| material).collect();
        let mut features = features_of(first, &materials, |at| read_always.contains(&at))?;
        let asks = |of_row: &&mut Features| asks_about_all || classifier.is_unsure(&classifier.classify(of_row));
        let asked = materials.iter().zip(&mut features).filter(|(_, of_row)| asks(of_row));
        let (unsure, of_unsure): (Vec<&Material>, Vec<&mut Features>) =
            asked.map(|(material, of_row)| (*material, of_row)).unzip();
        // Features that were kept of a prompt may lack these vectors; then the first tier's word stands.
        for (of_row, of_second) in of_unsure.into_iter().zip(features_of(second, &unsure, |_| false)?) {
            of_row.vectors.extend(of_second.vectors);
        }
        for ((row, material), mut of_row) in batch.iter().zip(features) {
            of_row.vectors.resize(tiers.len(), None);
            examples.push(training_set::outcome_example(row, material.chars(), of_row));
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(examples)
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
