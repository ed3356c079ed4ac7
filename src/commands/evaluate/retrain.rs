//! Folds and hold-outs: trains anew on some of the rows and says what that router makes of the others. Prompts are embedded
//! once; only the heads are fitted again.

use std::collections::BTreeMap;

use super::super::{UsageError, parts};
use super::EvaluateOptions;
use super::predictions::{Predictions, Split, bar};
use super::rows::InputRows;
use crate::classifier::{ArtifactManifest, Classification, Classifier, Features, LabelScores};
use crate::embedder::{BUILTIN, EmbedderIdentity};
use crate::evaluation::hold_out;
use crate::routing::{Tier, embed_batch};
use crate::training::{self, Example, OutcomeExample, TrainOptions, Trained, TrainingSet};

const ROWS_A_BATCH: usize = 64;
/// The part of a hold-out that is measured.
const HELD_OUT: usize = 0;

/// Predictions for every row that is held out at some time.
pub(super) fn predict(options: &EvaluateOptions, input: &InputRows) -> anyhow::Result<Predictions> {
    let base = parts::read_artifact(BUILTIN).map(|(manifest, classifier)| (manifest, (*classifier).clone())).ok();
    let embedded = Embedded::new(options, input, base.as_ref().map(|(manifest, _)| manifest))?;
    let label_parts = parts_of(&strata(input, options), options)?;
    let outcome_parts = parts_of(&vec![0; input.outcomes.len()], options)?;
    let measured: Vec<usize> = options.folds.map_or_else(|| vec![HELD_OUT], |folds| (0..folds).collect());
    let mut runs = Vec::with_capacity(measured.len());
    let bar = bar(input.labels.len() + input.outcomes.len(), "training");
    for part in &measured {
        let train_labels: Vec<usize> = rows_where(&label_parts, |of_row| of_row != *part);
        let trained = fit(options, input, &embedded, base.as_ref(), &train_labels)?;
        let trained = add_outcomes(trained, input, &embedded, &rows_where(&outcome_parts, |of_row| of_row != *part));
        let classify = |row: usize| trained.classifier.classify(&embedded.features(&trained.manifest, row));
        let labels: Vec<_> =
            rows_where(&label_parts, |of_row| of_row == *part).into_iter().map(|row| (row, classify(row))).collect();
        let outcomes: Vec<_> = rows_where(&outcome_parts, |of_row| of_row == *part)
            .into_iter()
            .map(|row| (row, classify(input.labels.len() + row)))
            .collect();
        bar.inc((labels.len() + outcomes.len()) as u64);
        runs.push(Run { trained, labels, outcomes });
    }
    bar.finish_and_clear();
    Ok(join(runs, input, Split::Parts { of_row: label_parts, measured }))
}

/// What one training said of the rows it had not seen.
struct Run {
    trained: Trained,
    labels: Vec<(usize, Classification)>,
    outcomes: Vec<(usize, Classification)>,
}

fn rows_where(parts: &[usize], keep: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..parts.len()).filter(|row| keep(parts[*row])).collect()
}

/// Rows of one task and complexity are spread evenly over the parts.
fn strata(input: &InputRows, options: &EvaluateOptions) -> Vec<usize> {
    let key = |row: &super::rows::TextLabels| match &row.task {
        Some(task) if Some(task) != options.unknown_label.as_ref() => (Some(task.clone()), None),
        Some(_) => (None, None),
        None => (None, row.complexity.clone()),
    };
    let mut index = BTreeMap::new();
    for row in &input.labels {
        let next = index.len();
        index.entry(key(row)).or_insert(next);
    }
    input.labels.iter().filter_map(|row| index.get(&key(row)).copied()).collect()
}

fn parts_of(strata: &[usize], options: &EvaluateOptions) -> Result<Vec<usize>, UsageError> {
    if strata.is_empty() {
        return Ok(Vec::new());
    }
    match (options.folds, options.holdout) {
        (Some(folds), _) if folds > strata.len() => {
            Err(UsageError(format!("--folds {folds}: there are only {} rows; give fewer folds", strata.len())))
        }
        (Some(folds), _) => Ok(training::stratified_folds(strata, folds, options.seed)),
        (_, share) => {
            let held = hold_out(strata, share.unwrap_or_default(), options.seed);
            Ok(held.into_iter().map(|held| if held { HELD_OUT } else { HELD_OUT + 1 }).collect())
        }
    }
}

fn fit(
    options: &EvaluateOptions,
    input: &InputRows,
    embedded: &Embedded,
    base: Option<&(ArtifactManifest, Classifier)>,
    rows: &[usize],
) -> Result<Trained, UsageError> {
    let keeps_complexity = ["task", "complexity"].contains(&options.label_field.as_str());
    let examples = rows
        .iter()
        .map(|at| (*at, &input.labels[*at]))
        .filter(|(_, row)| options.unknown_label.is_none() || row.task != options.unknown_label)
        .map(|(at, row)| Example {
            id: format!("{}:{}", row.file, row.line),
            text: None,
            vector: embedded.columns[0].1[at].clone(),
            task: row.task.clone(),
            complexity: row.complexity.clone().filter(|_| keeps_complexity),
        })
        .collect();
    let set = TrainingSet { embedder: embedded.identity.clone(), examples, inputs: Vec::new() };
    let train = TrainOptions {
        name: "evaluation".into(),
        seed: options.seed,
        complexity_order: options.complexity_order.clone(),
        task_order: base.map(|(manifest, _)| manifest.task.labels.clone()).unwrap_or_default(),
    };
    training::train(&set, base, &train, &|_| {})
        .map_err(|error| UsageError(format!("training without the held-out rows: {error}")))
}

