//! Writes embeddings as OpenAI lists them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::input::Encoding;
use crate::embedder::Embedding;

/// OpenAI's list of embeddings.
#[derive(Serialize, ToSchema)]
pub(super) struct EmbeddingList {
    object: &'static str,
    data: Vec<ListedEmbedding>,
    model: String,
    usage: EmbeddingUsage,
}

#[derive(Serialize, ToSchema)]
struct ListedEmbedding {
    object: &'static str,
    index: usize,
    embedding: Written,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Written {
    Numbers(Vec<f32>),
    Base64(String),
}

#[derive(Serialize, ToSchema)]
struct EmbeddingUsage {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl EmbeddingList {
    /// A model's embeddings, of which the first numbers are written.
    pub(super) fn new(model: String, embeddings: Vec<Embedding>, encoding: Encoding, dims: usize) -> Self {
        let tokens = embeddings.iter().map(|embedding| embedding.tokens).sum();
        let data = embeddings.into_iter().enumerate().map(|(index, embedding)| {
            let vector = shortened(embedding.vector, dims);
            let embedding = match encoding {
                Encoding::Float => Written::Numbers(vector),
                Encoding::Base64 => {
                    Written::Base64(STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()))
                }
            };
            ListedEmbedding { object: "embedding", index, embedding }
        });
        let usage = EmbeddingUsage { prompt_tokens: tokens, total_tokens: tokens };
        Self { object: "list", data: data.collect(), model, usage }
    }
}

/// The first numbers of a vector, at unit length again. The built-in table's are its principal components, so the first tell most.
fn shortened(mut vector: Vec<f32>, dims: usize) -> Vec<f32> {
    if dims >= vector.len() {
        return vector;
    }
    vector.truncate(dims);
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_vector_has_unit_length_again_and_nothing_stays_nothing() {
        assert_eq!(shortened(vec![0.6, 0.0, 0.8], 3), [0.6, 0.0, 0.8]);
        assert_eq!(shortened(vec![3.0, 4.0, 12.0], 2), [0.6, 0.8]);
        assert_eq!(shortened(vec![-0.5, 0.5], 1), [-1.0]);
        assert_eq!(shortened(vec![0.0, 1.0], 1), [0.0]);
    }
}
