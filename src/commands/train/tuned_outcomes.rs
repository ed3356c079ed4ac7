//! Outcome rows of `train --fine-tune`: which models they score, which of them the encoder may learn from, and how its quality heads enter the artifact.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::rows::{RowsOf, TrainingRows};
use super::tuned::{FineTuneCommand, TunedSet};
use super::tuned_rows::{LEAST_KEPT, folds_of, tokens_of};
use crate::commands::material::Material;
use crate::commands::{UsageError, parts};
use crate::dataset::OutcomeRow;
use crate::embedder::BUILTIN;
use crate::training::fine_tune::FineTuneRow;
use crate::training::{Trained, stratified_folds};

/// Every model that some row scores, by rising name.
pub(super) fn models(outcomes: &RowsOf<OutcomeRow>) -> Vec<String> {
    let names: BTreeSet<&String> = outcomes.rows.iter().flat_map(|(row, _)| row.scores.keys()).collect();
    names.into_iter().cloned().collect()
}

/// What is learnt of each row; a model that a row does not score is none of its targets.
pub(super) fn rows(
    outcomes: &RowsOf<OutcomeRow>,
    models: &[String],
    base: &Path,
    how: &FineTuneCommand,
) -> anyhow::Result<Vec<FineTuneRow>> {
    let tokens = tokens_of(outcomes, |row| &row.prompt, base, how)?;
    let place = |model: &String| models.binary_search(model).ok();
    let row = |((row, _), tokens): (&(OutcomeRow, _), Vec<u32>)| FineTuneRow {
        tokens,
        quality: row.scores.iter().filter_map(|(model, score)| Some((place(model)?, *score as f32))).collect(),
        ..FineTuneRow::default()
    };
    Ok(outcomes.rows.iter().zip(tokens).map(row).collect())
}

/// The outcome rows that the encoder does not learn from: the same share of the prompts of every set of models. Rows of the same words stay together, and
/// with the labels of those words: what was learnt of a prompt in one row would flatter it in another.
pub(super) fn kept_from_it(
    rows: &TrainingRows,
    kept_labels: &BTreeSet<usize>,
    how: &FineTuneCommand,
) -> Result<BTreeSet<usize>, UsageError> {
    let outcomes = &rows.outcomes.rows;
    let folds = folds_of(how)?;
    let mut is_kept: HashMap<&str, bool> = HashMap::new();
    for (at, (_, material)) in rows.labels.rows.iter().enumerate() {
        if let Some(words) = material.words() {
            *is_kept.entry(words).or_insert(true) &= kept_labels.contains(&at);
        }
    }
    let mut models_of: Vec<(&str, BTreeSet<&String>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (row, material) in outcomes {
        let Some(words) = material.words().filter(|words| !is_kept.contains_key(words)) else { continue };
        let place = *places.entry(words).or_insert_with(|| {
            models_of.push((words, BTreeSet::new()));
            models_of.len() - 1
        });
        models_of[place].1.extend(row.scores.keys());
    }
    let mut sets: BTreeMap<&BTreeSet<&String>, usize> = BTreeMap::new();
    let strata: Vec<usize> = models_of
        .iter()
        .map(|(_, models)| {
            let next = sets.len();
            *sets.entry(models).or_insert(next)
        })
        .collect();
    let fold_of = stratified_folds(&strata, folds, how.options.seed);
    is_kept.extend(models_of.iter().zip(fold_of).map(|((words, _), fold)| (*words, fold == 0)));
    let of_row = |material: &Material| material.words().and_then(|words| is_kept.get(words));
    let kept: BTreeSet<usize> =
        (0..outcomes.len()).filter(|row| of_row(&outcomes[*row].1).is_some_and(|is_kept| *is_kept)).collect();
    if kept.len() < LEAST_KEPT {
        return Err(UsageError(format!(
            "--validation {}: of {} rows of outcomes {} would be kept from the encoder, and at least {LEAST_KEPT} are needed; raise it, or give more",
            how.validation,
            outcomes.len(),
            kept.len()
        )));
    }
    Ok(kept)
}

/// The encoder's quality heads among the embedders of the artifact. Beside it goes the built-in embedder, which every other part of the predicted quality is
/// fitted on: the encoder's vectors know the scores of the rows that it learnt from.
pub(super) fn place(tuned: &mut TunedSet, trained: &mut Trained) -> anyhow::Result<()> {
    if let Some(quality) = &mut tuned.quality {
        trained.place(parts::open_embedder(BUILTIN)?.as_embedder().identity());
        quality.embedder = trained.place(tuned.tier.identity());
    }
    Ok(())
}

/// What was chosen for the encoder's own heads, in words; `None` where none were trained.
pub(super) fn told(metrics: &BTreeMap<String, serde_json::Value>) -> Option<String> {
    let network = metrics.get("quality_network")?;
    let (rows, share) = (&network["rows_kept_from_the_encoder"], network["share"].as_f64().unwrap_or(0.0));
    let errors = format!(
        "squared error {} with it, {} without, on {rows} rows kept from the encoder",
        network["held_out_squared_error"], network["held_out_squared_error_without"]
    );
    Some(if share > 0.0 {
        format!("the encoder's own heads count {:.0}%: {errors}", share * 100.0)
    } else {
        format!("the encoder's own heads gained nothing sure and are left out ({errors}); give more rows")
    })
}
