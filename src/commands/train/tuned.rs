//! `train --fine-tune`: rows of labels and outcomes to an encoder of the artifact's own, and to the set that its heads are fitted on. The vectors come from the encoder as it
//! was written, so that heads read what serving will read.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rows::TrainingRows;
use super::tuned_rows::TunedRows;
use super::unlabelled::Unlabelled;
use super::{TrainCommand, eprint_step, vectors};
use crate::classifier::ENCODER_FOLDER;
use crate::commands::{UsageError, parts, progress, training_set};
use crate::embedder::{self, BUILTIN, BUILTIN_ENCODER};
use crate::routing::Tier;
use crate::training::fine_tune::{
    Evaluation, FineTuneError, FineTuneOptions, FineTuneRows, FineTuned, Progress, fine_tune,
};
use crate::training::{self, LabelledPrompt, TrainOptions, TrainingSet, TunedEncoder, TunedQuality};

/// What is fine-tuned where no model is named.
const BASE: &str = "all-MiniLM-L6-v2";

/// How to fine-tune.
#[derive(Debug, Clone)]
pub struct FineTuneCommand {
    /// Field of the finer label.
    pub auxiliary_field: Option<String>,
    /// Files of prompts that the first tier learns what the encoder says of.
    pub unlabelled: Vec<PathBuf>,
    /// Copies of a row with slips and greetings that some epochs read instead of it.
    pub noisy_copies: usize,
    /// Tokens read of a prompt.
    pub max_tokens: usize,
    /// Share of the rows that the encoder does not learn from.
    pub validation: f64,
    /// How the encoder is written.
    pub encoder_precision: EncoderPrecision,
    /// Whether the checkpoint stays when the artifact is written.
    pub keep_checkpoint: bool,
    /// The rest.
    pub options: FineTuneOptions,
}

/// What an artifact keeps its encoder's matrices as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderPrecision {
    /// Numbers of 16 bits.
    F16,
    /// Bytes, with a scale an output.
    Int8,
}

/// A fine-tuned encoder on disk, and what was trained with it.
pub(super) struct TunedSet {
    pub(super) set: TrainingSet,
    /// The folder that holds the encoder's; deleted with this unless the encoder moves away.
    pub(super) encoder: TempDir,
    /// The tier that runs it.
    pub(super) tier: Tier,
    /// What it was taught of models; `None` without outcomes.
    pub(super) quality: Option<TunedQuality>,
    /// For the card.
    pub(super) metrics: Value,
}

impl TunedSet {
    /// Where the encoder lies.
    pub(super) fn folder(&self) -> std::path::PathBuf {
        self.encoder.path().join(ENCODER_FOLDER)
    }
}

/// Fine-tunes on the rows and embeds the labelled ones.
pub(super) fn of_rows(
    command: &TrainCommand,
    how: &FineTuneCommand,
    all: &TrainingRows,
    prompts: Vec<LabelledPrompt>,
    options: &TrainOptions,
) -> anyhow::Result<TunedSet> {
    let labels = &all.labels;
    let (is_cascade, base) = base_of(&command.embedder);
    if base == BUILTIN_ENCODER {
        let message = format!(
            "--embedder {base}: its weights are bytes, which cannot be trained; name a pulled model such as {BASE}, or leave --fine-tune out"
        );
        return Err(UsageError(message).into());
    }
    let unlabelled = Unlabelled::check(&how.unlabelled, is_cascade)?;
    let folder = embedder::locate(base).map_err(|error| UsageError(format!("--embedder {base}: {error}")))?;
    let names = training::label_names(&prompts, options).map_err(|error| UsageError(error.to_string()))?;
    let rows = TunedRows::of(all, &names, &folder, how)?;
    let tuned = learn(base, &folder, &rows, how)?;
    let mut metrics = metrics(base, how, &tuned, rows.learnt.len(), rows.validation.len());

    let encoder = write(&tuned, &folder, command, how)?;
    let name = format!("{}-tuned", short_name(base));
    // As it is stored: heads are fitted on the vectors that serving will make.
    let opened = embedder::open(&name, Some(&encoder.path().join(ENCODER_FOLDER)), None);
    let tier = Tier::start(opened.map_err(|error| UsageError(error.to_string()))?)?;
    let mut tiers = vec![tier.clone()];
    if is_cascade {
        tiers.insert(0, Tier::start(parts::open_embedder(BUILTIN)?)?);
    }
    let mut set = vectors::fill(command, labels, prompts, &tiers)?;
    let of_labels = TunedEncoder {
        embedder: tiers.len() - 1,
        kept_from_it: rows.kept_labels,
        task: tuned.head("task", names.tasks),
        complexity: tuned.head("complexity", names.complexities),
    };
    if let Some(unlabelled) = unlabelled {
        let (taught, told) = unlabelled.teach(&tiers, &of_labels, labels)?;
        set.inputs.extend(unlabelled.inputs);
        set.taught = Some(taught);
        metrics["unlabelled"] = told;
    }
    set.tuned = Some(of_labels);
    // Where it stands among the artifact's embedders is known when the artifact is put together.
    let quality = tuned.head("quality", rows.models);
    let quality = quality.map(|head| TunedQuality { embedder: 0, head, kept_from_it: rows.kept_outcomes });
    Ok(TunedSet { set, encoder, tier, quality, metrics })
}

