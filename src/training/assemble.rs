//! From rows to a whole artifact: fits what the rows label, inherits what they do not, and writes the card.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::fields::{FittedField, Method, fit_field};
use super::labelled::Labelled;
use super::linear_head::Weighed;
use super::network_quality::TunedQuality;
use super::outcome_tables::ScoredPrompt;
use super::quality_heads::{Reads, Tuned};
use super::set::{LabelledPrompt, OutcomeExample, TrainingSet};
use super::{TrainingError, novelty, quality_heads};
use crate::classifier::{
    ArtifactManifest, Classifier, DifficultyReader, EmbedderRecord, ExampleIndex, ExamplesManifest, FORMAT_VERSION,
    Head, HeadManifest, InputRecord, NGRAM_VERSION, NoveltyManifest, OutcomeManifest, QualityManifest, SecondTier,
    SecondTierManifest, TierHeads, TrainingCard,
};
use crate::embedder::EmbedderIdentity;
use crate::prompt::READER_VERSION;

/// How to train.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// The artifact's name in decisions.
    pub name: String,
    /// Seed of everything chosen at random.
    pub seed: u64,
    /// Which kinds of head are compared.
    pub method: Method,
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

/// Examples that an artifact remembers, half a kilobyte each: enough that a prompt has neighbours to be explained by.
const MOST_EXAMPLES: usize = 1100;
const BUILTIN_COMPLEXITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// Trains. `base` is the artifact that unlabelled heads are inherited from. `step` is told what begins, for progress.
pub fn train(
    mut set: TrainingSet,
    base: Option<&(ArtifactManifest, Classifier)>,
    options: &TrainOptions,
    step: &dyn Fn(&str),
) -> Result<Trained, TrainingError> {
    let (tasks, complexities) = labelled(&set.rows, options)?;
    let mut embedders: Vec<EmbedderRecord> =
        if set.is_empty() { Vec::new() } else { set.embedders.iter().map(record_of).collect() };
    let mut metrics: BTreeMap<String, Value> = BTreeMap::new();
    let weighed = Weighed::new(&mut set);
    let mut field = |data: Option<&Labelled>, target: &'static str| match data {
        Some(data) => {
            let fitted = fit_field(&weighed, data, options.method, options.seed, step)?;
            metrics.insert(target.into(), fitted.metrics.clone());
            Ok(Field { first: fitted.first.clone(), origin: "trained".into(), fitted: Some(fitted) })
        }
        None => inherit(target, base, &mut embedders),
    };
    let task = field(tasks.as_ref(), "task")?;
    let complexity = field(complexities.as_ref(), "complexity")?;
    let abstain_below = match (&task.fitted, base) {
        (Some(fitted), _) => fitted.abstain_below,
        (None, base) => base.map_or(0.0, |(_, classifier)| classifier.abstain_below),
    };
    let second = match base.filter(|_| set.is_empty()) {
        Some(base) => inherit_second_tier(base, &mut embedders),
        None => second_tier(&task, &complexity),
    };
    let (novelty_embedder, novelty) = if set.is_empty() {
        let (manifest, classifier) = base.ok_or(TrainingError::NothingToInherit { target: "task" })?;
        (place(&manifest.embedders[classifier.novelty_embedder], &mut embedders), classifier.novelty.clone())
    } else {
        step("fitting novelty");
        let rows = set.originals();
        (0, novelty::fit(&rows.iter().map(|row| set.vectors[0].row(*row)).collect::<Vec<_>>(), options.seed)?)
    };
    let examples = remember(&set, base);
    let manifest = ArtifactManifest {
        format_version: FORMAT_VERSION,
        prompt_reader_version: READER_VERSION,
        ngram_version: NGRAM_VERSION,
        weights_blake3: String::new(),
        seal: String::new(),
        embedders,
        task: describe(&task.first, &task.origin),
        complexity: describe(&complexity.first, &complexity.origin),
        second_tier: second.as_ref().map(|second| SecondTierManifest {
            from: second.from,
            to: second.to,
            abstain_below: second.abstain_below,
            task: describe(&second.heads.task, &task.origin),
            complexity: describe(&second.heads.complexity, &complexity.origin),
        }),
        abstain_below,
        novelty: NoveltyManifest { embedder: novelty_embedder, threshold: novelty.threshold() },
        examples: ExamplesManifest {
            ids: examples.ids.clone(),
            tasks: examples.tasks.clone(),
            complexities: examples.complexities.clone(),
            texts: examples.texts.clone(),
        },
        outcomes: BTreeMap::new(),
        quality: None,
        card: TrainingCard { name: options.name.clone(), seed: options.seed, inputs: set.inputs.clone(), metrics },
    };
    let first = TierHeads { task: task.first, complexity: complexity.first };
    let classifier = Classifier {
        first,
        second,
        abstain_below,
        novelty,
        novelty_embedder,
        examples,
        outcomes: BTreeMap::new(),
        models: Arc::default(),
        quality: None,
        // A prior that does not fit this binary is no reason not to train: it is left out, as where its embedder is not read.
        difficulty: DifficultyReader::among(&manifest.embedders, READER_VERSION).ok().flatten(),
    };
    Ok(Trained { manifest, classifier })
}

