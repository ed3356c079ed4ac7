//! `train --fine-tune --unlabelled`: files of prompts to what the trained encoder says of them. Every row is looked at before anything is trained, and read again
//! afterwards in batches, so that no more texts than one batch are ever in memory.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::eprint_step;
use super::rows::{RowsOf, input_record};
use crate::classifier::InputRecord;
use crate::commands::material::{Material, features_of};
use crate::commands::{UsageError, progress};
use crate::dataset::{LabelRow, PromptSource, UnlabelledPrompts};
use crate::routing::Tier;
use crate::training::{TaughtRows, TunedEncoder, Withheld};

const ROWS_A_BATCH: usize = 64;

/// Files whose rows were looked at.
pub(super) struct Unlabelled<'a> {
    paths: &'a [PathBuf],
    /// For the card.
    pub(super) inputs: Vec<InputRecord>,
}

impl<'a> Unlabelled<'a> {
    /// Looks at every row; `None` where no file was given.
    pub(super) fn check(paths: &'a [PathBuf], is_cascade: bool) -> anyhow::Result<Option<Self>> {
        if paths.is_empty() {
            return Ok(None);
        }
        if !is_cascade {
            let message = "--unlabelled: the first tier of a cascade learns from these; give --embedder cascade (or cascade:NAME), or leave it out";
            return Err(UsageError(message.into()).into());
        }
        let mut inputs = Vec::new();
        for path in paths {
            let mut rows = 0;
            for row in materials(path)? {
                row?;
                rows += 1;
            }
            inputs.push(input_record(path, "unlabelled", rows)?);
        }
        Ok(Some(Self { paths, inputs }))
    }

    /// Asks the teacher about every prompt, but for those that are labelled or touch one that was kept from it: what it says of those is measured. Also gives
    /// what the card says of them.
    pub(super) fn teach(
        &self,
        tiers: &[Tier],
        teacher: &TunedEncoder,
        labels: &RowsOf<LabelRow>,
    ) -> anyhow::Result<(TaughtRows, Value)> {
        let all: usize = self.inputs.iter().map(|input| input.rows).sum();
        eprint_step(&format!("asking the encoder about {all} prompts without labels"));
        let words = |at: usize| labels.rows.get(at).and_then(|(_, material)| material.words());
        let mut kept = Withheld::default();
        teacher.kept_from_it.iter().filter_map(|at| words(*at)).for_each(|words| kept.add(words));
        let mut seen: HashSet<u64> = (0..labels.rows.len()).filter_map(words).map(hash).collect();
        let mut taught = TaughtRows::new(tiers.first().map_or(0, |tier| tier.identity().dims));
        let bar = progress::bar(all, "unlabelled");
        let (mut known, mut kept_apart) = (0usize, 0usize);
        let mut batch: Vec<Material> = Vec::with_capacity(ROWS_A_BATCH);
        for path in self.paths {
            for material in materials(path)? {
                let material = material?;
                bar.inc(1);
                let Some(words) = material.words() else { continue };
                if !seen.insert(hash(words)) {
                    known += 1;
                } else if kept.touches(words) {
                    kept_apart += 1;
                } else {
                    batch.push(material);
                    if batch.len() == ROWS_A_BATCH {
                        ask(&mut taught, &mut batch, tiers, teacher)?;
                    }
                }
            }
        }
        ask(&mut taught, &mut batch, tiers, teacher)?;
        bar.finish_and_clear();
        let told = json!({
            "rows": all,
            "known_already": known,
            "too_like_a_kept_row": kept_apart,
            "learnt_from": taught.len(),
        });
        Ok((taught, told))
    }
}

fn ask(
    taught: &mut TaughtRows,
    batch: &mut Vec<Material>,
    tiers: &[Tier],
    teacher: &TunedEncoder,
) -> anyhow::Result<()> {
    let materials: Vec<&Material> = batch.iter().collect();
    for features in features_of(tiers, &materials, |_| true)? {
        taught.push(&features, teacher);
    }
    batch.clear();
    Ok(())
}

/// The words of every row of a file; a row without words is wrong.
fn materials(path: &Path) -> Result<impl Iterator<Item = Result<Material, UsageError>> + '_, UsageError> {
    let rows = UnlabelledPrompts::open(path).map_err(|error| UsageError(format!("--unlabelled: {error}")))?;
    Ok(rows.map(move |row| {
        let row = row.map_err(|error| UsageError(format!("--unlabelled: {error}")))?;
        if let PromptSource::Features { .. } = row.source {
            return Err(UsageError(format!(
                "--unlabelled: {}:{}: the row holds a prompt's features only, and the encoder reads words; leave it out",
                path.display(),
                row.line
            )));
        }
        Material::read(path, &row)
    }))
}

fn hash(words: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}
