//! One artifact with the embedders it reads: words in, classification out. The first tier reads every prompt; the second, in a
//! cascade, only those that the first is unsure of.

use std::sync::Arc;

use thiserror::Error;

use super::tiers::{Need, Tier, embed_batch, lexical_windows, read_features};
use crate::classifier::{ArtifactManifest, Classification, Classifier, Features, SpaceName};
use crate::embedder::{EmbedError, QueueError};
use crate::prompt::{self, PromptText};

/// Decisions that were taken without a transformer which had too much to do: a cascade's second tier, or the encoder of quality heads.
pub const SECOND_TIER_SHED: &str = "semroute_second_tier_shed_total";

/// Why an artifact and embedders could not be joined, or a prompt not be classified.
#[derive(Debug, Error)]
pub enum BrainError {
    /// An embedder of another fingerprint than the artifact was trained with.
    #[error(
        "the artifact {artifact} was trained with embedder {name} of fingerprint {expected}, found {found}; use that \
         embedder, or train anew with this one"
    )]
    FingerprintMismatch {
        /// The artifact.
        artifact: String,
        /// The embedder's name.
        name: String,
        /// What the artifact remembers.
        expected: String,
        /// What was opened.
        found: String,
    },
    /// The model thread did not start.
    #[error("the embedding thread could not be started: {0}")]
    Thread(std::io::Error),
    /// Embedding failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Embedding failed in the queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A classification and what reading the prompt was like.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Labels, confidence, novelty.
    pub classification: Classification,
    /// Whether words were left unread.
    pub truncated: bool,
    /// Whether the second tier was asked.
    pub by_second_tier: bool,
}

/// What each tier says of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct BothTiers {
    /// The first tier.
    pub first: Classified,
    /// The second tier, asked whether the first was sure or not; `None` where the artifact is no cascade.
    pub second: Option<Classified>,
}

/// When the second tier of a cascade is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Where the first tier is unsure: as requests are served.
    IfUnsure,
    /// Never; for comparison.
    Never,
    /// For every prompt; for comparison.
    Always,
}

/// Embedders and classifier of one artifact.
#[derive(Clone)]
pub struct Brain {
    pub(super) tiers: Vec<Tier>,
    pub(super) classifier: Arc<Classifier>,
    artifact: String,
    /// Indices of the embedders that the first tier reads; all others are the second's.
    first_tier: Vec<usize>,
    /// Index of an embedder that quality alone is read from: asked for every prompt, but not waited for.
    of_quality: Option<usize>,
    /// What decisions call the tiers.
    tier_names: [String; 2],
}

impl Brain {
    /// Joins an artifact with its embedders, given in the artifact's order. Every fingerprint is compared.
    pub fn new(manifest: &ArtifactManifest, classifier: Arc<Classifier>, tiers: Vec<Tier>) -> Result<Self, BrainError> {
        for (index, record) in manifest.embedders.iter().enumerate() {
            let found = tiers.get(index).map_or("none", |tier| tier.identity().fingerprint.as_str());
            if found != record.fingerprint {
                return Err(BrainError::FingerprintMismatch {
                    artifact: manifest.card.name.clone(),
                    name: record.name.clone(),
                    expected: record.fingerprint.clone(),
                    found: found.to_owned(),
                });
            }
        }
        let artifact = format!("{}@{}", manifest.card.name, manifest.weights_blake3.get(..8).unwrap_or_default());
        let name_of = |embedder: Option<&usize>| {
            embedder.and_then(|at| manifest.embedders.get(*at)).map(|record| record.name.clone()).unwrap_or_default()
        };
        let first = name_of(manifest.task.embedders.last());
        let second = name_of(manifest.second_tier.as_ref().and_then(|second| second.task.embedders.last()));
        let first_tier = classifier.first_tier_embedders();
        let of_quality = classifier.embedder_of_quality();
        Ok(Self { tiers, classifier, artifact, first_tier, of_quality, tier_names: [first, second] })
    }

    /// Name and short hash of the artifact.
    pub fn artifact(&self) -> &str {
        &self.artifact
    }

    /// Name of the embedder that a tier's task head reads.
    pub fn tier_name(&self, second: bool) -> &str {
        &self.tier_names[usize::from(second)]
    }