/// Finds what is wrong with the labels, before features are computed.
pub fn check_labels(rows: &[LabelledPrompt], options: &TrainOptions) -> Result<(), TrainingError> {
    labelled(rows, options).map(drop)
}

/// The labels of each field in the order that heads give them, empty where no row has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelNames {
    /// Tasks.
    pub tasks: Vec<String>,
    /// Complexities, easiest first.
    pub complexities: Vec<String>,
}

/// As [`check_labels`], and gives the labels.
pub fn label_names(rows: &[LabelledPrompt], options: &TrainOptions) -> Result<LabelNames, TrainingError> {
    let names = |field: Option<Labelled>| field.map(|field| field.names).unwrap_or_default();
    let (tasks, complexities) = labelled(rows, options)?;
    Ok(LabelNames { tasks: names(tasks), complexities: names(complexities) })
}

/// Tasks and complexities, each where some row has one.
fn labelled(
    rows: &[LabelledPrompt],
    options: &TrainOptions,
) -> Result<(Option<Labelled>, Option<Labelled>), TrainingError> {
    let builtin_order = BUILTIN_COMPLEXITIES.map(str::to_owned);
    let tasks = Labelled::tasks(rows, &options.task_order)?;
    Ok((tasks, Labelled::complexities(rows, options.complexity_order.as_deref(), &builtin_order)?))
}

/// One label field's heads, fitted or inherited.
struct Field {
    first: Head,
    origin: String,
    fitted: Option<FittedField>,
}

/// The second tier: fitted heads where there are rows, and the first tier's head for a field without.
fn second_tier(task: &Field, complexity: &Field) -> Option<SecondTier> {
    let second_head = |field: &Field| field.fitted.as_ref().and_then(|fitted| fitted.second.clone());
    let (task_second, complexity_second) = (second_head(task), second_head(complexity));
    if task_second.is_none() && complexity_second.is_none() {
        return None;
    }
    let band = task.fitted.as_ref().or(complexity.fitted.as_ref()).and_then(|fitted| fitted.band)?;
    let abstain_below = task.fitted.as_ref().map_or(0.0, |fitted| fitted.second_abstain_below);
    let heads = TierHeads {
        task: task_second.unwrap_or_else(|| task.first.clone()),
        complexity: complexity_second.unwrap_or_else(|| complexity.first.clone()),
    };
    Some(SecondTier { heads, from: band.0, to: band.1, abstain_below })
}

impl Trained {
    /// The index of an embedder among those that the artifact reads, which it joins if it is not there.
    pub fn place(&mut self, identity: &EmbedderIdentity) -> usize {
        let at = place(&record_of(identity), &mut self.manifest.embedders);
        self.classifier.difficulty = DifficultyReader::among(&self.manifest.embedders, READER_VERSION).ok().flatten();
        at
    }

    /// Takes the last embedder out where it is an encoder of the artifact's own that nothing reads: a file and a model thread for nothing.
    pub fn leave_unread_encoder(&mut self) {
        let Some(at) = self.manifest.embedders.len().checked_sub(1) else { return };
        let is_own = self.manifest.embedders[at].folder.is_some();
        let network = self.classifier.quality.as_ref().and_then(|heads| heads.network.as_ref());
        let is_read = self.classifier.first_tier_embedders().contains(&at)
            || self.classifier.labels_read(at)
            || network.is_some_and(|network| network.embedder == at);
        if is_own && !is_read {
            self.manifest.embedders.pop();
        }
    }

