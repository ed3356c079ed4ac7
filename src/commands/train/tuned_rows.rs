//! `train --fine-tune`: labelled rows and outcomes to what the encoder learns from, and which rows it must not see.

use std::collections::BTreeSet;
use std::path::Path;

use super::rows::{RowsOf, TrainingRows};
use super::tuned::FineTuneCommand;
use super::tuned_outcomes;
use crate::commands::UsageError;
use crate::commands::material::Material;
use crate::dataset::{LabelRow, PromptRow};
use crate::prompt;
use crate::training::fine_tune::{FineTuneRow, Targets, tokenize};
use crate::training::{LabelNames, kept_rows, with_noise};

/// Rows kept from the encoder below which nothing can be chosen on them.
pub(super) const LEAST_KEPT: usize = 2;

/// What the encoder learns from, and what is measured on.
pub(super) struct TunedRows {
    pub(super) learnt: Vec<FineTuneRow>,
    pub(super) validation: Vec<FineTuneRow>,
    pub(super) targets: Targets,
    /// Models that outcomes score, by rising name.
    pub(super) models: Vec<String>,
    /// Labelled rows that were kept from it, as indices.
    pub(super) kept_labels: Vec<usize>,
    /// Outcome rows that were kept from it, as indices.
    pub(super) kept_outcomes: Vec<usize>,
}

impl TunedRows {
    /// Tokenises by the base model's own tokenizer and deals the rows out.
    pub(super) fn of(
        all: &TrainingRows,
        names: &LabelNames,
        base: &Path,
        how: &FineTuneCommand,
    ) -> anyhow::Result<Self> {
        let labels = &all.labels;
        let auxiliary = auxiliary_names(labels, how)?;
        let models = tuned_outcomes::models(&all.outcomes);
        let mut rows = of_labels(labels, names, &auxiliary, base, how)?;
        let kept_labels = if rows.is_empty() {
            BTreeSet::new()
        } else {
            kept_from_it(&rows[..labels.measurable], &labels.files[..labels.measurable], how)?
        };
        let mut kept_outcomes = BTreeSet::new();
        if !models.is_empty() {
            kept_outcomes = tuned_outcomes::kept_from_it(all, &kept_labels, how)?;
            rows.extend(tuned_outcomes::rows(&all.outcomes, &models, base, how)?);
        }
        let targets = Targets {
            tasks: names.tasks.len(),
            auxiliary: auxiliary.len(),
            complexities: names.complexities.len(),
            models: models.len(),
        };
        let (mut learnt, mut validation) = (Vec::new(), Vec::new());
        for (at, row) in rows.into_iter().enumerate() {
            let is_kept = match at.checked_sub(labels.rows.len()) {
                None => kept_labels.contains(&at),
                Some(outcome) => kept_outcomes.contains(&outcome),
            };
            if is_kept { &mut validation } else { &mut learnt }.push(row);
        }
        let (kept_labels, kept_outcomes) = (kept_labels.into_iter().collect(), kept_outcomes.into_iter().collect());
        Ok(Self { learnt, validation, targets, models, kept_labels, kept_outcomes })
    }
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

fn of_labels(
    labels: &RowsOf<LabelRow>,
    names: &LabelNames,
    auxiliary: &[String],
    base: &Path,
    how: &FineTuneCommand,
) -> anyhow::Result<Vec<FineTuneRow>> {
    let place = |names: &[String], label: &Option<String>| {
        label.as_ref().and_then(|label| names.iter().position(|name| name == label))
    };
    let tokens = tokens_of(labels, |row| &row.prompt, base, how)?;
    let texts = tokens.into_iter().zip(tokens_of_copies(labels, base, how)?);
    let rows = labels.rows.iter().zip(texts).map(|((row, _), (tokens, copies))| FineTuneRow {
        tokens,
        copies,
        task: place(&names.tasks, &row.task),
        auxiliary: place(auxiliary, &row.auxiliary),
        complexity: place(&names.complexities, &row.complexity),
        quality: Vec::new(),
    });
    Ok(rows.collect())
}

/// What the encoder reads of each row's noisy copies.
fn tokens_of_copies<T>(rows: &RowsOf<T>, base: &Path, how: &FineTuneCommand) -> anyhow::Result<Vec<Vec<Vec<u32>>>> {
    let mut of_rows = vec![Vec::new(); rows.rows.len()];
    for copy in 0..how.noisy_copies {
        let excerpt = |words: &str| {
            let noisy = with_noise(words, how.options.seed.wrapping_add(copy as u64));
            prompt::read(&prompt::own_words(&noisy)).excerpt()
        };
        let texts = rows.rows.iter().map(|(_, material)| material.words().map(excerpt).unwrap_or_default());
        let texts: Vec<String> = texts.collect();
        for (of_row, tokens) in of_rows.iter_mut().zip(tokens_of_texts(&texts, base, how)?) {
            of_row.push(tokens);
        }
    }
    Ok(of_rows)
}

fn tokens_of_texts(texts: &[String], base: &Path, how: &FineTuneCommand) -> anyhow::Result<Vec<Vec<u32>>> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(tokenize(base, &texts, how.max_tokens).map_err(|error| UsageError(format!("--fine-tune: {error}")))?)
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
    tokens_of_texts(&texts, base, how)
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
