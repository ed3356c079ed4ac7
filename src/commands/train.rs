//! `semroute train`: label and outcome files to an artifact. Reads every row before it computes anything, so that a wrong row
//! is found at once; what it learns is `training`'s business.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

mod rows;
mod tuned;
mod tuned_outcomes;
mod tuned_rows;
mod unlabelled;
mod vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::rows::TrainingRows;
pub(super) use self::rows::input_record;
pub use self::tuned::{EncoderPrecision, FineTuneCommand};
use super::{UsageError, parts};
use crate::classifier::{ArtifactManifest, ENCODER_FOLDER, EmbedderRecord, check_destination, write_artifact_with};
use crate::routing::Tier;
use crate::training::{self, Method, TrainOptions};

/// What fine-tuning can be told.
pub mod options {
    pub use crate::training::fine_tune::{Averaging, CheckpointOptions, ClassWeights, FineTuneOptions, TrainingDevice};
}

/// What to train.
#[derive(Debug, Clone)]
pub struct TrainCommand {
    /// Label files.
    pub labels: Vec<PathBuf>,
    /// Label files that are learnt from and never measured on.
    pub extra_labels: Vec<PathBuf>,
    /// Outcome files.
    pub outcomes: Vec<PathBuf>,
    /// The artifact's folder.
    pub out: PathBuf,
    /// `builtin`, a pulled model, a folder, or `cascade` for both tiers.
    pub embedder: String,
    /// Which kinds of head are compared.
    pub method: Method,
    /// Field of the task label.
    pub label_field: String,
    /// Complexity labels, easiest first.
    pub complexity_order: Option<Vec<String>>,
    /// Whether the artifact keeps the prompts' text.
    pub keep_examples: bool,
    /// Seed.
    pub seed: u64,
    /// Whether the encoder is trained too, and how.
    pub fine_tune: Option<FineTuneCommand>,
}

/// Trains and writes.
pub fn run(command: &TrainCommand) -> anyhow::Result<()> {
    check_destination(&command.out).map_err(|error| UsageError(format!("--out {error}")))?;
    let rows = TrainingRows::read(command)?;
    // An encoder of its own, and another one beside it for tasks, would be two for every unsure prompt.
    let base = parts::inheritable(command.fine_tune.is_some());
    let options = TrainOptions {
        name: artifact_name(&command.out),
        seed: command.seed,
        method: command.method,
        complexity_order: command.complexity_order.clone(),
        task_order: TASK_ORDER.map(str::to_owned).to_vec(),
    };
    let prompts = vectors::prompts(command, &rows.labels);
    training::check_labels(&prompts, &options).map_err(|error| UsageError(error.to_string()))?;
    let (set, mut tuned) = match &command.fine_tune {
        None => (vectors::of_labels(command, &rows.labels, prompts)?, None),
        Some(how) => {
            let mut tuned = tuned::of_rows(command, how, &rows, prompts, &options)?;
            (std::mem::take(&mut tuned.set), Some(tuned))
        }
    };
    let mut trained = training::train(set, base.as_ref(), &options, &|step| eprint_step(step))
        .map_err(|error| UsageError(error.to_string()))?;
    if let Some(tuned) = &mut tuned {
        tuned_outcomes::place(tuned, &mut trained)?;
        let fingerprint = &tuned.tier.identity().fingerprint;
        let records = trained.manifest.embedders.iter_mut().filter(|record| record.fingerprint == *fingerprint);
        records.for_each(|record| record.folder = Some(ENCODER_FOLDER.to_owned()));
        trained.manifest.card.metrics.insert("fine_tuning".into(), tuned.metrics.clone());
    }
    if !command.outcomes.is_empty() {
        let open = |record: &EmbedderRecord| match &tuned {
            Some(tuned) if record.folder.is_some() => Ok(tuned.tier.clone()),
            _ => Ok(Tier::start(parts::open_embedder(&record.name)?)?),
        };
        let quality = tuned.as_ref().and_then(|tuned| tuned.quality.as_ref());
        let examples = vectors::of_outcomes(&trained, &rows.outcomes.rows, quality.is_some(), open)?;
        trained.add_outcomes(&examples, &rows.outcomes.inputs, quality);
        trained.leave_unread_encoder();
    }
    let carries_it = trained.manifest.embedders.iter().any(|record| record.folder.is_some());
    let encoder = tuned.as_ref().filter(|_| carries_it).map(tuned::TunedSet::folder);
    let manifest = write_artifact_with(&command.out, trained.manifest, &trained.classifier, encoder.as_deref())?;
    let over = command.fine_tune.as_ref().filter(|how| !how.keep_checkpoint);
    if let Some(checkpoint) = over.and_then(|how| how.options.checkpoint.as_ref()) {
        // The run is over. A file that cannot be deleted is refused by name when another run is begun with it.
        let _deleted = std::fs::remove_file(&checkpoint.path);
    }
    report(command, &manifest.card.metrics, &manifest);
    Ok(())
}

