//! `semroute fit-difficulty`: outcome files of many models to the difficulty prior that ships inside the binary. Prompts of the files
//! that it must not see are left out, so that figures measured on those stay honest.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::{Path, PathBuf};

use serde_json::json;

use super::material::Material;
use super::train::input_record;
use super::{UsageError, parts, progress, training_set};
use crate::classifier::{
    DIFFICULTY_MANIFEST, DIFFICULTY_VERSION, DifficultyManifest, EmbedderRecord, InputRecord, write_difficulty,
};
use crate::dataset::OutcomeRow;
use crate::embedder::BUILTIN;
use crate::prompt::READER_VERSION;
use crate::routing::{Tier, read_features};
use crate::training::{OutcomeExample, Withheld, fit_difficulty};

const ROWS_A_BATCH: usize = 64;

/// What to fit.
#[derive(Debug, Clone)]
pub struct FitDifficultyCommand {
    /// The folder of the files.
    pub rows: PathBuf,
    /// Outcome files to learn from.
    pub outcomes: Vec<PathBuf>,
    /// Files whose prompts are left out.
    pub without: Vec<PathBuf>,
    /// The prior's folder.
    pub out: PathBuf,
    /// Seed of the folds.
    pub seed: u64,
}

/// Fits and writes.
pub fn run(command: &FitDifficultyCommand) -> anyhow::Result<()> {
    if command.out.exists() && !command.out.join(DIFFICULTY_MANIFEST).is_file() {
        let message = format!("--out {}: exists and is no difficulty prior; choose another", command.out.display());
        return Err(UsageError(message).into());
    }
    let missing = command.outcomes.iter().chain(&command.without).find(|file| !command.rows.join(file).is_file());
    if let Some(missing) = missing {
        let (rows, missing) = (command.rows.display(), missing.display());
        return Err(
            UsageError(format!("--rows {rows}: there is no {missing} in it; name the folder that holds it")).into()
        );
    }
    let (mut unseen, mut withheld) = (Withheld::default(), Vec::new());
    for file in &command.without {
        let (rows, record) = read(&command.rows.join(file))?;
        rows.iter().for_each(|(_, text)| unseen.add(text));
        withheld.push(record);
    }
    let tier = Tier::start(parts::open_embedder(BUILTIN)?)?;
    let (mut examples, mut inputs, mut left_out) = (Vec::new(), Vec::new(), serde_json::Map::new());
    for file in &command.outcomes {
        let (mut rows, mut record) = read(&command.rows.join(file))?;
        rows.retain(|(_, text)| !unseen.touches(text));
        left_out.insert(record.file.clone(), json!(record.rows - rows.len()));
        record.rows = rows.len();
        inputs.push(record);
        examples.extend(embed(&tier, &rows)?);
    }
    let identity = tier.identity();
    let fitted = fit_difficulty(&examples, &identity.fingerprint, command.seed)
        .map_err(|error| UsageError(error.to_string()))?;
    let mut metrics = fitted.metrics;
    metrics.insert("rows_left_out".into(), left_out.into());
    let manifest = DifficultyManifest {
        version: DIFFICULTY_VERSION,
        prompt_reader_version: READER_VERSION,
        embedder: EmbedderRecord {
            name: identity.name.clone(),
            dims: identity.dims,
            fingerprint: identity.fingerprint.clone(),
            folder: None,
        },
        weights_blake3: String::new(),
        inputs,
        withheld,
        metrics: metrics.into_iter().collect(),
    };
    let manifest = write_difficulty(&command.out, manifest, &fitted.prior)?;
    println!("wrote {} (weights {})", command.out.display(), &manifest.weights_blake3[..16]);
    for (name, value) in &manifest.metrics {
        println!("  {name}: {value}");
    }
    Ok(())
}

type RowWithWords = (OutcomeRow, String);

fn read(path: &Path) -> anyhow::Result<(Vec<RowWithWords>, InputRecord)> {
    let rows = OutcomeRow::read_file(path).map_err(|error| UsageError(error.to_string()))?;
    let record = input_record(path, "outcomes", rows.len())?;
    let with_words = rows.into_iter().map(|row| match Material::read(path, &row.prompt)? {
        Material::Words(words) => Ok((row, words)),
        Material::Kept(_) => {
            let place = format!("{}:{}", path.display(), row.prompt.line);
            Err(UsageError(format!("{place}: features: the prior is fitted on words; give rows with a prompt")))
        }
    });
    Ok((with_words.collect::<Result<_, UsageError>>()?, record))
}

fn embed(tier: &Tier, rows: &[RowWithWords]) -> anyhow::Result<Vec<OutcomeExample>> {
    let bar = progress::bar(rows.len(), "embedding");
    let mut examples = Vec::with_capacity(rows.len());
    for batch in rows.chunks(ROWS_A_BATCH) {
        let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
        let read = read_features(std::slice::from_ref(tier), &texts)?;
        for ((row, text), features) in batch.iter().zip(read) {
            examples.push(training_set::outcome_example(row, text.chars().count() as f64, features));
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(examples)
}
