//! From rows to a whole artifact: fits what the rows label, inherits what they do not, and writes the card.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::examples::{Labelled, OutcomeExample, TrainingSet};
use super::outcome_tables::{self, ScoredPrompt};
use super::{TrainingError, centroid_head, novelty};
use crate::classifier::{
    ArtifactManifest, CentroidHead, Classifier, EmbedderRecord, ExampleIndex, ExamplesManifest, FORMAT_VERSION,
    HeadManifest, InputRecord, NoveltyManifest, OutcomeManifest, PlacedHead, TrainingCard,
};
use crate::prompt::READER_VERSION;

/// How to train.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// The artifact's name in decisions.
    pub name: String,
    /// Seed of everything chosen at random.
    pub seed: u64,
    /// Complexity labels, easiest first.
    pub complexity_order: Option<Vec<String>>,
    /// Order in which task labels stand where they are known; others follow by name.
    pub task_order: Vec<String>,
}

/// A trained artifact, not yet written.
pub struct Trained {
    /// `router.json`; the hash of the weights is filled in when it is written.
    pub manifest: ArtifactManifest,
    /// What it describes.
    pub classifier: Classifier,
}

/// Examples that an artifact remembers.
const MOST_EXAMPLES: usize = 4096;
const BUILTIN_COMPLEXITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// Trains. `base` is the artifact that unlabelled heads are inherited from. `step` is told what begins, for progress.
pub fn train(
    set: &TrainingSet,
    base: Option<&(ArtifactManifest, Classifier)>,
    options: &TrainOptions,
    step: &dyn Fn(&str),
) -> Result<Trained, TrainingError> {
    let builtin_order = BUILTIN_COMPLEXITIES.map(str::to_owned);
    let tasks = Labelled::tasks(&set.examples, &options.task_order)?;
    let order = options.complexity_order.as_deref();
    let complexities = Labelled::complexities(&set.examples, order, &builtin_order)?;
    let own = EmbedderRecord {
        name: set.embedder.name.clone(),
        dims: set.embedder.dims,
        fingerprint: set.embedder.fingerprint.clone(),
    };
    let mut embedders = if set.examples.is_empty() { Vec::new() } else { vec![own] };
    let mut metrics: BTreeMap<String, Value> = BTreeMap::new();
    let mut head = |data: Option<Labelled<'_>>, target: &'static str| match data {
        Some(data) => {
            step(&format!("fitting the {} head on {} rows", data.target, data.labels.len()));
            let fitted = centroid_head::fit(&data, options.seed)?;
            metrics.insert(target.into(), json!(fitted.metrics));
            let placed = PlacedHead { head: Arc::new(fitted.head), embedder: 0 };
            Ok((describe(&placed, "trained".into()), placed))
        }
        None => inherit(target, base, &mut embedders),
    };
    let (task_manifest, task) = head(tasks, "task")?;
    let (complexity_manifest, complexity) = head(complexities, "complexity")?;
    let vectors: Vec<&[f32]> = set.examples.iter().map(|example| example.vector.as_slice()).collect();
    let (novelty_embedder, novelty) = if vectors.is_empty() {
        let (manifest, classifier) = base.ok_or(TrainingError::NothingToInherit { target: "task" })?;
        (place(&manifest.embedders[classifier.novelty_embedder], &mut embedders), classifier.novelty.clone())
    } else {
        step("fitting novelty");
        (0, novelty::fit(&vectors, options.seed)?)
    };
    let examples = remember(set, base);
    let novelty_manifest = NoveltyManifest { embedder: novelty_embedder, threshold: novelty.threshold() };
    let classifier = Classifier { task, complexity, novelty, novelty_embedder, examples, outcomes: BTreeMap::new() };
    let manifest = ArtifactManifest {
        format_version: FORMAT_VERSION,
        prompt_reader_version: READER_VERSION,
        weights_blake3: String::new(),
        embedders,
        task: task_manifest,
        complexity: complexity_manifest,
        novelty: novelty_manifest,
        examples: ExamplesManifest {
            ids: classifier.examples.ids.clone(),
            tasks: classifier.examples.tasks.clone(),
            complexities: classifier.examples.complexities.clone(),
            texts: classifier.examples.texts.clone(),
        },
        outcomes: BTreeMap::new(),
        card: TrainingCard { name: options.name.clone(), seed: options.seed, inputs: set.inputs.clone(), metrics },
    };
    Ok(Trained { manifest, classifier })
}

impl Trained {
    /// Adds quality tables of the models in these rows. `inputs` go to the card.
    pub fn add_outcomes(&mut self, rows: &[OutcomeExample], inputs: &[InputRecord]) {
        let scored: Vec<ScoredPrompt> = rows
            .iter()
            .map(|row| ScoredPrompt {
                classification: self.classifier.classify(&row.features),
                scores: row.scores.clone(),
            })
            .collect();
        let tables = outcome_tables::fit(&scored, self.manifest.card.seed);
        self.manifest.outcomes = tables
            .iter()
            .map(|(model, table)| (model.clone(), OutcomeManifest { mean: table.mean, rows: table.rows }))
            .collect();
        self.manifest.card.inputs.extend_from_slice(inputs);
        self.classifier.outcomes = tables;
    }
}

/// Evenly spaced over the rows when there are more than may be kept. Without rows, the base artifact's.
fn remember(set: &TrainingSet, base: Option<&(ArtifactManifest, Classifier)>) -> ExampleIndex {
    if set.examples.is_empty() {
        return base.map(|(_, classifier)| classifier.examples.clone()).unwrap_or_default();
    }
    let step = set.examples.len().div_ceil(MOST_EXAMPLES).max(1);
    let mut index = ExampleIndex { dims: set.embedder.dims, ..ExampleIndex::default() };
    for example in set.examples.iter().step_by(step) {
        index.ids.push(example.id.clone());
        index.tasks.push(example.task.clone().unwrap_or_default());
        index.complexities.push(example.complexity.clone().unwrap_or_default());
        index.texts.extend(example.text.clone());
        index.vectors.extend(example.vector.iter().map(|x| half::f16::from_f32(*x)));
    }
    index
}

fn describe(placed: &PlacedHead, origin: String) -> HeadManifest {
    let head: &CentroidHead = &placed.head;
    HeadManifest {
        labels: head.labels().to_vec(),
        embedder: placed.embedder,
        method: "centroid".into(),
        centroid_labels: head.centroid_labels().to_vec(),
        temperature: head.temperature(),
        origin,
    }
}

fn inherit(
    target: &'static str,
    base: Option<&(ArtifactManifest, Classifier)>,
    embedders: &mut Vec<EmbedderRecord>,
) -> Result<(HeadManifest, PlacedHead), TrainingError> {
    let (manifest, classifier) = base.ok_or(TrainingError::NothingToInherit { target })?;
    let placed = if target == "task" { &classifier.task } else { &classifier.complexity };
    let embedder = place(&manifest.embedders[placed.embedder], embedders);
    let placed = PlacedHead { head: Arc::clone(&placed.head), embedder };
    let origin = format!("{}@{}", manifest.card.name, manifest.weights_blake3.get(..8).unwrap_or_default());
    Ok((describe(&placed, origin), placed))
}

/// The index of an embedder in the list, which it joins if it is not there.
fn place(record: &EmbedderRecord, embedders: &mut Vec<EmbedderRecord>) -> usize {
    embedders.iter().position(|known| known.fingerprint == record.fingerprint).unwrap_or_else(|| {
        embedders.push(record.clone());
        embedders.len() - 1
    })
}
