//! Folds and hold-outs: trains anew on some of the rows and says what that router makes of the others. Prompts are embedded
//! once; only the heads are fitted again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::material::features_of;
use super::super::training_set;
use super::super::{UsageError, parts};
use super::EvaluateOptions;
use super::predictions::{BothSaid, Predictions, Split, bar};
use super::rows::InputRows;
use crate::classifier::{ArtifactManifest, Classifier, Features, LabelScores};
use crate::embedder::{BUILTIN, BUILTIN_ENCODER};
use crate::evaluation::hold_out;
use crate::routing::{Brain, Tier};
use crate::training::{self, LabelledPrompt, OutcomeExample, TrainOptions, Trained, TrainingSet};

const ROWS_A_BATCH: usize = 64;
/// The part of a hold-out that is measured.
const HELD_OUT: usize = 0;

/// Predictions for every row that is held out at some time, and the router of the first training, for timing.
pub(super) fn predict(options: &EvaluateOptions, input: &InputRows) -> anyhow::Result<(Predictions, Option<Brain>)> {
    // A second tier is inherited where nothing is labelled.
    let base = parts::inheritable(!input.labels.is_empty());
    let embedded = Embedded::new(options, input, base.as_ref().map(|(manifest, _)| manifest))?;
    let label_parts = parts_of(&strata(input, options), options)?;
    let outcome_parts = parts_of(&vec![0; input.outcomes.len()], options)?;
    let measured: Vec<usize> = options.folds.map_or_else(|| vec![HELD_OUT], |folds| (0..folds).collect());
    let mut runs = Vec::with_capacity(measured.len());
    let mut brain = None;
    let bar = bar(input.labels.len() + input.outcomes.len(), "training");
    for part in &measured {
        let train_labels: Vec<usize> = rows_where(&label_parts, |of_row| of_row != *part);
        let trained = fit(options, input, &embedded, base.as_ref(), &train_labels)?;
        let trained = add_outcomes(trained, input, &embedded, &rows_where(&outcome_parts, |of_row| of_row != *part));
        let classify = |row: usize| {
            let features = embedded.features(&trained.manifest, row);
            let first = trained.classifier.classify(&features);
            let can_ask = trained.classifier.can_ask_second(&features);
            let second = can_ask.then(|| trained.classifier.classify_second(&features));
            BothSaid { is_unsure: trained.classifier.is_unsure(&first), first, second }
        };
        let labels: Vec<_> =
            rows_where(&label_parts, |of_row| of_row == *part).into_iter().map(|row| (row, classify(row))).collect();
        let outcomes: Vec<_> = rows_where(&outcome_parts, |of_row| of_row == *part)
            .into_iter()
            .map(|row| (row, classify(input.labels.len() + row)))
            .collect();
        bar.inc((labels.len() + outcomes.len()) as u64);
        if brain.is_none() {
            brain = embedded.brain(&trained).ok();
        }
        runs.push(Run { trained, labels, outcomes });
    }
    bar.finish_and_clear();
    Ok((join(runs, input, Split::Parts { of_row: label_parts, measured }), brain))
}

/// What one training said of the rows it had not seen.
struct Run {
    trained: Trained,
    labels: Vec<(usize, BothSaid)>,
    outcomes: Vec<(usize, BothSaid)>,
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
    let learnt: Vec<usize> = rows
        .iter()
        .copied()
        .filter(|at| options.unknown_label.is_none() || input.labels[*at].task != options.unknown_label)
        .collect();
    let mut set = TrainingSet::new(embedded.identities(), Vec::new());
    for at in &learnt {
        set.push(labelled(input, *at, keeps_complexity), &embedded.own_features(*at));
    }
    let labels: BTreeSet<_> = learnt.iter().filter_map(|at| input.labels[*at].task.as_ref()).collect();
    for copy in 0..training::noisy_copies(learnt.len(), labels.len()) {
        for (copy_of, at) in learnt.iter().enumerate() {
            let Some(words) = input.labels[*at].material.words() else { continue };
            let own = &embedded.tiers[..embedded.own];
            let features = training_set::noisy_features(own, words, options.seed, copy)
                .map_err(|error| UsageError(error.to_string()))?;
            set.push_copy(copy_of, labelled(input, *at, keeps_complexity), features);
        }
    }
    let train = TrainOptions {
        name: "evaluation".into(),
        seed: options.seed,
        method: options.method,
        complexity_order: options.complexity_order.clone(),
        task_order: base.map(|(manifest, _)| manifest.task.labels.clone()).unwrap_or_default(),
    };
    training::train(set, base, &train, &|_| {})
        .map_err(|error| UsageError(format!("training without the held-out rows: {error}")))
}