    /// Name of one of the artifact's embedders.
    pub fn embedder_name(&self, embedder: usize) -> &str {
        self.tiers.get(embedder).map_or("", |tier| tier.identity().name.as_str())
    }

    /// The embedders, in the artifact's order.
    pub fn embedders(&self) -> &[Tier] {
        &self.tiers
    }

    /// The space that its features belong to.
    pub fn feature_space(&self) -> SpaceName {
        let fingerprints = self.tiers.iter().map(|tier| tier.identity().fingerprint.as_str());
        SpaceName::new(prompt::READER_VERSION, fingerprints)
    }

    /// The classifier.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// Task labels.
    pub fn task_labels(&self) -> &[String] {
        self.classifier.first.task.labels()
    }

    /// Complexity labels, easiest first.
    pub fn complexity_labels(&self) -> &[String] {
        self.classifier.first.complexity.labels()
    }

    /// Classifies one prompt; waits only where a transformer has to run. When the second tier's queue is full or long, or it fails, the
    /// first tier's word stands, and the case is counted.
    pub async fn classify(&self, prompt: &str) -> Result<Classified, BrainError> {
        self.classify_asking(prompt, Ask::IfUnsure).await
    }

    /// As `classify`, with a say in when the second tier is asked.
    pub async fn classify_asking(&self, prompt: &str, ask: Ask) -> Result<Classified, BrainError> {
        Ok(self.classify_with_features(prompt, ask).await?.0)
    }

    /// As `classify_asking`, with what the prompt was classified by.
    pub(super) async fn classify_with_features(
        &self,
        prompt: &str,
        ask: Ask,
    ) -> Result<(Classified, Features), BrainError> {
        let text = prompt::read(prompt);
        // Whoever compares the tiers wants all they say, however long that takes.
        let need = if ask == Ask::IfUnsure { Need::IfSoon } else { Need::Must };
        let (mut features, truncated) = self.first_features(&text, need).await?;
        let classification = self.classifier.classify(&features);
        let first = Classified { classification, truncated, by_second_tier: false };
        let asked = match ask {
            Ask::IfUnsure => self.classifier.is_unsure(&first.classification),
            Ask::Never => false,
            Ask::Always => self.classifier.second.is_some(),
        };
        if !asked {
            return Ok((first, features));
        }
        let classified = match self.second_features(&text, need, &mut features).await {
            Ok(cut) => Classified {
                classification: self.classifier.classify_second(&features),
                truncated: truncated | cut,
                by_second_tier: true,
            },
            Err(error) => {
                shed(&error);
                first
            }
        };
        Ok((classified, features))
    }

    async fn first_features(&self, text: &PromptText<'_>, need: Need) -> Result<(Features, bool), BrainError> {
        let mut features = Features::of(lexical_windows(text));
        features.vectors = vec![None; self.tiers.len()];
        let mut truncated = text.truncated();
        for &at in &self.first_tier {
            let (vector, cut) = self.tiers[at].embed(text, Need::Must).await?;
            features.vectors[at] = Some(vector);
            truncated |= cut;
        }
        if let Some(at) = self.of_quality {
            match self.tiers[at].embed(text, need).await {
                Ok((vector, cut)) => {
                    features.vectors[at] = Some(vector);
                    truncated |= cut;
                }
                Err(error) if need == Need::IfSoon => shed(&error),
                Err(error) => return Err(error),
            }
        }
        Ok((features, truncated))
    }

    async fn second_features(
        &self,
        text: &PromptText<'_>,
        need: Need,
        features: &mut Features,
    ) -> Result<bool, BrainError> {
        let mut truncated = false;
        for (tier, vector) in self.tiers.iter().zip(&mut features.vectors) {
            if vector.is_none() {
                let (embedded, cut) = tier.embed(text, need).await?;
                *vector = Some(embedded);
                truncated |= cut;
            }
        }
        Ok(truncated)
    }

    /// What each tier says of features that were read before, in the order of the embedders; the second only where they have its vectors.
    pub fn classify_features(&self, features: &Features) -> BothTiers {
        let said = |classification, by_second_tier| Classified { classification, truncated: false, by_second_tier };
        let can_ask = self.classifier.can_ask_second(features);
        let second = can_ask.then(|| said(self.classifier.classify_second(features), true));
        BothTiers { first: said(self.classifier.classify(features), false), second }
    }

