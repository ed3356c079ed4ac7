//! What a text means, as a vector that can be compared with other texts': from the embedder that novelty reads, less the mean of its training
//! prompts, at unit length. For rules and archetypes.

use super::brain::{Brain, BrainError};
use super::tiers::{Need, embed_batch};
use crate::classifier::normalise;
use crate::prompt;

impl Brain {
    /// One text's vector; waits only where a transformer has to run.
    pub(super) async fn meaning(&self, text: &str) -> Result<Vec<f32>, BrainError> {
        let tier = &self.tiers[self.classifier.novelty_embedder];
        let (vector, _) = tier.embed(&prompt::read(text), Need::Must).await?;
        Ok(self.centred(vector))
    }

    /// The vectors of many texts, computed where it is called.
    pub(super) fn meanings(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, BrainError> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (vectors, _) = embed_batch(&self.tiers[self.classifier.novelty_embedder], &texts)?;
        Ok(vectors.into_iter().map(|vector| self.centred(vector)).collect())
    }

    /// The vectors of the prompts that the artifact remembers.
    pub(super) fn remembered_meanings(&self) -> Vec<Vec<f32>> {
        let examples = &self.classifier.examples;
        let rows = examples.vectors.chunks_exact(examples.dims.max(1));
        rows.map(|row| self.centred(row.iter().map(|x| x.to_f32()).collect())).collect()
    }

    fn centred(&self, mut vector: Vec<f32>) -> Vec<f32> {
        vector.iter_mut().zip(self.classifier.novelty.mean()).for_each(|(x, mean)| *x -= mean);
        normalise(&mut vector);
        vector
    }
}
