//! One artifact with the embedders it reads: words in, classification out. The static tier runs where it is called; only a
//! transformer is queued.

use std::sync::Arc;

use thiserror::Error;

use crate::classifier::{ArtifactManifest, Classification, Classifier, Features};
use crate::embedder::{
    EmbedError, Embedder, EmbedderIdentity, EmbeddingQueue, QueueError, QueueLimits, StaticTable, Transformer,
};
use crate::prompt::{self, PromptText};

/// An embedder as the router runs it.
#[derive(Clone)]
pub enum Tier {
    /// Inline.
    Static(Arc<StaticTable>),
    /// On the model thread; the bare transformer beside it is for offline batches.
    Transformer(Arc<Transformer>, EmbeddingQueue),
}

/// Why an artifact and embedders could not be joined.
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

impl Tier {
    /// Starts what has to be started.
    pub fn start(embedder: crate::embedder::OpenedEmbedder) -> Result<Self, BrainError> {
        match embedder {
            crate::embedder::OpenedEmbedder::Static(table) => Ok(Self::Static(table)),
            crate::embedder::OpenedEmbedder::Transformer(transformer) => {
                let queue = EmbeddingQueue::start(Arc::clone(&transformer), QueueLimits::default())
                    .map_err(BrainError::Thread)?;
                Ok(Self::Transformer(transformer, queue))
            }
        }
    }

    fn identity(&self) -> &EmbedderIdentity {
        match self {
            Self::Static(table) => table.identity(),
            Self::Transformer(transformer, _) => transformer.identity(),
        }
    }
}

/// A classification and what reading the prompt was like.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Labels, confidence, novelty.
    pub classification: Classification,
    /// Whether words were left unread.
    pub truncated: bool,
}

/// Embedders and classifier of one artifact.
#[derive(Clone)]
pub struct Brain {
    tiers: Vec<Tier>,
    classifier: Arc<Classifier>,
    artifact: String,
    tier_name: String,
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
        let tier_name = manifest.embedders.get(manifest.task.embedder).map(|record| record.name.clone());
        Ok(Self { tiers, classifier, artifact, tier_name: tier_name.unwrap_or_default() })
    }

    /// Name and short hash of the artifact.
    pub fn artifact(&self) -> &str {
        &self.artifact
    }

    /// Name of the embedder that the task head reads.
    pub fn tier_name(&self) -> &str {
        &self.tier_name
    }

    /// The classifier.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// Task labels.
    pub fn task_labels(&self) -> &[String] {
        self.classifier.task.head.labels()
    }

    /// Complexity labels, easiest first.
    pub fn complexity_labels(&self) -> &[String] {
        self.classifier.complexity.head.labels()
    }

    /// Classifies one prompt; waits only where a transformer has to run.
    pub async fn classify(&self, prompt: &str) -> Result<Classified, BrainError> {
        let text = prompt::read(prompt);
        let mut truncated = text.truncated();
        let mut vectors = Vec::with_capacity(self.tiers.len());
        for tier in &self.tiers {
            let vector = match tier {
                Tier::Static(table) => embed_windows(table, &text)?,
                Tier::Transformer(_, queue) => {
                    let embedding = queue.embed(&text.excerpt()).await?;
                    truncated |= embedding.truncated || text.excerpt_is_shorter();
                    embedding.vector
                }
            };
            vectors.push(Some(vector));
        }
        Ok(Classified { classification: self.classifier.classify(&Features { vectors }), truncated })
    }

    /// One prompt's vectors, in the order of the artifact's embedders, computed where it is called.
    pub fn vectors_blocking(&self, prompt: &str) -> Result<Vec<Option<Vec<f32>>>, BrainError> {
        let mut vectors = Vec::with_capacity(self.tiers.len());
        for tier in &self.tiers {
            vectors.push(embed_batch(tier, &[prompt])?.0.pop());
        }
        Ok(vectors)
    }

    /// Classifies many prompts offline, in order. `progress` is told how many are done.
    pub fn classify_many(&self, prompts: &[&str], progress: &dyn Fn(usize)) -> Result<Vec<Classified>, BrainError> {
        const ROWS_A_BATCH: usize = 64;
        let mut classified = Vec::with_capacity(prompts.len());
        for batch in prompts.chunks(ROWS_A_BATCH) {
            let mut truncated: Vec<bool> = batch.iter().map(|prompt| prompt::read(prompt).truncated()).collect();
            let mut columns = Vec::with_capacity(self.tiers.len());
            for tier in &self.tiers {
                let (vectors, cut) = embed_batch(tier, batch)?;
                truncated.iter_mut().zip(cut).for_each(|(truncated, cut)| *truncated |= cut);
                columns.push(vectors.into_iter().map(Some).collect::<Vec<_>>());
            }
            for (row, truncated) in truncated.into_iter().enumerate() {
                let vectors = columns.iter_mut().map(|column| column[row].take()).collect();
                let classification = self.classifier.classify(&Features { vectors });
                classified.push(Classified { classification, truncated });
            }
            progress(classified.len());
        }
        Ok(classified)
    }
}

/// The static vector of a prompt: its windows' vectors, weighted and added, at unit length.
pub fn embed_windows(table: &StaticTable, text: &PromptText<'_>) -> Result<Vec<f32>, EmbedError> {
    let mut sum = vec![0.0f32; table.identity().dims];
    for (window, weight) in text.weighted_windows() {
        let embedding = table.embed_one(window)?;
        sum.iter_mut().zip(&embedding.vector).for_each(|(sum, x)| *sum += weight * x);
    }
    crate::classifier::normalise(&mut sum);
    Ok(sum)
}

/// Vectors of a batch as the router would make them one by one, and whether words were cut beyond the reader's own cut.
pub fn embed_batch(tier: &Tier, prompts: &[&str]) -> Result<(Vec<Vec<f32>>, Vec<bool>), EmbedError> {
    match tier {
        Tier::Static(table) => {
            let vectors =
                prompts.iter().map(|prompt| embed_windows(table, &prompt::read(prompt))).collect::<Result<_, _>>()?;
            Ok((vectors, vec![false; prompts.len()]))
        }
        Tier::Transformer(transformer, _) => {
            let excerpts: Vec<String> = prompts.iter().map(|prompt| prompt::read(prompt).excerpt()).collect();
            let borrowed: Vec<&str> = excerpts.iter().map(String::as_str).collect();
            let embeddings = transformer.embed(&borrowed)?;
            let cut = embeddings.iter().zip(prompts);
            let truncated =
                cut.map(|(embedding, prompt)| embedding.truncated || prompt::read(prompt).excerpt_is_shorter());
            let truncated = truncated.collect();
            Ok((embeddings.into_iter().map(|embedding| embedding.vector).collect(), truncated))
        }
    }
}
