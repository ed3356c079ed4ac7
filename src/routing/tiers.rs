//! The embedders of an artifact as the router runs them, and what classification reads of a prompt. The static tier runs where it
//! is called; only a transformer is queued.

use std::sync::Arc;

use crate::classifier::{Features, LexicalWindows, normalise};
use crate::embedder::{
    EmbedError, Embedder, EmbedderIdentity, EmbeddingQueue, OpenedEmbedder, QueueLimits, StaticTable, Transformer,
};
use crate::prompt::{self, PromptText};

use super::BrainError;

/// An embedder as the router runs it.
#[derive(Clone)]
pub enum Tier {
    /// Inline.
    Static(Arc<StaticTable>),
    /// On the model thread; the bare transformer beside it is for offline batches.
    Transformer(Arc<Transformer>, EmbeddingQueue),
}

/// Whether a decision can do without a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// There is no decision without it.
    Must,
    /// Another tier has spoken; not worth a long wait.
    IfSoon,
}

impl Tier {
    /// Starts what has to be started.
    pub fn start(embedder: OpenedEmbedder) -> Result<Self, BrainError> {
        match embedder {
            OpenedEmbedder::Static(table) => Ok(Self::Static(table)),
            OpenedEmbedder::Transformer(transformer) => {
                let queue = EmbeddingQueue::start(Arc::clone(&transformer), QueueLimits::default())
                    .map_err(BrainError::Thread)?;
                Ok(Self::Transformer(transformer, queue))
            }
        }
    }

    /// Name, size and fingerprint of the embedder.
    pub fn identity(&self) -> &EmbedderIdentity {
        match self {
            Self::Static(table) => table.identity(),
            Self::Transformer(transformer, _) => transformer.identity(),
        }
    }

    /// One prompt's vector, and whether words were cut beyond the reader's own cut. Waits only for a transformer.
    pub(super) async fn embed(&self, text: &PromptText<'_>, need: Need) -> Result<(Vec<f32>, bool), BrainError> {
        match self {
            Self::Static(table) => Ok((embed_windows(table, text)?, false)),
            Self::Transformer(_, queue) => {
                let excerpt = text.excerpt();
                let embedding = match need {
                    Need::Must => queue.embed(&excerpt).await?,
                    Need::IfSoon => queue.embed_soon(&excerpt).await?,
                };
                Ok((embedding.vector, embedding.truncated || text.excerpt_is_shorter()))
            }
        }
    }
}

/// The windows that n-grams and surface counts are read from.
pub fn lexical_windows<'a>(text: &PromptText<'a>) -> LexicalWindows<'a> {
    let (first, last, whole) = text.ends_and_whole();
    let (first_tip, last_tip) = text.tips();
    LexicalWindows { first, last, first_tip, last_tip, whole }
}

/// Everything that classification reads of prompts, by all of these embedders.
pub fn read_features(tiers: &[Tier], prompts: &[&str]) -> Result<Vec<Features>, EmbedError> {
    let mut all: Vec<Features> =
        prompts.iter().map(|prompt| Features::of(lexical_windows(&prompt::read(prompt)))).collect();
    for tier in tiers {
        for (features, vector) in all.iter_mut().zip(embed_batch(tier, prompts)?.0) {
            features.vectors.push(Some(vector));
        }
    }
    Ok(all)
}

/// The static vector of a prompt: its windows' vectors, weighted and added, at unit length.
pub fn embed_windows(table: &StaticTable, text: &PromptText<'_>) -> Result<Vec<f32>, EmbedError> {
    let mut sum = vec![0.0f32; table.identity().dims];
    for (window, weight) in text.weighted_windows() {
        let embedding = table.embed_one(window)?;
        sum.iter_mut().zip(&embedding.vector).for_each(|(sum, x)| *sum += weight * x);
    }
    normalise(&mut sum);
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
