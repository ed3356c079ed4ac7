//! `train --fine-tune`: rows of labels and outcomes to an encoder of the artifact's own, and to the set that its heads are fitted on. The vectors come from the encoder as it
//! was written, so that heads read what serving will read.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rows::{RowsOf, TrainingRows};
use super::unlabelled::Unlabelled;
use super::{TrainCommand, eprint_step, tuned_outcomes, vectors};
use crate::classifier::ENCODER_FOLDER;
use crate::commands::{UsageError, parts, progress, training_set};
use crate::dataset::{LabelRow, PromptRow};
use crate::embedder::{self, BUILTIN};
use crate::prompt;
use crate::routing::Tier;
use crate::training::fine_tune::{
    Evaluation, FineTuneError, FineTuneOptions, FineTuneRow, FineTuneRows, FineTuned, Progress, Targets, fine_tune,
    tokenize,
};
use crate::training::{
    self, LabelNames, LabelledPrompt, TrainOptions, TrainingSet, TunedEncoder, TunedQuality, kept_rows,
};

use super::super::material::Material;

/// What is fine-tuned where no model is named.
const BASE: &str = "all-MiniLM-L6-v2";
/// Rows kept from the encoder below which nothing can be chosen on them.
pub(super) const LEAST_KEPT: usize = 2;

/// How to fine-tune.
#[derive(Debug, Clone)]
pub struct FineTuneCommand {
    /// Field of the finer label.
    pub auxiliary_field: Option<String>,
    /// Files of prompts that the first tier learns what the encoder says of.
    pub unlabelled: Vec<PathBuf>,
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
    let wrong = |error: FineTuneError| UsageError(format!("--fine-tune: {error}"));
    let labels = &all.labels;
    let (is_cascade, base) = base_of(&command.embedder);
    let unlabelled = Unlabelled::check(&how.unlabelled, is_cascade)?;
    let folder = embedder::locate(base).map_err(|error| UsageError(format!("--embedder {base}: {error}")))?;
    let names = training::label_names(&prompts, options).map_err(|error| UsageError(error.to_string()))?;
    let auxiliary = auxiliary_names(labels, how)?;
    let models = tuned_outcomes::models(&all.outcomes);
    let mut rows = rows(labels, &names, &auxiliary, &folder, how)?;
    let kept = if rows.is_empty() { BTreeSet::new() } else { kept_from_it(&rows, &labels.files, how)? };
    let mut kept_outcomes = BTreeSet::new();
    if !models.is_empty() {
        kept_outcomes = tuned_outcomes::kept_from_it(all, &kept, how)?;
        rows.extend(tuned_outcomes::rows(&all.outcomes, &models, &folder, how)?);
    }
    let is_kept_row = |at: usize| match at.checked_sub(labels.rows.len()) {
        None => kept.contains(&at),
        Some(outcome) => kept_outcomes.contains(&outcome),
    };
    let of = |is_kept: bool| -> Vec<FineTuneRow> {
        let chosen = rows.iter().enumerate().filter(|(at, _)| is_kept_row(*at) == is_kept);
        chosen.map(|(_, row)| row.clone()).collect()
    };
    let (learnt, validation) = (of(false), of(true));
    let targets = Targets {
        tasks: names.tasks.len(),
        auxiliary: auxiliary.len(),
        complexities: names.complexities.len(),
        models: models.len(),
    };
    eprint_step(&format!("fine-tuning {base} on {} rows, {} kept from it", learnt.len(), validation.len()));
    let bar = progress::bar(how.options.epochs * learnt.len().div_ceil(how.options.batch.max(1)), "fine-tuning");
    let on = FineTuneRows { training: &learnt, validation: &validation, targets };
    let tuned = fine_tune(&folder, on, &how.options, &mut |now| {
        bar.set_length(now.steps as u64);
        bar.set_position(now.step as u64);
        now.evaluation.into_iter().for_each(|found| bar.suspend(|| tell(now, found)));
        ControlFlow::Continue(())
    });
    let tuned = tuned.map_err(wrong)?;
    bar.finish_and_clear();