    /// Everything that both tiers read of one prompt, computed where it is called.
    pub fn features_blocking(&self, prompt: &str) -> Result<Features, BrainError> {
        Ok(read_features(&self.tiers, &[prompt])?.pop().unwrap_or_default())
    }

    /// Everything that the first tier reads of one prompt, computed where it is called.
    pub fn first_features_blocking(&self, prompt: &str) -> Result<Features, BrainError> {
        let text = prompt::read(prompt);
        let mut features = Features::of(lexical_windows(&text));
        features.vectors = vec![None; self.tiers.len()];
        for &at in &self.first_tier {
            features.vectors[at] = embed_batch(&self.tiers[at], &[prompt])?.0.pop();
        }
        Ok(features)
    }

    /// Classifies many prompts offline, in order, as `classify` would one by one. `progress` is told how many are done.
    pub fn classify_many(&self, prompts: &[&str], progress: &dyn Fn(usize)) -> Result<Vec<Classified>, BrainError> {
        let both = self.classify_both(prompts, &|first| self.classifier.is_unsure(first), progress)?;
        Ok(both.into_iter().map(|both| both.second.unwrap_or(both.first)).collect())
    }

    /// What each tier by itself says of many prompts, in order.
    pub fn classify_by_both_tiers(
        &self,
        prompts: &[&str],
        progress: &dyn Fn(usize),
    ) -> Result<Vec<BothTiers>, BrainError> {
        self.classify_both(prompts, &|_| self.classifier.second.is_some(), progress)
    }

    fn classify_both(
        &self,
        prompts: &[&str],
        ask_second: &dyn Fn(&Classification) -> bool,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<BothTiers>, BrainError> {
        const ROWS_A_BATCH: usize = 64;
        let mut classified = Vec::with_capacity(prompts.len());
        for batch in prompts.chunks(ROWS_A_BATCH) {
            let mut read: Vec<(Features, bool)> = batch
                .iter()
                .map(|prompt| {
                    let text = prompt::read(prompt);
                    let mut features = Features::of(lexical_windows(&text));
                    features.vectors = vec![None; self.tiers.len()];
                    (features, text.truncated())
                })
                .collect();
            let every: Vec<usize> = (0..batch.len()).collect();
            for at in self.first_tier.iter().copied().chain(self.of_quality) {
                self.embed_rows(at, batch, &every, &mut read)?;
            }
            let mut both: Vec<BothTiers> = read
                .iter()
                .map(|(features, truncated)| {
                    let classification = self.classifier.classify(features);
                    let first = Classified { classification, truncated: *truncated, by_second_tier: false };
                    BothTiers { first, second: None }
                })
                .collect();
            let asked: Vec<usize> =
                (0..batch.len()).filter(|row| ask_second(&both[*row].first.classification)).collect();
            if !asked.is_empty() {
                for at in (0..self.tiers.len()).filter(|at| !self.first_tier.contains(at)) {
                    self.embed_rows(at, batch, &asked, &mut read)?;
                }
                for row in asked {
                    let (features, truncated) = &read[row];
                    let classification = self.classifier.classify_second(features);
                    let second = Classified { classification, truncated: *truncated, by_second_tier: true };
                    both[row].second = Some(second);
                }
            }
            classified.extend(both);
            progress(classified.len());
        }
        Ok(classified)
    }

    fn embed_rows(
        &self,
        at: usize,
        batch: &[&str],
        rows: &[usize],
        read: &mut [(Features, bool)],
    ) -> Result<(), BrainError> {
        let prompts: Vec<&str> = rows.iter().map(|row| batch[*row]).collect();
        let (vectors, cut) = embed_batch(&self.tiers[at], &prompts)?;
        for ((row, vector), cut) in rows.iter().zip(vectors).zip(cut) {
            let (features, truncated) = &mut read[*row];
            features.vectors[at] = Some(vector);
            *truncated |= cut;
        }
        Ok(())
    }
}

/// Counts a transformer that could not be asked.
fn shed(error: &BrainError) {
    metrics::counter!(SECOND_TIER_SHED).increment(1);
    tracing::debug!(%error, "a transformer could not be asked; what was said without it stands");
}