/// Trains the encoder, and tells how it goes.
fn learn(base: &str, folder: &Path, rows: &TunedRows, how: &FineTuneCommand) -> Result<FineTuned, UsageError> {
    let (learnt, kept) = (rows.learnt.len(), rows.validation.len());
    eprint_step(&format!("fine-tuning {base} on {learnt} rows, {kept} kept from it"));
    let bar = progress::bar(how.options.epochs * learnt.div_ceil(how.options.batch.max(1)), "fine-tuning");
    let on = FineTuneRows { training: &rows.learnt, validation: &rows.validation, targets: rows.targets };
    let tuned = fine_tune(folder, on, &how.options, &mut |now| {
        bar.set_length(now.steps as u64);
        bar.set_position(now.step as u64);
        now.evaluation.into_iter().for_each(|found| bar.suspend(|| tell(now, found)));
        ControlFlow::Continue(())
    });
    let tuned = tuned.map_err(|error| wrong(&error))?;
    bar.finish_and_clear();
    Ok(tuned)
}

/// Writes the encoder into a folder beside the artifact to be, which is deleted unless it moves there. Its name is always the same, so that the next run with this `--out`
/// sweeps what a killed one left.
fn write(tuned: &FineTuned, base: &Path, command: &TrainCommand, how: &FineTuneCommand) -> anyhow::Result<TempDir> {
    let parent = command.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let name = format!(".{}.encoder", super::artifact_name(&command.out));
    let left = parent.join(&name);
    match std::fs::remove_dir_all(&left) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(anyhow::Error::new(error).context(format!("{}: cannot be cleared", left.display())));
        }
        _ => {}
    }
    let encoder = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir_in(parent)?;
    let written = encoder.path().join(ENCODER_FOLDER);
    tuned.write_folder(base, &written, how.max_tokens).map_err(|error| wrong(&error))?;
    if how.encoder_precision == EncoderPrecision::Int8 {
        embedder::weights_to_bytes(&written)?;
    }
    Ok(encoder)
}

fn wrong(error: &FineTuneError) -> UsageError {
    UsageError(format!("--fine-tune: {error}"))
}

/// Whether the built-in embedder goes first, and the model that is fine-tuned.
fn base_of(embedder: &str) -> (bool, &str) {
    match embedder.split_once(':') {
        _ if embedder == BUILTIN => (false, BASE),
        _ if embedder == training_set::CASCADE => (true, BASE),
        Some((training_set::CASCADE, base)) => (true, base),
        _ => (false, embedder),
    }
}

/// The last part of a hub's name or of a path, without a revision.
fn short_name(base: &str) -> &str {
    let name = base.trim_end_matches('/').rsplit('/').next().unwrap_or(base);
    name.split('@').next().unwrap_or(name)
}

#[expect(clippy::print_stderr, reason = "progress of a command goes to standard error")]
fn tell(now: &Progress<'_>, found: &Evaluation) {
    let figure = |name: &str, value: Option<f64>| value.map(|value| format!(", {name} {value:.3}")).unwrap_or_default();
    eprintln!(
        "  step {} of {}: loss {:.3}{}{}{}{}{}, {:.0} s left",
        now.step,
        now.steps,
        found.training_loss,
        figure("held-out task loss", found.task_loss),
        figure("accuracy", found.task_accuracy),
        figure("macro-F1", found.task_macro_f1),
        figure("complexity accuracy", found.complexity_accuracy),
        figure("held-out quality loss", found.quality_loss),
        now.seconds_left,
    );
}

fn metrics(base: &str, how: &FineTuneCommand, tuned: &FineTuned, learnt: usize, kept: usize) -> Value {
    json!({
        "base": short_name(base),
        "auxiliary_field": how.auxiliary_field,
        "max_tokens": how.max_tokens,
        "noisy_copies": how.noisy_copies,
        "encoder_precision": how.encoder_precision,
        "options": how.options,
        "rows_learnt": learnt,
        "rows_kept": kept,
        "history": tuned.history,
        "kept": tuned.best,
    })
}