    let parent = command.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let encoder = tempfile::Builder::new().prefix(".semroute-encoder-").tempdir_in(parent)?;
    let written = encoder.path().join(ENCODER_FOLDER);
    tuned.write_folder(&folder, &written, how.max_tokens).map_err(wrong)?;
    if how.encoder_precision == EncoderPrecision::Int8 {
        embedder::weights_to_bytes(&written)?;
    }
    let name = format!("{}-tuned", short_name(base));
    // As it is stored: heads are fitted on the vectors that serving will make.
    let opened = embedder::open(&name, Some(&written), None).map_err(|error| UsageError(error.to_string()))?;
    let tier = Tier::start(opened)?;
    let mut tiers = vec![tier.clone()];
    if is_cascade {
        tiers.insert(0, Tier::start(parts::open_embedder(BUILTIN)?)?);
    }
    let mut metrics = metrics(base, how, &tuned, learnt.len(), validation.len());
    let mut set = vectors::fill(command, labels, prompts, &tiers)?;
    let of_labels = TunedEncoder {
        embedder: tiers.len() - 1,
        kept_from_it: kept.into_iter().collect(),
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
    let kept_from_it = kept_outcomes.into_iter().collect();
    // Where it stands among the artifact's embedders is known when the artifact is put together.
    let quality = tuned.head("quality", models).map(|head| TunedQuality { embedder: 0, head, kept_from_it });
    Ok(TunedSet { set, encoder, tier, quality, metrics })
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

/// The finer labels by name; none where no field was named.
fn auxiliary_names(labels: &RowsOf<LabelRow>, how: &FineTuneCommand) -> Result<Vec<String>, UsageError> {
    let names: BTreeSet<&String> = labels.rows.iter().filter_map(|(row, _)| row.auxiliary.as_ref()).collect();
    match &how.auxiliary_field {
        Some(field) if names.is_empty() => Err(UsageError(format!(
            "--auxiliary-field {field}: no row has this field; name the one that holds the finer label"
        ))),
        _ => Ok(names.into_iter().cloned().collect()),
    }
}

fn rows(
    labels: &RowsOf<LabelRow>,
    names: &LabelNames,
    auxiliary: &[String],
    base: &Path,
    how: &FineTuneCommand,
) -> anyhow::Result<Vec<FineTuneRow>> {
    let tokens = tokens_of(labels, |row| &row.prompt, base, how)?;
    let place = |names: &[String], label: &Option<String>| {
        label.as_ref().and_then(|label| names.iter().position(|name| name == label))
    };
    let row = |((row, _), tokens): (&(LabelRow, Material), Vec<u32>)| FineTuneRow {
        tokens,
        task: place(&names.tasks, &row.task),
        auxiliary: place(auxiliary, &row.auxiliary),
        complexity: place(&names.complexities, &row.complexity),
        quality: Vec::new(),
    };
    Ok(labels.rows.iter().zip(tokens).map(row).collect())
}

/// What the encoder reads of each row.
pub(super) fn tokens_of<T>(
    rows: &RowsOf<T>,
    prompt_of: impl Fn(&T) -> &PromptRow,
    base: &Path,
    how: &FineTuneCommand,
) -> anyhow::Result<Vec<Vec<u32>>> {
    let mut texts = Vec::with_capacity(rows.rows.len());
    for ((row, material), file) in rows.rows.iter().zip(&rows.files) {
        let Material::Words(words) = material else {
            let place = format!("{}:{}", rows.inputs[*file].file, prompt_of(row).line);
            let message =
                format!("{place}: --fine-tune reads prompts, and this row holds their features only; leave it out");
            return Err(UsageError(message).into());
        };
        texts.push(prompt::read(words).excerpt());
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(tokenize(base, &texts, how.max_tokens).map_err(|error| UsageError(format!("--fine-tune: {error}")))?)
}

/// The share of the rows that is kept from the encoder.
fn share_of(how: &FineTuneCommand) -> Result<f64, UsageError> {
    let share = how.validation;
    if !(share > 0.0 && share <= 0.5) {
        return Err(UsageError(format!("--validation {share}: a share above 0 and up to 0.5 is needed")));
    }
    Ok(share)
}

/// Into how many parts rows are dealt, one of which is kept from the encoder.
pub(super) fn folds_of(how: &FineTuneCommand) -> Result<usize, UsageError> {
    Ok((1.0 / share_of(how)?).round() as usize)
}

/// Whole files where there are enough of them; otherwise the same share of every task (of every complexity, where there are no tasks).
fn kept_from_it(rows: &[FineTuneRow], files: &[usize], how: &FineTuneCommand) -> Result<BTreeSet<usize>, UsageError> {
    let share = share_of(how)?;
    let label = |row: &FineTuneRow| row.task.map_or(row.complexity.unwrap_or(0), |task| 1 + task);
    let labels: Vec<usize> = rows.iter().map(label).collect();
    let kept: BTreeSet<usize> = kept_rows(files, &labels, share, how.options.seed).into_iter().collect();
    if kept.len() < LEAST_KEPT {
        return Err(UsageError(format!(
            "--validation {share}: of {} rows {} would be kept from the encoder, and at least {LEAST_KEPT} are needed; raise it, or label more",
            rows.len(),
            kept.len()
        )));
    }
    Ok(kept)
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
        "encoder_precision": how.encoder_precision,
        "options": how.options,
        "rows_learnt": learnt,
        "rows_kept": kept,
        "history": tuned.history,
        "kept": tuned.best,
    })
}
