//! `semroute train`: label and outcome files to an artifact.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::{UsageError, parts, progress};
use crate::classifier::{Features, InputRecord, check_destination, write_artifact};
use crate::dataset::{LabelFields, LabelRow, OutcomeRow, PromptRow, PromptSource};
use crate::embedder::BUILTIN;
use crate::prompt;
use crate::routing::{Tier, embed_batch};
use crate::training::{self, Example, OutcomeExample, TrainOptions, TrainingSet};

const ROWS_A_BATCH: usize = 64;

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
    if command.labels.is_empty() && command.outcomes.is_empty() {
        return Err(UsageError("nothing to train on: give --labels FILE, --outcomes FILE, or both".into()).into());
    }
    check_destination(&command.out).map_err(|error| UsageError(format!("--out {error}")))?;
    let labels = read_labels(command)?;
    let set = embed_labels(command, labels)?;
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
        let (rows, inputs) = read_outcomes(command, &trained)?;
        trained.add_outcomes(&rows, &inputs);
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

/// Label rows, with the words of each and where they came from.
#[derive(Default)]
struct LabelInput {
    rows: Vec<LabelRow>,
    texts: Vec<String>,
    inputs: Vec<InputRecord>,
}

fn read_labels(command: &TrainCommand) -> anyhow::Result<LabelInput> {
    let fields = LabelFields { task: command.label_field.clone(), ..LabelFields::default() };
    let mut read = LabelInput::default();
    for path in &command.labels {
        let rows = LabelRow::read_file(path, &fields).map_err(|error| UsageError(error.to_string()))?;
        read.inputs.push(input_record(path, "labels", rows.len())?);
        for row in rows {
            read.texts.push(words(path, &row.prompt)?);
            read.rows.push(row);
        }
    }
    if !read.rows.is_empty() {
        parts::check_label_field(&command.label_field, read.rows.iter().any(|row| row.task.is_some()))?;
    }
    Ok(read)
}

fn embed_labels(command: &TrainCommand, labels: LabelInput) -> anyhow::Result<TrainingSet> {
    let LabelInput { rows, texts, inputs } = labels;
    let opened = parts::open_embedder(&lasting_name(&command.embedder))?;
    let identity = opened.identity().clone();
    let tier = Tier::start(opened)?;
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let bar = progress::bar(rows.len(), "embedding");
    let mut vectors = Vec::with_capacity(rows.len());
    for batch in borrowed.chunks(ROWS_A_BATCH) {
        vectors.extend(embed_batch(&tier, batch)?.0);
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    let examples = rows
        .iter()
        .zip(vectors)
        .zip(&texts)
        .map(|((row, vector), text)| Example {
            id: id_text(&row.prompt.id),
            text: command.keep_examples.then(|| text.clone()),
            vector,
            task: row.task.clone(),
            complexity: row.complexity.clone(),
        })
        .collect();
    Ok(TrainingSet { embedder: identity, examples, inputs })
}

fn read_outcomes(
    command: &TrainCommand,
    trained: &training::Trained,
) -> anyhow::Result<(Vec<OutcomeExample>, Vec<InputRecord>)> {
    let tiers = trained
        .manifest
        .embedders
        .iter()
        .map(|record| {
            Ok(Tier::start(parts::open_embedder(&record.name)?)?)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut examples = Vec::new();
    let mut inputs = Vec::new();
    for path in &command.outcomes {
        let rows = OutcomeRow::read_file(path).map_err(|error| UsageError(error.to_string()))?;
        inputs.push(input_record(path, "outcomes", rows.len())?);
        let texts = rows.iter().map(|row| words(path, &row.prompt)).collect::<anyhow::Result<Vec<String>>>()?;
        let bar = progress::bar(rows.len(), "outcomes");
        for (batch, texts) in rows.chunks(ROWS_A_BATCH).zip(texts.chunks(ROWS_A_BATCH)) {
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut columns = Vec::new();
            for tier in &tiers {
                columns.push(embed_batch(tier, &borrowed)?.0);
            }
            for (index, row) in batch.iter().enumerate() {
                let vectors = columns.iter_mut().map(|column| Some(std::mem::take(&mut column[index]))).collect();
                examples.push(OutcomeExample { features: Features { vectors }, scores: row.scores.clone() });
            }
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
    }
    Ok((examples, inputs))
}

/// A folder is remembered by its full path, so that the artifact finds it from any other folder.
fn lasting_name(embedder: &str) -> String {
    match Path::new(embedder).canonicalize() {
        Ok(path) if path.is_dir() && embedder != BUILTIN => path.display().to_string(),
        _ => embedder.to_owned(),
    }
}

/// The words that are classified.
fn words(path: &Path, row: &PromptRow) -> anyhow::Result<String> {
    match &row.source {
        PromptSource::Text(text) => Ok(text.clone()),
        PromptSource::Conversation(request) => {
            prompt::words_of(request.messages()).map(std::borrow::Cow::into_owned).ok_or_else(|| {
                let place = format!("{}:{}", path.display(), row.line);
                UsageError(format!("{place}: messages: no user message holds any text")).into()
            })
        }
    }
}

fn input_record(path: &Path, kind: &str, rows: usize) -> anyhow::Result<InputRecord> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(InputRecord {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        kind: kind.into(),
        rows,
        blake3: blake3::hash(&bytes).to_hex().to_string(),
    })
}

fn artifact_name(out: &Path) -> String {
    out.file_name().map_or_else(|| "router".into(), |name| name.to_string_lossy().into_owned())
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[expect(clippy::print_stderr, reason = "progress of a command goes to standard error")]
fn eprint_step(step: &str) {
    eprintln!("{step} ...");
}

fn report(
    command: &TrainCommand,
    metrics: &std::collections::BTreeMap<String, Value>,
    manifest: &crate::classifier::ArtifactManifest,
) {
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