fn add_outcomes(mut trained: Trained, input: &InputRows, embedded: &Embedded, rows: &[usize]) -> Trained {
    let examples: Vec<OutcomeExample> = rows
        .iter()
        .map(|row| {
            let (outcomes, features) =
                (&input.outcomes[*row], embedded.features(&trained.manifest, input.labels.len() + row));
            training_set::outcome_example(&outcomes.row, outcomes.material.chars(), features)
        })
        .collect();
    if !examples.is_empty() {
        trained.add_outcomes(&examples, &[], None);
    }
    trained
}

fn labelled(input: &InputRows, at: usize, keeps_complexity: bool) -> LabelledPrompt {
    let row = &input.labels[at];
    LabelledPrompt {
        id: String::new(),
        place: format!("{}:{}", row.file, row.line),
        text: None,
        task: row.task.clone(),
        complexity: row.complexity.clone().filter(|_| keeps_complexity),
        batch: row.batch,
        is_extra: false,
        copy_of: None,
    }
}

/// Every row's features, read once: labels, then outcomes.
struct Embedded {
    tiers: Vec<Tier>,
    /// How many of the tiers are trained on; the others are only read by inherited heads.
    own: usize,
    rows: Vec<Features>,
}

impl Embedded {
    fn new(options: &EvaluateOptions, input: &InputRows, base: Option<&ArtifactManifest>) -> anyhow::Result<Self> {
        let mut tiers = training_set::tiers(options.embedder.as_deref().unwrap_or(BUILTIN))?;
        let own = tiers.len();
        for record in base.map(|base| base.embedders.as_slice()).unwrap_or_default() {
            if tiers.iter().all(|tier| tier.identity().fingerprint != record.fingerprint) {
                tiers.push(Tier::start(parts::open_embedder(&record.name)?)?);
            }
        }
        let materials = input.materials();
        // An inherited second tier may be done without.
        let is_needed = |at: usize| at < own || tiers[at].identity().name != BUILTIN_ENCODER;
        let bar = bar(materials.len(), "embedding");
        let mut rows = Vec::with_capacity(materials.len());
        for batch in materials.chunks(ROWS_A_BATCH) {
            rows.extend(features_of(&tiers, batch, is_needed)?);
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        Ok(Self { tiers, own, rows })
    }

    fn identities(&self) -> Vec<crate::embedder::EmbedderIdentity> {
        self.tiers[..self.own].iter().map(|tier| tier.identity().clone()).collect()
    }

    /// With the vectors that are trained on.
    fn own_features(&self, row: usize) -> Features {
        let features = &self.rows[row];
        Features { vectors: features.vectors[..self.own].to_vec(), ..features.clone() }
    }

    /// With the vectors that an artifact reads, in its order.
    fn features(&self, manifest: &ArtifactManifest, row: usize) -> Features {
        let features = &self.rows[row];
        let vectors = self.places(manifest).into_iter().map(|place| features.vectors[place?].clone()).collect();
        Features { vectors, ..features.clone() }
    }

    fn places(&self, manifest: &ArtifactManifest) -> Vec<Option<usize>> {
        let place = |fingerprint: &str| self.tiers.iter().position(|tier| tier.identity().fingerprint == fingerprint);
        manifest.embedders.iter().map(|record| place(&record.fingerprint)).collect()
    }

    /// A router of what was trained.
    fn brain(&self, trained: &Trained) -> anyhow::Result<Brain> {
        let tiers =
            self.places(&trained.manifest).into_iter().flatten().map(|place| self.tiers[place].clone()).collect();
        Ok(Brain::new(&trained.manifest, Arc::new(trained.classifier.clone()), tiers)?)
    }
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
    let task_labels = union(&|run| run.trained.classifier.first.task.labels().to_vec());
    let complexity_labels = union(&|run| run.trained.classifier.first.complexity.labels().to_vec());
    let mut labels = vec![None; input.labels.len()];
    let mut outcomes = vec![None; input.outcomes.len()];
    for run in runs {
        let of_task = places(run.trained.classifier.first.task.labels(), &task_labels);
        let of_complexity = places(run.trained.classifier.first.complexity.labels(), &complexity_labels);
        let widen = |mut said: BothSaid| {
            for said in std::iter::once(&mut said.first).chain(&mut said.second) {
                said.task = widened(&said.task, &of_task, task_labels.len());
                said.complexity = widened(&said.complexity, &of_complexity, complexity_labels.len());
            }
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
    let mut wide = LabelScores { raw: vec![f32::MIN; labels], probabilities: vec![0.0; labels] };
    for (own, place) in places.iter().enumerate() {
        wide.raw[*place] = scores.raw[own];
        wide.probabilities[*place] = scores.probabilities[own];
    }
    wide
}
