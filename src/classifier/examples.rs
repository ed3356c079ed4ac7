//! The labelled prompts an artifact remembers, to explain a decision by its neighbours. Vectors and ids; texts only where the
//! user chose to keep them. Never read on the way of a request.

use half::f16;

use super::vector::normalise;

/// Remembered prompts. All lists have one entry a prompt, but `texts`, which may be empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExampleIndex {
    /// As in the training file.
    pub ids: Vec<String>,
    /// Task label, empty where there was none.
    pub tasks: Vec<String>,
    /// Complexity label, empty where there was none.
    pub complexities: Vec<String>,
    /// The prompts, if they were kept.
    pub texts: Vec<String>,
    /// Unit length, one after the other; half precision, for they only rank neighbours.
    pub vectors: Vec<f16>,
    /// Length of each vector.
    pub dims: usize,
}

/// One neighbour of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its task label.
    pub task: &'a str,
    /// Its complexity label.
    pub complexity: &'a str,
    /// Its text, if it was kept.
    pub text: Option<&'a str>,
    /// -1..1
    pub cosine: f32,
}

impl ExampleIndex {
    /// The prompts nearest to a vector, nearest first.
    pub fn nearest(&self, vector: &[f32], count: usize) -> Vec<Neighbour<'_>> {
        let mut unit = vector.to_vec();
        normalise(&mut unit);
        let cosine = |row: &[f16]| row.iter().zip(&unit).map(|(a, b)| a.to_f32() * b).sum::<f32>();
        let mut scored: Vec<(usize, f32)> =
            self.vectors.chunks_exact(self.dims.max(1)).map(cosine).enumerate().collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored
            .into_iter()
            .take(count)
            .map(|(index, cosine)| Neighbour {
                id: entry(&self.ids, index).unwrap_or_default(),
                task: entry(&self.tasks, index).unwrap_or_default(),
                complexity: entry(&self.complexities, index).unwrap_or_default(),
                text: entry(&self.texts, index),
                cosine,
            })
            .collect()
    }
}

fn entry(list: &[String], index: usize) -> Option<&str> {
    list.get(index).map(String::as_str)
}