/// The share of the best predicted quality whose trade-off is told.
const KEPT_SHOWN: f64 = 0.9;

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
            Some(of_head) => print_field(target, of_head),
            None => println!("  {target:<11} {} labels, inherited from {}", head.labels.len(), head.origin),
        }
    }
    for (model, record) in &manifest.outcomes {
        println!("  outcomes    {model}: mean quality {:.3} over {} rows", record.mean, record.rows);
    }
    if let Some(told) = tuned_outcomes::told(metrics) {
        println!("  quality     {told}");
    }
    if let Some(curve) = metrics.get("cost_quality_curve") {
        print_curve(curve);
    }
    let rows = if command.labels.is_empty() { "outcomes" } else { "labels" };
    println!("next: semroute evaluate --router {} --{rows} FILE", command.out.display());
}

/// What keeping most of the best predicted quality gave on rows held out.
fn print_curve(curve: &Value) {
    let near = |point: &&Value| point["kept"].as_f64().is_some_and(|kept| (kept - KEPT_SHOWN).abs() < 1e-9);
    if let Some(point) = curve["points"].as_array().into_iter().flatten().find(near) {
        let percent = |share: &Value| share.as_f64().unwrap_or(0.0) * 100.0;
        println!(
            "  trade-off   keeping {:.0}% of the best predicted quality gave {:.0}% of {}'s quality at {:.0}% of its cost on {} held-out rows",
            KEPT_SHOWN * 100.0,
            percent(&point["quality_share"]),
            curve["best_single"].as_str().unwrap_or_default(),
            percent(&point["cost_share"]),
            curve["rows"]
        );
    }
}

/// What was compared on held-out rows, and what won.
fn print_field(target: &str, of_head: &Value) {
    println!(
        "  {target:<11} {} labels, {} rows; held out in {} folds of {}",
        of_head["labels"],
        of_head["rows"],
        of_head["folds"],
        of_head["folds_of"].as_str().unwrap_or_default()
    );
    for tried in of_head["compared"].as_array().into_iter().flatten() {
        let (tier, method) = (tried["tier"].as_str().unwrap_or_default(), tried["method"].as_str().unwrap_or_default());
        println!(
            "    {tier:<12} {method:<12} accuracy {:<7} macro-F1 {:<7} log loss {:<7} ECE {}",
            tried["held_out_accuracy"].to_string(),
            tried["held_out_macro_f1"].to_string(),
            tried["held_out_log_loss"].to_string(),
            tried["held_out_ece"]
        );
    }
    println!(
        "    abstains below confidence {}, keeping {} of the rows",
        of_head["abstain"]["below"], of_head["abstain"]["coverage"]
    );
    if let Some(cascade) = of_head.get("cascade").filter(|cascade| !cascade.is_null()) {
        println!(
            "    cascade: accuracy {} with the second tier asked for {} of the rows (first tier {}, second tier {})",
            cascade["cascade_accuracy"],
            cascade["second_tier_share"],
            cascade["first_tier_accuracy"],
            cascade["second_tier_accuracy"]
        );
    }
}