    /// Adds quality tables of the models in these rows, and what moves them; where an encoder was fine-tuned on the rows, its own heads too. `inputs` go to
    /// the card.
    pub fn add_outcomes(&mut self, rows: &[OutcomeExample], inputs: &[InputRecord], tuned: Option<&TunedQuality>) {
        let classify = |row: &OutcomeExample| {
            let first = self.classifier.classify(&row.features);
            let asks = self.classifier.is_unsure(&first) && self.classifier.can_ask_second(&row.features);
            if asks { self.classifier.classify_second(&row.features) } else { first }
        };
        let scored: Vec<ScoredPrompt> =
            rows.iter().map(|row| ScoredPrompt { classification: classify(row), scores: row.scores.clone() }).collect();
        let novelty = self.manifest.novelty.embedder;
        let frozen = |tuned: &TunedQuality| (0..self.manifest.embedders.len()).find(|at| *at != tuned.embedder);
        let reads = Reads {
            embedder: tuned.and_then(frozen).unwrap_or(novelty),
            difficulty: self.classifier.difficulty.as_ref(),
            tuned: tuned.map(|quality| Tuned { quality, classifies: self.classifier.labels_read(quality.embedder) }),
        };
        let fitted = quality_heads::fit(rows, &scored, reads, self.manifest.card.seed);
        let metrics = fitted.metrics.into_iter().collect();
        self.manifest.card.metrics.insert("quality".into(), Value::Object(metrics));
        self.manifest.quality = fitted.heads.as_ref().map(|heads| QualityManifest {
            embedder: heads.embedder,
            nearest: heads.neighbours.nearest,
            neighbours: heads.neighbours.rows(),
            neighbour_dims: heads.neighbours.dims,
            difficulty: reads.difficulty.filter(|_| heads.reads_difficulty).map(|ours| ours.prior.fingerprint.clone()),
            network_embedder: heads.network.as_ref().map(|network| network.embedder),
        });
        if let Some(network) = fitted.network {
            self.manifest.card.metrics.insert("quality_network".into(), network);
        }
        self.classifier.quality = fitted.heads;
        let tables = fitted.tables;
        self.manifest.outcomes = tables
            .iter()
            .map(|(model, table)| {
                let (mean, rows, output_tokens) = (table.mean, table.rows, table.mean_output_tokens);
                (model.clone(), OutcomeManifest { mean, rows, output_tokens })
            })
            .collect();
        self.manifest.card.inputs.extend_from_slice(inputs);
        self.classifier.models = tables.keys().cloned().collect();
        self.classifier.outcomes = tables;
        let curve = self.classifier.validation_outcomes().and_then(|outcomes| outcomes.curve());
        if let Some(curve) = curve.and_then(|curve| serde_json::to_value(curve).ok()) {
            self.manifest.card.metrics.insert("cost_quality_curve".into(), curve);
        }
    }
}

/// Evenly spaced over the rows when there are more than may be kept. Without rows, the base artifact's.
fn remember(set: &TrainingSet, base: Option<&(ArtifactManifest, Classifier)>) -> ExampleIndex {
    if set.is_empty() {
        return base.map(|(_, classifier)| classifier.examples.clone()).unwrap_or_default();
    }
    let rows: Vec<usize> = set.originals().into_iter().filter(|row| !set.rows[*row].is_extra).collect();
    let step = rows.len().div_ceil(MOST_EXAMPLES).max(1);
    let column = &set.vectors[0];
    let mut index = ExampleIndex { dims: column.dims, ..ExampleIndex::default() };
    for row in rows.into_iter().step_by(step) {
        let prompt = &set.rows[row];
        index.ids.push(prompt.id.clone());
        index.tasks.push(prompt.task.clone().unwrap_or_default());
        index.complexities.push(prompt.complexity.clone().unwrap_or_default());
        index.texts.extend(prompt.text.clone());
        index.vectors.extend(column.row(row).iter().map(|x| half::f16::from_f32(*x)));
    }
    index
}

fn describe(head: &Head, origin: &str) -> HeadManifest {
    let centroid_labels = match head {
        Head::Centroid { head, .. } => head.centroid_labels().to_vec(),
        _ => Vec::new(),
    };
    HeadManifest {
        labels: head.labels().to_vec(),
        method: head.method().into(),
        embedders: head.embedders(),
        centroid_labels,
        temperature: head.temperature(),
        origin: origin.to_owned(),
    }
}

fn inherit(
    target: &'static str,
    base: Option<&(ArtifactManifest, Classifier)>,
    embedders: &mut Vec<EmbedderRecord>,
) -> Result<Field, TrainingError> {
    let (manifest, classifier) = base.ok_or(TrainingError::NothingToInherit { target })?;
    let head = if target == "task" { &classifier.first.task } else { &classifier.first.complexity };
    let first = head.clone().with_embedders(|old| place(&manifest.embedders[old], embedders));
    let origin = format!("{}@{}", manifest.card.name, manifest.weights_blake3.get(..8).unwrap_or_default());
    Ok(Field { first, origin, fitted: None })
}

/// The base's second tier, which belongs to its first: only where both fields are inherited.
fn inherit_second_tier(
    (manifest, classifier): &(ArtifactManifest, Classifier),
    embedders: &mut Vec<EmbedderRecord>,
) -> Option<SecondTier> {
    let mut second = classifier.second.clone()?;
    let mut placed = |head: Head| head.with_embedders(|old| place(&manifest.embedders[old], embedders));
    second.heads = TierHeads { task: placed(second.heads.task), complexity: placed(second.heads.complexity) };
    Some(second)
}

fn record_of(identity: &EmbedderIdentity) -> EmbedderRecord {
    let EmbedderIdentity { name, dims, fingerprint } = identity.clone();
    EmbedderRecord { name, dims, fingerprint, folder: None }
}

/// The index of an embedder in the list, which it joins if it is not there.
fn place(record: &EmbedderRecord, embedders: &mut Vec<EmbedderRecord>) -> usize {
    embedders.iter().position(|known| known.fingerprint == record.fingerprint).unwrap_or_else(|| {
        embedders.push(record.clone());
        embedders.len() - 1
    })
}