fn add_outcomes(mut trained: Trained, input: &InputRows, embedded: &Embedded, rows: &[usize]) -> Trained {
    let examples: Vec<OutcomeExample> = rows
        .iter()
        .map(|row| OutcomeExample {
            features: embedded.features(&trained.manifest, input.labels.len() + row),
            scores: input.outcomes[*row].row.scores.clone(),
        })
        .collect();
    if !examples.is_empty() {
        trained.add_outcomes(&examples, &[]);
    }
    trained
}

/// Every row's vector of every embedder that a trained artifact may read: labels, then outcomes.
struct Embedded {
    identity: EmbedderIdentity,
    /// Fingerprint and vectors; the embedder that is trained on comes first.
    columns: Vec<(String, Vec<Vec<f32>>)>,
}

impl Embedded {
    fn new(options: &EvaluateOptions, input: &InputRows, base: Option<&ArtifactManifest>) -> anyhow::Result<Self> {
        let name = options.embedder.as_deref().unwrap_or(BUILTIN);
        let opened = parts::open_embedder(name)?;
        let identity = opened.identity().clone();
        let texts = input.texts();
        let mut columns = vec![(identity.fingerprint.clone(), embed(opened, &texts)?)];
        for record in base.map(|base| base.embedders.as_slice()).unwrap_or_default() {
            if columns.iter().all(|(fingerprint, _)| *fingerprint != record.fingerprint) {
                columns.push((record.fingerprint.clone(), embed(parts::open_embedder(&record.name)?, &texts)?));
            }
        }
        Ok(Self { identity, columns })
    }

    fn features(&self, manifest: &ArtifactManifest, row: usize) -> Features {
        let column = |fingerprint: &String| self.columns.iter().find(|(of_column, _)| of_column == fingerprint);
        let vectors =
            manifest.embedders.iter().map(|record| column(&record.fingerprint).map(|(_, rows)| rows[row].clone()));
        Features { vectors: vectors.collect() }
    }
}

fn embed(opened: crate::embedder::OpenedEmbedder, texts: &[&str]) -> anyhow::Result<Vec<Vec<f32>>> {
    let tier = Tier::start(opened)?;
    let bar = bar(texts.len(), "embedding");
    let mut vectors = Vec::with_capacity(texts.len());
    for batch in texts.chunks(ROWS_A_BATCH) {
        vectors.extend(embed_batch(&tier, batch)?.0);
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(vectors)
}

/// Joins what the runs said. A label that one part's training lacked has probability 0 there.
fn join(runs: Vec<Run>, input: &InputRows, split: Split) -> Predictions {
    let union = |labels: &dyn Fn(&Run) -> Vec<String>| {
        let longest = runs.iter().max_by_key(|run| labels(run).len()).map(labels).unwrap_or_default();
        runs.iter().flat_map(labels).fold(longest, |mut all, label| {
            if !all.contains(&label) {
                all.push(label);
            }
            all
        })
    };
    let task_labels = union(&|run| run.trained.classifier.task.head.labels().to_vec());
    let complexity_labels = union(&|run| run.trained.classifier.complexity.head.labels().to_vec());
    let mut labels = vec![None; input.labels.len()];
    let mut outcomes = vec![None; input.outcomes.len()];
    for run in runs {
        let of_task = places(run.trained.classifier.task.head.labels(), &task_labels);
        let of_complexity = places(run.trained.classifier.complexity.head.labels(), &complexity_labels);
        let widen = |mut said: Classification| {
            said.task = widened(&said.task, &of_task, task_labels.len());
            said.complexity = widened(&said.complexity, &of_complexity, complexity_labels.len());
            Some(said)
        };
        run.labels.into_iter().for_each(|(row, said)| labels[row] = widen(said));
        run.outcomes.into_iter().for_each(|(row, said)| outcomes[row] = widen(said));
    }
    Predictions { task_labels, complexity_labels, labels, outcomes, split }
}

fn places(own: &[String], all: &[String]) -> Vec<usize> {
    own.iter().filter_map(|label| all.iter().position(|known| known == label)).collect()
}

fn widened(scores: &LabelScores, places: &[usize], labels: usize) -> LabelScores {
    let mut wide = LabelScores { cosines: vec![-1.0; labels], probabilities: vec![0.0; labels] };
    for (own, place) in places.iter().enumerate() {
        wide.cosines[*place] = scores.cosines[own];
        wide.probabilities[*place] = scores.probabilities[own];
    }
    wide
}
