//! `semroute train`: label and outcome files to an artifact. Reads every row before it computes anything, so that a wrong row
//! is found at once; what it learns is `training`'s business.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

mod rows;
mod vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::rows::TrainingRows;
use super::{UsageError, parts};
use crate::classifier::{ArtifactManifest, check_destination, write_artifact};
use crate::embedder::BUILTIN;
use crate::training::{self, TrainOptions};

/// What to train.
#[derive(Debug, Clone)]
pub struct TrainCommand {
    /// Label files.
    pub labels: Vec<PathBuf>,
    /// Outcome files.
    pub outcomes: Vec<PathBuf>,
    /// The artifact's folder.
    pub out: PathBuf,
    /// `builtin`, a pulled model or a folder.
    pub embedder: String,
    /// Field of the task label.
    pub label_field: String,
    /// Complexity labels, easiest first.
    pub complexity_order: Option<Vec<String>>,
    /// Whether the artifact keeps the prompts' text.
    pub keep_examples: bool,
    /// Seed.
    pub seed: u64,
}

/// Trains and writes.
pub fn run(command: &TrainCommand) -> anyhow::Result<()> {
    check_destination(&command.out).map_err(|error| UsageError(format!("--out {error}")))?;
    let rows = TrainingRows::read(command)?;
    let set = vectors::of_labels(command, &rows.labels)?;
    let base = parts::read_artifact(BUILTIN).map(|(manifest, classifier)| (manifest, (*classifier).clone())).ok();
    let options = TrainOptions {
        name: artifact_name(&command.out),
        seed: command.seed,
        complexity_order: command.complexity_order.clone(),
        task_order: TASK_ORDER.map(str::to_owned).to_vec(),
    };
    let mut trained = training::train(&set, base.as_ref(), &options, &|step| eprint_step(step))
        .map_err(|error| UsageError(error.to_string()))?;
    if !command.outcomes.is_empty() {
        let examples = vectors::of_outcomes(&trained.manifest, &rows.outcomes.rows)?;
        trained.add_outcomes(&examples, &rows.outcomes.inputs);
    }
    let manifest = write_artifact(&command.out, trained.manifest, &trained.classifier)?;
    report(command, &manifest.card.metrics, &manifest);
    Ok(())
}

/// The built-in labels in the order of the documentation.
const TASK_ORDER: [&str; 14] = [
    "chat",
    "simple_qa",
    "code",
    "math",
    "translation",
    "summarization",
    "extraction",
    "classification",
    "rewriting",
    "creative_writing",
    "functional_writing",
    "brainstorming",
    "advice",
    "complex_reasoning",
];

fn artifact_name(out: &Path) -> String {
    out.file_name().map_or_else(|| "router".into(), |name| name.to_string_lossy().into_owned())
}

#[expect(clippy::print_stderr, reason = "progress of a command goes to standard error")]
fn eprint_step(step: &str) {
    eprintln!("{step} ...");
}

fn report(command: &TrainCommand, metrics: &BTreeMap<String, Value>, manifest: &ArtifactManifest) {
    println!("wrote {} (weights {})", command.out.display(), &manifest.weights_blake3[..16]);
    for (target, head) in [("task", &manifest.task), ("complexity", &manifest.complexity)] {
        match metrics.get(target) {
            Some(of_head) => println!(
                "  {target:<11} {} labels, {} rows; on held-out folds: accuracy {}, log loss {} (shrinkage {}, {} centroid(s) a label, temperature {:.4})",
                head.labels.len(),
                of_head["rows"],
                of_head["held_out_accuracy"],
                of_head["held_out_log_loss"],
                of_head["shrinkage"],
                of_head["centroids_per_label"],
                head.temperature,
            ),
            None => println!("  {target:<11} {} labels, inherited from {}", head.labels.len(), head.origin),
        }
    }
    for (model, record) in &manifest.outcomes {
        println!("  outcomes    {model}: mean quality {:.3} over {} rows", record.mean, record.rows);
    }
    println!("next: semroute evaluate --router {} --labels FILE", command.out.display());
}
