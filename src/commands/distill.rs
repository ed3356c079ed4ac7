//! `semroute distill`: a static table from a transformer's folder.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::PathBuf;

use anyhow::Context;

use super::{UsageError, parts, progress};
use crate::embedder::{OpenedEmbedder, write_table};
use crate::training::{self, DistillOptions};

/// What to distil.
#[derive(Debug, Clone)]
pub struct DistillCommand {
    /// A transformer's folder or the name of a pulled model.
    pub from: String,
    /// The table's folder.
    pub out: PathBuf,
    /// Columns.
    pub dims: usize,
    /// `a` of the frequency weight.
    pub frequency_smoothing: f64,
}

/// Distils and writes.
pub fn run(command: &DistillCommand) -> anyhow::Result<()> {
    if command.out.exists() && !command.out.join("table.safetensors").is_file() {
        let message = format!("--out {}: exists and is not a static table; choose another", command.out.display());
        return Err(UsageError(message).into());
    }
    let OpenedEmbedder::Transformer(transformer) = parts::open_embedder(&command.from)? else {
        let message = format!("--from {}: already a static table; name a transformer", command.from);
        return Err(UsageError(message).into());
    };
    let bar = progress::bar(transformer.vocabulary().len(), "distilling");
    let options = DistillOptions { dims: command.dims, frequency_smoothing: command.frequency_smoothing };
    let distilled = training::distill(&transformer, options, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let parent = command.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(std::path::Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let fresh = tempfile::Builder::new().prefix(".semroute-table-").tempdir_in(parent)?;
    write_table(fresh.path(), &distilled.vocabulary, &distilled.table())?;
    std::fs::create_dir_all(&command.out).with_context(|| command.out.display().to_string())?;
    // The vocabulary first: a table is only complete with both, and the size check of reading tells a mixture.
    for file in ["vocab.txt", "table.safetensors"] {
        std::fs::rename(fresh.path().join(file), command.out.join(file)).with_context(|| file.to_owned())?;
    }
    println!(
        "wrote {}: {} tokens x {} dimensions, {:.1}% of the variance kept",
        command.out.display(),
        distilled.vocabulary.len(),
        distilled.dims,
        distilled.explained_variance * 100.0
    );
    Ok(())
}
