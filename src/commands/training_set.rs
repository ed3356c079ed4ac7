//! Labelled prompts to a training set: opens the embedders that `--embedder` names, reads every prompt's features, and adds the
//! noisy copies that heads learn steadiness from. `train` and the folds of `evaluate` share it, so that both train alike.

use std::collections::BTreeSet;
use std::path::Path;

use super::material::{Material, features_of};
use super::{UsageError, parts};
use crate::classifier::Features;
use crate::dataset::{CHARS_A_TOKEN, OutcomeRow};
use crate::embedder::BUILTIN;
use crate::prompt;
use crate::routing::{Tier, embed_windows, lexical_windows};
use crate::training::{LabelledPrompt, OutcomeExample, TrainingSet, noisy_copies, with_noise};

/// The transformer of `--embedder cascade`.
const CASCADE_TRANSFORMER: &str = "all-MiniLM-L6-v2";
/// The value of `--embedder` that puts the built-in embedder before a transformer.
pub const CASCADE: &str = "cascade";
const ROWS_A_BATCH: usize = 64;

/// One prompt and what is known of it.
pub struct Row<'a> {
    /// What is read of it.
    pub material: &'a Material,
    /// Its labels.
    pub prompt: LabelledPrompt,
}

/// The embedders of `builtin`, `cascade`, `cascade:NAME|DIR`, or of one name or folder.
pub fn tiers(embedder: &str) -> anyhow::Result<Vec<Tier>> {
    let names: Vec<String> = match embedder.split_once(':') {
        _ if embedder == CASCADE => vec![BUILTIN.into(), CASCADE_TRANSFORMER.into()],
        Some((CASCADE, transformer)) => vec![BUILTIN.into(), lasting_name(transformer)],
        _ => vec![lasting_name(embedder)],
    };
    if names.len() == 2 && names[0] == names[1] {
        return Err(UsageError(format!("--embedder {embedder}: the second tier must be a transformer")).into());
    }
    names.iter().map(|name| Ok(Tier::start(parts::open_embedder(name)?)?)).collect()
}

/// Adds the rows to the set, and after them noisy copies of those whose words are there. `progress` is told how many prompts were read.
pub fn fill<'a>(
    set: &mut TrainingSet,
    tiers: &[Tier],
    rows: impl Iterator<Item = Row<'a>>,
    seed: u64,
    progress: &dyn Fn(usize),
) -> anyhow::Result<()> {
    let mut read = 0;
    let mut kept: Vec<(usize, &Material, LabelledPrompt)> = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let batch: Vec<Row<'_>> = rows.by_ref().take(ROWS_A_BATCH).collect();
        let materials: Vec<&Material> = batch.iter().map(|row| row.material).collect();
        for (row, features) in batch.into_iter().zip(features_of(tiers, &materials, |_| true)?) {
            let labels = LabelledPrompt { text: None, ..row.prompt.clone() };
            let index = set.push(row.prompt, &features);
            kept.push((index, row.material, labels));
            read += 1;
        }
        progress(read);
    }
    let labels: BTreeSet<_> = kept.iter().filter_map(|(_, _, labels)| labels.task.as_ref()).collect();
    for copy in 0..noisy_copies(kept.len(), labels.len()) {
        for (original, material, labels) in &kept {
            let Some(text) = material.words() else { continue };
            set.push_copy(*original, labels.clone(), noisy_features(tiers, text, seed, copy)?);
        }
    }
    Ok(())
}

/// How models answered one prompt, with what is read of its words.
pub fn outcome_example(row: &OutcomeRow, prompt_chars: f64, features: Features) -> OutcomeExample {
    OutcomeExample {
        features,
        scores: row.scores.clone(),
        cost_usd: row.cost_usd.clone(),
        output_tokens: row.output_tokens.clone(),
        input_tokens: prompt_chars / CHARS_A_TOKEN,
    }
}

/// Features of a noisy copy of a prompt, the first or a later one. A transformer is not run for copies: they have their originals'
/// vectors, since slips hardly move those and a vector takes milliseconds.
pub fn noisy_features(tiers: &[Tier], text: &str, seed: u64, copy: u64) -> anyhow::Result<Features> {
    let noisy = with_noise(text, seed.wrapping_add(copy));
    let words = prompt::own_words(&noisy);
    let text = prompt::read(&words);
    let mut features = Features::of(lexical_windows(&text));
    for tier in tiers {
        features.vectors.push(match tier {
            Tier::Static(table) => Some(embed_windows(table, &text)?),
            Tier::Transformer(..) => None,
        });
    }
    Ok(features)
}

/// A folder is remembered by its full path, so that the artifact finds it from any other folder.
fn lasting_name(embedder: &str) -> String {
    match Path::new(embedder).canonicalize() {
        Ok(path) if path.is_dir() && embedder != BUILTIN => path.display().to_string(),
        _ => embedder.to_owned(),
    }
}
